"""`--precompose-only`: a component with its dependencies and middleware as one file, that runs here, in Spin and under
`wasmtime serve` as the parts do where they are composed while they are linked."""

import os
import pathlib
import shutil
import subprocess

import componentize
import p3_guests
import precomposing
import pytest
import twins
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
WASMTIME = os.environ.get("WHORL_PEER_WASMTIME")
SUMS = "test:sums/probe"
HEAD = 'spin_manifest_version = 2\n[application]\nname = "test"\n'
MANIFEST = HEAD + """[variables]
v = { default = "xyz" }
[[trigger.http]]
route = "/..."
component = "caller"
[component.caller]
source = "SOURCE"
environment = { E = "yes" }
files = ["a.txt"]
variables = { v = "{{ v }}" }
"""
INHERITED = {
    "nothing": ("", {"environment": "0", "variable": "denied", "files": "0"}),
    "everything": (", inherit_configuration = true", {"environment": "1", "variable": "3", "files": "1"}),
    "environment and variables": (', inherit_configuration = ["environment", "variables"]', {"environment": "1", "variable": "3", "files": "0"}),
}


@pytest.fixture
def made(tmp_path):
    def make(name):
        folder = tmp_path / "parts"
        folder.mkdir()
        for guest in ("caller", "adder"):
            shutil.copy(componentize.guest(guest, tmp_path), folder / f"{guest}.wasm")
        (folder / "a.txt").write_text("a")
        how, wanted = INHERITED[name]
        (folder / "spin.toml").write_text(MANIFEST.replace("SOURCE", "caller.wasm") +
                                          f'[component.caller.dependencies]\n"{SUMS}" = {{ path = "adder.wasm"{how} }}\n')
        return folder, {"add": "42"} | wanted

    return make


def whole(folder, composed):
    """The same application, its component composed."""
    (folder / "whole.wasm").write_bytes(composed)
    (folder / "spin.toml").write_text(MANIFEST.replace("SOURCE", "whole.wasm"))


def body_of(program, folder):
    case = twins.Case("", [])
    running = twins.Program(program, folder, case)
    try:
        assert running.port, running.errors.read_text()
        return twins.ask(running.port, twins.Request.of("/")).body.decode()
    finally:
        running.close()


def lines(text):
    return dict(line.split(" ", 1) for line in text.splitlines())


@pytest.mark.parametrize("name", INHERITED)
def test_a_composed_component_answers_as_its_parts(made, name):
    folder, expected = made(name)
    assert lines(body_of(whorl.program(), folder)) == expected
    composed = precomposing.precompose(whorl.program(), folder, "caller")
    assert len(composed) > sum((folder / f"{each}.wasm").stat().st_size for each in ("caller", "adder"))
    ended = whorl.run("up", "-f", folder, "--precompose-only", "--precompose-component-id", "nobody")
    assert (ended.returncode, ended.stderr) == (1, "Error: --precompose-component-id: component does not exist\n")
    whole(folder, composed)
    assert lines(body_of(whorl.program(), folder)) == expected


@pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
@pytest.mark.parametrize("name", INHERITED)
def test_spin_runs_what_we_compose_and_we_what_it_composes(made, name):
    folder, expected = made(name)
    ours, theirs = (precomposing.precompose(program, folder, "caller") for program in (whorl.program(), SPIN))
    whole(folder, ours)
    assert lines(body_of(SPIN, folder)) == expected
    whole(folder, theirs)
    answers = [lines(body_of(program, folder)) for program in (SPIN, whorl.program())]
    assert answers[0] == answers[1]
    if name == "everything":
        assert answers[0] == expected


@pytest.mark.skipif(not WASMTIME, reason="NO PEER: WHORL_PEER_WASMTIME names no program")
def test_a_host_that_knows_no_spin_serves_it(made):
    """What was denied is no import any more."""
    folder, expected = made("nothing")
    (folder / "whole.wasm").write_bytes(precomposing.precompose(whorl.program(), folder, "caller"))
    port = twins.free_port()
    serving = subprocess.Popen([WASMTIME, "serve", "-Scli", f"--addr=127.0.0.1:{port}", folder / "whole.wasm"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = whorl.Output(serving.stderr)
    try:
        assert errors.wait_for(r"Serving HTTP on"), errors.text
        assert lines(twins.ask(port, twins.Request.of("/")).body.decode()) == expected
    finally:
        serving.kill()
        serving.wait()


def test_middleware_is_composed(tmp_path):
    built = {name: p3_guests.build(tmp_path, name) for name in ("multi3", "middleware3")}
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, file in built.items():
        shutil.copy(file, folder / f"{name}.wasm")
    text = HEAD + '[[trigger.http]]\nroute = "/..."\ncomponent = "main"\nMIDDLEWARE\n[component.main]\nsource = "SOURCE"\n'
    with_it = 'dependencies.middleware = [{ path = "middleware3.wasm" }, { path = "middleware3.wasm" }]'
    (folder / "spin.toml").write_text(text.replace("MIDDLEWARE", with_it).replace("SOURCE", "multi3.wasm"))
    composed = precomposing.precompose(whorl.program(), folder, "main")
    theirs = precomposing.precompose(SPIN, folder, "main") if SPIN else composed
    (folder / "spin.toml").write_text(text.replace("MIDDLEWARE", "").replace("SOURCE", "whole.wasm"))
    echo = twins.Request.of("/echo", "POST", body=b"x" * 1000)
    for program, file in [(whorl.program(), theirs), *([(SPIN, composed)] if SPIN else [])]:
        (folder / "whole.wasm").write_bytes(file)
        running = twins.Program(program, folder, twins.Case("", []))
        try:
            assert running.port, running.errors.read_text()
            answer = twins.ask(running.port, echo)
            assert (answer.status, answer.body) == (202, b"x" * 1000)
        finally:
            running.close()
    (folder / "whole.wasm").write_bytes(composed)
    with whorl.Server.start("-f", folder) as server:
        response = server.post("/echo", b"x" * 100_000)
        assert (response.status, response.body) == (202, b"x" * 100_000), server.err.text
        assert {server.get("/count").body for _ in range(3)} == {b"1"}


def test_what_does_not_fit(made):
    folder, _ = made("nothing")
    text = (folder / "spin.toml").read_text()
    (folder / "spin.toml").write_text(text.replace('path = "adder.wasm"', 'path = "adder.wasm", export = "x:y/z"'))
    assert "doesn't export 'x:y/z' to satisfy import" in precomposing.refuse(whorl.program(), folder, "caller")
