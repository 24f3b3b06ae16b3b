"""`--precompose-only` of core modules: components are made of them, which Whorl, Spin and hosts that know neither run."""

import os
import pathlib
import shutil
import subprocess

import described
import precomposing
import pytest
import twins
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
WASMTIME = os.environ.get("WHORL_PEER_WASMTIME")
needs_spin = pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
GUESTS = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))
SUITES = pathlib.Path(os.environ.get("WHORL_SUITES", whorl.ROOT.parent / "shared" / "suites")) / "spin"
LEGACY = SUITES / "tests" / "testcases" / "legacy-apps-test"
MANIFEST = """[[trigger.http]]
route = "/base/..."
component = "main"
EXECUTOR
[component.main]
source = "main.wasm"
environment = { E = "yes", F = "too" }
key_value_stores = ["default"]
variables = { v = "value" }
"""
WAGI = 'executor = { type = "wagi" }'
SETTINGS = '[component.main.dependencies]\n"fermyon:spin/config" = { path = "settings.wasm"HOW }\n'


def app(folder, main, executor="", dependencies=""):
    whorl.manifest(folder, MANIFEST.replace("EXECUTOR", executor) + dependencies)
    (folder / "main.wasm").write_bytes(main)
    return folder


def answer(program, folder, target):
    running = twins.Program(program, folder, twins.Case("", []))
    try:
        assert running.port, running.errors.read_text()
        given = twins.ask(running.port, twins.Request.of(target))
        return given.status, sorted(given.body.splitlines())
    finally:
        running.close()


def programs():
    return [whorl.program(), *([SPIN] if SPIN else [])]


SERVICES = {
    "rust-spin5-wasip1-core": b"Hello World from spin-sdk 5!",
    "rust-spin6-wasip1-core": b"Hello World from spin-sdk 6!",
    "c-p2-core": b"hello from C via wasi:http",
}


def prebuilt(folder, name):
    file = folder / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS and WHORL_SUITES")
    return file.read_bytes()


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_describes_its_world(tmp_path, name):
    folder = app(tmp_path, prebuilt(GUESTS, name))
    made = precomposing.precompose(whorl.program(), folder, "main")
    assert made[:8] == b"\0asm\x0d\0\x01\0"
    app(folder, made)
    for program in programs():
        assert answer(program, folder, "/base/") == (200, [SERVICES[name]])


@pytest.mark.skipif(not WASMTIME, reason="NO PEER: WHORL_PEER_WASMTIME names no program")
@pytest.mark.parametrize("name", ["rust-spin5-wasip1-core", "c-p2-core"])
def test_a_host_that_knows_no_spin_serves_it(tmp_path, name):
    folder = app(tmp_path, prebuilt(GUESTS, name))
    (folder / "main.wasm").write_bytes(precomposing.precompose(whorl.program(), folder, "main"))
    port = twins.free_port()
    serving = subprocess.Popen([WASMTIME, "serve", "-Scli", f"--addr=127.0.0.1:{port}", folder / "main.wasm"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = whorl.Output(serving.stderr)
    try:
        assert errors.wait_for(r"Serving HTTP on"), errors.text
        assert twins.ask(port, twins.Request.of("/")).body.strip() == SERVICES[name]
    finally:
        serving.kill()
        serving.wait()


def test_a_command_has_its_arguments_and_its_environment(tmp_path):
    folder = app(tmp_path, whorl.guest("cgi").read_bytes(), WAGI)
    _, expected = answer(whorl.program(), folder, "/base/a?x=1")
    app(folder, precomposing.precompose(whorl.program(), folder, "main"), WAGI)
    for program in programs():
        status, lines = answer(program, folder, "/base/a?x=1")
        assert status == 200
        for line in (b"arg /base/a", b"arg x=1", b"env E=yes", b"env PATH_INFO=/a"):
            assert line in lines and line in expected


@pytest.mark.parametrize("name, text", [("legacy-golang", b"Hello Fermyon!"), ("legacy-rust", b"Hello, Fermyon"),
                                        ("legacy-javascript", b"Hello from JS-SDK"), ("legacy-typescript", b"Hello from TS-SDK")])
def test_the_modules_of_2022(tmp_path, name, text):
    folder = app(tmp_path, prebuilt(LEGACY, name.replace("golang", "go")))
    app(folder, precomposing.precompose(whorl.program(), folder, "main"))
    for program in programs():
        assert answer(program, folder, "/base/") == (200, [text])


@pytest.mark.parametrize("target, lines", [("config/v", [b"value"]), ("kv/key", [b"value of key"]), ("redis", [b"error 1"])])
def test_what_a_module_of_2022_imports(tmp_path, target, lines):
    folder = app(tmp_path, whorl.guest("old").read_bytes())
    app(folder, precomposing.precompose(whorl.program(), folder, "main"))
    for program in programs():
        assert answer(program, folder, f"/base/{target}") == (200, lines)


def settings(version="0.30.0", tool="wit-bindgen-c"):
    return described.module(whorl.guest("settings").read_bytes(), "fermyon:spin/config", described.config(), tool, version)


@pytest.mark.parametrize("how, line", [("", b"k 0"), (", inherit_configuration = true", b"k 2"),
                                       (', inherit_configuration = ["environment"]', b"k 2")])
def test_core_modules_of_two_times_become_one_component(tmp_path, how, line):
    """One of 2022 whose settings come from one of today, instead of the host."""
    dependencies = SETTINGS.replace("HOW", how)
    folder = app(tmp_path / "parts", whorl.guest("old").read_bytes(), dependencies=dependencies)
    (folder / "settings.wasm").write_bytes(settings())
    assert answer(whorl.program(), folder, "/base/config/key") == (200, [line])
    made = [precomposing.precompose(program, folder, "main") for program in programs()]
    for each in made:
        whole = app(tmp_path / "whole", each)
        for program in programs():
            if each is made[0] or "environment" not in how:  # Spin denies what it then needs
                assert answer(program, whole, "/base/config/key") == (200, [line])


@pytest.mark.parametrize("name", ["multi", "caller"])
def test_a_module_that_says_nothing_of_its_world_is_refused_as_in_spin(tmp_path, name):
    folder = app(tmp_path, whorl.guest(name).read_bytes())
    for program in programs():
        text = precomposing.refuse(program, folder, "main")
        for line in ("failed to precompose component main", 'failed to resolve dependencies for component "main"',
                     "an error occurred when preparing dependencies", f'failed to componentize "{folder}/main.wasm"',
                     "failed to decode world from module"):
            assert line in text
    assert "the module does not say which generator of bindings made it" in precomposing.refuse(whorl.program(), folder, "main")
    assert "wasm-tools component embed" in precomposing.refuse(whorl.program(), folder, "main")


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "0.x"])
def test_other_generators_of_bindings_are_refused_as_in_spin(tmp_path, version):
    folder = app(tmp_path, settings(version))
    for program in programs():
        assert f"cannot adapt modules created with wit-bindgen version {version}" in precomposing.refuse(program, folder, "main")


@pytest.mark.parametrize("size", [0, 7, 8, 60, 200])
def test_a_file_that_ends_early(tmp_path, size):
    folder = app(tmp_path, settings()[:size])
    if size == 8:  # a module with nothing in it
        assert precomposing.precompose(whorl.program(), folder, "main")[4] == 0x0D
        return
    for program in programs():
        assert f'failed to componentize "{folder}/main.wasm"' in precomposing.refuse(program, folder, "main")


def test_a_component_stays_as_it_is(tmp_path):
    empty = b"\0asm\x0d\0\x01\0"
    for program in programs():
        assert precomposing.precompose(program, app(tmp_path, empty), "main") == empty


def test_a_dependency_that_cannot_be_one(tmp_path):
    folder = app(tmp_path, whorl.guest("old").read_bytes(), dependencies=SETTINGS.replace("HOW", ""))
    shutil.copy(whorl.guest("multi"), folder / "settings.wasm")
    for program in programs():
        text = precomposing.refuse(program, folder, "main")
        assert f'failed to componentize "{folder}/settings.wasm"' in text
        assert "failed to decode world from module" in text
