"""`build` checks components against the environments that a manifest names as targets, as Spin does: the same cases are
given to both where WHORL_PEER_SPIN names a Spin, and what is printed must be the same."""

from __future__ import annotations

import dataclasses
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest
import whorl

GUESTS = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))
SPIN = os.environ.get("WHORL_PEER_SPIN")
pytestmark = pytest.mark.skipif(not (GUESTS / "c-hello.wasm").exists(), reason="NO GUESTS: WHORL_GUESTS names no folder")

ENV = '{ path = "env.toml" }'
IO = """package wasi:io@0.2.0;
interface error { resource error; }
interface poll { resource pollable; poll: func(in: list<borrow<pollable>>) -> list<u32>; }
interface streams {
  use error.{error};
  use poll.{pollable};
  variant stream-error { last-operation-failed(error), closed }
  resource input-stream { read: func(len: u64) -> result<list<u8>, stream-error>; subscribe: func() -> pollable; }
  resource output-stream {
    check-write: func() -> result<u64, stream-error>;
    write: func(contents: list<u8>) -> result<_, stream-error>;
    @since(version = 0.2.0)
    flush: func() -> result<_, stream-error>;
    blocking-flush: func() -> result<_, stream-error>;
    blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    subscribe: func() -> pollable;
  }
}
"""
SMALL = "package t:w@1.0.0;\ninterface i { r: func(a: u32) -> string; }\nworld w { import i; export run: func(); export j: interface { x: func(); } }\n"


def worlds(*entries: str, more: str = "") -> str:
    return f"[triggers]\nhttp = {{ worlds = [{', '.join(entries)}]{more} }}\n"


def folder_world(name: str = "t:w/w@1.0.0", path: str = "w") -> str:
    return f'{{ path = "{path}", world = "{name}" }}'


@dataclasses.dataclass
class Case:
    exit_code: int
    targets: str = ENV
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    component: str = ""  # lines of its table
    more: str = ""  # of the manifest
    trigger: str = 'http]]\nroute = "/..."'
    guest: str = "c-hello.wasm"
    flags: tuple[str, ...] = ()


def small(*, env: str = worlds(folder_world()), wit: str = SMALL, **files: str) -> dict[str, str]:
    return {"env.toml": env, "w/a.wit": wit} | {name.replace("__", "/") + ".wit": text for name, text in files.items()}


CASES = {
    "nothing offered": Case(1, files=small()),
    "two environments": Case(1, f'{ENV}, {{ path = "other.toml" }}', small() | {"other.toml": worlds(folder_world())}),
    "a core module": Case(1, files=small(), guest="c-p2-core.wasm"),
    "a command of preview 1": Case(1, files=small(), guest="rust-wasip1-wagi.wasm"),
    "another core module": Case(1, files=small(), guest="rust-spin5-wasip1-core.wasm"),
    "a component of Rust": Case(1, files=small(), guest="rust-spin7-component.wasm"),
    "a component of JavaScript": Case(1, files=small(), guest="js-spin-p2.wasm"),
    "a component of Go": Case(1, files=small(), guest="go-p2.wasm"),
    "part of an interface": Case(1, files=small(wit="package t:w;\nworld w { import wasi:io/streams@0.2.0; }\n", w__deps__io=IO)),
    "another type": Case(1, files=small(wit="package t:w;\nworld w { import wasi:io/streams@0.2.0; }\n", w__deps__io=IO.replace("contents: list<u8>", "contents: list<u16>"))),
    "another resource": Case(1, files=small(wit="package t:w;\nworld w { import wasi:io/error@0.2.0; }\n", w__deps__io=IO.replace("resource error;", "record error { a: u8 }"))),
    "the last world is told": Case(1, files=small(env=worlds(folder_world(), folder_world("t:w/v@1.0.0")), wit=SMALL + "world v { }\n")),
    "one world is enough": Case(0, files=small(env=worlds(folder_world(), folder_world("t:w/v@1.0.0")), wit=SMALL + "world v { }\n"), guest="empty"),
    "a world in another package": Case(1, files=small(env=worlds(folder_world("q:q/w@9.0.0")))),
    "no such world": Case(1, files=small(env=worlds(folder_world("t:w/z@1.0.0")))),
    "no worlds": Case(0, files={"env.toml": worlds()}),
    "an environment for everything": Case(0, files={"env.toml": "default = { worlds = [] }\n[triggers]\n"}),
    "no such trigger type": Case(1, files={"env.toml": "[triggers]\nredis = { worlds = [] }\n"}),
    "a trigger of a plugin": Case(1, files={"env.toml": "[triggers]\n"}, trigger='cron]]\nx = 1'),
    "chaining": Case(1, files={"env.toml": worlds()}, component='allowed_outbound_hosts = ["http://x.spin.internal"]'),
    "chaining, offered": Case(0, files={"env.toml": worlds(more=', capabilities = ["local_service_chaining"]')}, component='allowed_outbound_hosts = ["http://x.spin.internal"]'),
    "both misfits": Case(1, files=small(), component='allowed_outbound_hosts = ["http://x.spin.internal"]'),
    "targets of a component": Case(0, files=small() | {"open.toml": worlds()}, component='targets = [{ path = "open.toml" }]'),
    "no targets for a component": Case(0, files=small(), component="targets = []"),
    "not for this component": Case(0, files=small(), flags=("-c", "b"), more='[component.b]\nsource = "b.wasm"\nbuild = { command = "true" }\n'),
    "skipped": Case(0, files=small(), flags=("--skip-target-checks",)),
    "skipped, singular": Case(0, files=small(), flags=("--skip-target-check",)),
    "a dependency": Case(1, files=small(), component='dependencies = { "wasi:http/types@0.2.4" = { path = "d.wasm", export = "wasi:http/incoming-handler@0.2.0" } }', flags=("--skip-generate-wits",)),
    "no such file": Case(1, '{ path = "nope.toml" }'),
    "no such folder": Case(1, files={"env.toml": worlds(folder_world(path="nope"))}),
    "no TOML": Case(1, files={"env.toml": "x = = 1"}),
    "an unknown key": Case(1, files={"env.toml": "foo = 1\n[triggers]\n"}),
    "an unknown key of a trigger": Case(1, files={"env.toml": "[triggers]\nhttp = { worlds = [], foo = 1 }\n"}),
    "no triggers": Case(1, files={"env.toml": "default = { worlds = [] }\n"}),
    "no worlds of a trigger": Case(1, files={"env.toml": "[triggers]\nhttp = {}\n"}),
    "no world's name": Case(1, files={"env.toml": worlds('"nonsense"')}),
    "a reference to nothing": Case(1, files={"env.toml": worlds('{ pat = "w", world = "t:w/w@1.0.0" }')}),
    "a mistake in WIT": Case(1, files=small(wit="package t:w@1.0.0;\ninterface i {")),
    "a component that is missing": Case(1, files={"env.toml": worlds()}, more='[[trigger.http]]\nroute = "/b"\ncomponent = "b"\n[component.b]\nsource = "b.wasm"\n'),
    "a component that is not there": Case(1, files={"env.toml": worlds()}, more='[[trigger.http]]\nroute = "/b"\ncomponent = "b"\n'),
}


def run(folder: pathlib.Path, case: Case, program: str) -> subprocess.CompletedProcess:
    if case.guest == "empty":
        (folder / "g.wasm").write_bytes(b"\0asm\x0d\0\x01\0")
    else:
        shutil.copy(GUESTS / case.guest, folder / "g.wasm")
    shutil.copy(GUESTS / "c-p2.wasm", folder / "d.wasm")
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "spin.toml").write_text(f"""spin_manifest_version = 2
[application]
name = "a"
targets = [{case.targets}]
[[trigger.{case.trigger}
component = "r"
[component.r]
source = "g.wasm"
{case.component}
[component.r.build]
command = "true"
{case.more}""")
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "LC_ALL": "C"}
    return subprocess.run([program, "build", *case.flags], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def comparable(stderr: str) -> list[str]:
    """The lines, without what only we say: advice, and why types differ further in."""
    kept = [line for line in stderr.split("\n\nHelp: ")[0].splitlines() if not re.match(r"  (because:|        ) ", line)]
    return [line for line in "\n".join(kept).replace("DIR/", "./").splitlines() if line.strip()]


@pytest.mark.parametrize("name", CASES)
def test_exit_code(name, tmp_path):
    built = run(tmp_path, CASES[name], whorl.program())
    assert (built.returncode, "") == (CASES[name].exit_code, "" if built.returncode == CASES[name].exit_code else built.stderr)
    assert built.stdout.endswith("Finished building all Spin components\n")
    told = "one or more was incompatible" in built.stderr or "unable to check if the application is compatible" in built.stderr
    assert told == (built.returncode != 0)


# Messages of parsers that are not ours to repeat, and one that says less than it could.
OWN_WORDS = {"no TOML", "a mistake in WIT"}


@pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
@pytest.mark.parametrize("name", [name for name in CASES if name not in OWN_WORDS])
def test_as_spin(name, tmp_path):
    for who in ("ours", "theirs"):
        (tmp_path / who).mkdir()
    ours = run(tmp_path / "ours", CASES[name], whorl.program())
    theirs = run(tmp_path / "theirs", CASES[name], SPIN)
    assert (ours.returncode, ours.stdout, comparable(ours.stderr)) == (theirs.returncode, theirs.stdout, comparable(theirs.stderr))


def test_environments_that_need_no_catalogue(tmp_path):
    fits = {
        ("spin-up:3.6", "c-hello.wasm"): True, ("spin-up:4.1", "c-hello.wasm"): True, ("spin-up@4.1", "c-p3.wasm"): True,
        ("spin-up:3.4", "c-p3.wasm"): False, ("spin-up:4.1", "rust-spin7-component.wasm"): True,
        ("spin-up:3.2", "js-spin-p2.wasm"): True, ("spin-up:4.1", "py-spin5-p3.wasm"): True, ("spin-up:3.6", "go-p2.wasm"): True,
        ("spin-up:4.1", "rust-spin7-wasip1-core.wasm"): True, ("spin-up:4.1", "rust-wasip1-wagi.wasm"): False,
    }
    found = {}
    for number, (target, guest) in enumerate(fits):
        folder = tmp_path / str(number)
        folder.mkdir()
        found[target, guest] = run(folder, Case(0, f'"{target}"', guest=guest), whorl.program()).returncode == 0
    assert found == fits


def test_an_environment_of_the_catalogue(tmp_path):
    case = Case(1, '"mine:1.2"', {"cache/spin/environments/envs/mine/mine@1.2.toml": "[triggers]\nredis = { worlds = [] }\n"})
    built = run(tmp_path, case, whorl.program())
    assert built.returncode == 1 and "Environment mine@1.2 does not support trigger type http" in built.stderr


def test_an_environment_at_a_url(tmp_path):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[triggers]\nredis = { worlds = [] }\n")

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/envs/far.toml"
        built = run(tmp_path, Case(1, f'{{ url = "{url}" }}'), whorl.program())
    finally:
        server.shutdown()
        server.server_close()
    assert built.returncode == 1 and "Environment far does not support trigger type http" in built.stderr
    gone = run(tmp_path, Case(1, f'{{ url = "{url}" }}'), whorl.program())
    assert gone.returncode == 1 and "unable to check if the application is compatible with deployment targets" in gone.stderr


def test_building_before_up_checks_too(tmp_path):
    run(tmp_path, Case(1, files=small()), whorl.program())
    up = subprocess.run([whorl.program(), "up", "--build", "--listen", "127.0.0.1:0"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert up.returncode == 1 and "can't run in environment env" in up.stderr
