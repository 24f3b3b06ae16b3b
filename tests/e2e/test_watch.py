"""`watch`: what changes is built, and the running server swaps it in place; nothing is dropped.

WHORL_RELOADS=1000 runs the full count.
"""

import contextlib
import os
import pathlib
import re
import signal
import statistics
import subprocess
import time

import pytest
import whorl
from test_reload import Load, generation_of

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "multi"
[component.multi]
source = "out/multi.wasm"
environment = { GREETING = "GENERATION" }
[component.multi.build]
command = "mkdir -p out && sh build.sh"
watch = ["src/*.txt", "build.sh"]
"""
EDITS = int(os.environ.get("WHORL_RELOADS", "10"))


def put(path, text):
    """As editors do: a new file, renamed over the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / ".tmp").write_text(text)
    os.rename(path.parent / ".tmp", path)


@pytest.fixture
def folder(tmp_path):
    whorl.manifest(tmp_path, MANIFEST.replace("GENERATION", "0"))
    (tmp_path / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    (tmp_path / "counter.wasm").write_bytes(whorl.guest("counter").read_bytes())
    put(tmp_path / "src" / "which.txt", "multi")
    put(tmp_path / "build.sh", "cp $(cat src/which.txt).wasm out/new && mv out/new out/multi.wasm\n")
    return tmp_path


@contextlib.contextmanager
def watching(folder, *flags, up=(), serving=True):
    command = [whorl.program(), "watch", *flags, "--listen", "127.0.0.1:0", *up]
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
    server = whorl.Server(process, 0, out, err)
    try:
        if serving:
            find_port(server)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def find_port(server):
    match = server.out.wait_for(r"Serving http://127\.0\.0\.1:(\d+)\n", whorl.START_TIMEOUT_S)
    assert match, server.out.text + server.err.text
    server.port = int(match.group(1))


def reloads(server):
    return server.err.text.count("Reloaded the application.")


def until(condition, server, seconds=whorl.IO_TIMEOUT_S):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline and server.process.poll() is None, server.out.text + server.err.text
        time.sleep(0.005)


def test_edits_are_built_and_served_without_a_failed_request(folder):
    delays = []
    with watching(folder) as server, Load(server) as load:
        assert server.out.text.startswith("Building component multi with `mkdir -p out && sh build.sh`\n"
                                          "Finished building all Spin components\n")
        for edit in range(1, EDITS + 1):
            before = time.monotonic()
            put(folder / "src" / "which.txt", "multi\n" * (edit % 2) or "multi")
            until(lambda: reloads(server) == edit, server)
            delays.append(time.monotonic() - before)
        assert not load.failures
        assert load.answers > EDITS
    print(f"edit to served: median {statistics.median(delays) * 1000:.0f} ms")


def test_a_failed_build_keeps_the_last_good_version(folder):
    with watching(folder) as server:
        put(folder / "build.sh", "exit 3\n")
        assert server.err.wait_for(r"Error: Build command for component multi failed with status Exited\(3\)")
        assert generation_of(server) == 0
        put(folder / "build.sh", "cp counter.wasm out/multi.wasm\n")
        until(lambda: reloads(server) == 1, server)
        assert generation_of(server) is None  # another program


def test_a_first_build_that_fails_is_waited_out(folder):
    put(folder / "src" / "which.txt", "nosuch")
    with watching(folder, serving=False) as server:
        assert server.err.wait_for("Error: Build command for component multi failed")
        put(folder / "src" / "which.txt", "multi")
        find_port(server)
        assert generation_of(server) == 0


def test_manifest_changes_are_served(folder):
    with watching(folder) as server:
        put(folder / "spin.toml", (folder / "spin.toml").read_text().replace('"0"', '"1"'))
        until(lambda: reloads(server) == 1, server)
        assert generation_of(server) == 1
        assert server.out.text.count("Building component") == 1  # nothing about building has changed
        put(folder / "spin.toml", "[[[")
        assert server.err.wait_for("Error: Cannot read manifest file from")
        assert generation_of(server) == 1


def test_without_builds_the_artifact_counts(folder):
    (folder / "out").mkdir()
    (folder / "out" / "multi.wasm").write_bytes((folder / "multi.wasm").read_bytes())
    with watching(folder, "--skip-build") as server:
        assert "Building" not in server.out.text
        put(folder / "src" / "which.txt", "counter")
        os.rename(folder / "counter.wasm", folder / "out" / "multi.wasm")
        until(lambda: reloads(server) == 1, server)
        assert generation_of(server) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_also_while_building(folder, number):
    put(folder / "build.sh", "touch started; sleep 1000\n")
    with watching(folder, serving=False) as server:
        until(lambda: (folder / "started").exists(), server)
        assert server.stop(number) == 0


def test_refusals(folder):
    for arguments, status, text in [
        (("--debounce", "x"), 2, "error: invalid value 'x' for '--debounce <DEBOUNCE>': invalid digit found in string"),
        (("--nosuch",), 2, "error: unexpected argument '--nosuch' found"),
        (("-f", "nosuch"), 1, "Error: No such file or directory 'nosuch'"),
        (("--listen", "x"), 2, "invalid socket address"),
        (("--quiet", "-f", "other"), 1, "'--from <APPLICATION>' cannot be used multiple times"),
    ]:
        ended = whorl.run("watch", *arguments, cwd=folder)
        assert (ended.returncode, text in ended.stderr) == (status, True), ended.stderr


def test_the_screen_is_cleared(folder):
    with watching(folder, "--clear") as server:
        assert "\x1b[H\x1b[2J\x1b[3J" in server.out.text
        assert not re.search("haven't configured", server.err.text)


WIT = "package t:w@1.0.0;\nworld w { WHAT }\n"
ENVIRONMENT = '[triggers]\nhttp = { worlds = [{ path = "w", world = "t:w/w@1.0.0" }] }\n'


def test_targets_are_checked_as_build_does(folder):
    """A component that no target offers enough for is not loaded; the one that runs stays."""
    guests = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))
    if not (guests / "c-hello.wasm").exists():
        pytest.skip("NO GUESTS: WHORL_GUESTS names no folder")
    (folder / "hello.wasm").write_bytes((guests / "c-hello.wasm").read_bytes())
    text = whorl.manifest(folder, MANIFEST).joinpath("spin.toml").read_text()
    text = text.replace('version = "1.0.0"', 'version = "1.0.0"\ntargets = [{ path = "env.toml" }]')
    put(folder / "w" / "a.wit", WIT.replace("WHAT", "import nothing: func();"))
    put(folder / "env.toml", ENVIRONMENT)
    put(folder / "src" / "which.txt", "hello")
    put(folder / "spin.toml", text)
    with watching(folder, serving=False) as server:
        until(lambda: "incompatible with one or more of the deployment targets" in server.err.text, server)
        assert "can't run in environment env" in server.err.text
        assert "Serving" not in server.out.text
        put(folder / "spin.toml", text.replace('targets = [{ path = "env.toml" }]', ""))
        find_port(server)
        assert server.get("/").status == 200
        # Again: what runs stays.
        told = server.err.text.count("can't run in environment env")
        put(folder / "spin.toml", text.replace('"/..."', '"/other"'))
        until(lambda: server.err.text.count("can't run in environment env") > told, server)
        assert server.get("/").status == 200
