"""A guest of each toolchain, built by tests/guests/<language>/build.sh from the package registries, answers."""

import pathlib
import shutil

import pytest
import toolchains
import whorl

# Language → how it is run, and what it answers to /x/y?q=1
WAGI = {
    "c": "C 2 /x/y q=1\n",
    "cpp": "C++ 2 /x/y q=1\nbye\n",
    "go": "Go 2 /x/y q=1\n",
    "zig": "Zig\n",
    "assemblyscript": "AssemblyScript /x/y q=1\n",
    "rust-wasip1": "Rust 2 /x/y q=1\n",
    "rust-wasip2": "Rust 2 /x/y q=1\n",
}
COMPONENT = {
    "javascript": "JavaScript /x/y?q=1\n",
    "typescript": "TypeScript /x/y?q=1\n",
    "python": "Python /x/y?q=1\n",
    "rust-sdk5": "Rust SDK 5 /x/y?q=1\n",
    "rust-sdk6": "Rust SDK 6 /x/y?q=1\n",
    "rust-sdk7": "Rust SDK 7 /x/y?q=1\n",
    "rust-wasi3": "Rust WASI 0.3.2 /x/y?q=1\n",
}


def ask(tmp_path: pathlib.Path, wasm: pathlib.Path, executor: str, more: str = "", **server_options) -> whorl.Response:
    folder = whorl.manifest(tmp_path / "app", f"""[[trigger.http]]
route = "/..."
component = "guest"
{executor}
[component.guest]
source = "{wasm}"
{more}
""")
    with whorl.Server.start("-f", folder, timeout=300, **server_options) as server:
        first = server.get("/x/y?q=1", timeout=60)
        again = server.get("/x/y?q=1", timeout=60)
        assert (again.status, again.body) == (first.status, first.body)
        return first


@pytest.mark.parametrize("language", WAGI)
def test_a_command_answers(language, tmp_path):
    answer = ask(tmp_path, toolchains.built(language, tmp_path), 'executor = { type = "wagi" }')
    assert (answer.status, answer.body.decode()) == (200, WAGI[language])


@pytest.mark.parametrize("language", COMPONENT)
def test_a_component_answers(language, tmp_path):
    answer = ask(tmp_path, toolchains.built(language, tmp_path), "")
    assert (answer.status, answer.body.decode()) == (200, COMPONENT[language])
    assert answer.header("content-type") == "text/plain"


# Version of wit-bindgen → the interface of stores that its world imports.
BINDGEN = {
    "0.7": "fermyon:spin/key-value",
    "0.8": "fermyon:spin/key-value",
    "0.9": "fermyon:spin/key-value",
    "0.10": "wasi:keyvalue/store@0.2.0-draft2",
    "0.11": "wasi:keyvalue/store@0.2.0-draft2",
    "0.12": "wasi:keyvalue/store@0.2.0-draft2",
    "0.13": "fermyon:spin/key-value@2.0.0",
}


def old_service(version: str, tmp_path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The module and an app of it."""
    package = f"b{version[2:]}"
    build = toolchains.GUESTS / "bindgen" / "build.sh"
    wasm = toolchains.kept(f"bindgen-{package}", toolchains.key_of("bindgen"), tmp_path, lambda out: [build, package, out])
    return wasm, whorl.manifest(tmp_path / "app", f"""[[trigger.http]]
route = "/..."
component = "guest"
[component.guest]
source = "{wasm}"
key_value_stores = ["default"]
""")


@pytest.mark.parametrize("version, stores", BINDGEN.items(), ids=BINDGEN)
def test_a_core_module_of_an_old_wit_bindgen_answers(version, stores, tmp_path):
    """Worlds as they were described in 2023, functions without and with resources, as the module was linked."""
    wasm, folder = old_service(version, tmp_path)
    assert b"component-type:old\x03" in wasm.read_bytes()
    told = whorl.run("inspect", wasm).stdout
    assert "export fermyon:spin/inbound-http;" in told
    assert f"import {stores};" in told
    with whorl.Server.start("-f", folder, timeout=300) as server:
        for visit in (1, 2):
            answer = server.get("/x/y?q=1")
            assert (answer.status, answer.body.decode()) == (
                200, f"wit-bindgen {version}, /x/y?q=1, visit Some({visit})\n")
        assert answer.header("x-old") == version[2:]


def test_a_core_module_of_the_oldest_wit_bindgen_with_a_world_is_refused(tmp_path):
    """0.5 and 0.6 described documents, which no tool reads any more: Spin refuses such a module as well."""
    wasm, folder = old_service("0.6", tmp_path)
    assert b"component-type:old\x02" in wasm.read_bytes()
    ended = whorl.run("up", "-f", folder, "--listen", "127.0.0.1:0")
    assert ended.returncode != 0
    assert "its world is described as wit-bindgen did before June 2023" in ended.stderr
    assert "build the module with a newer wit-bindgen" in ended.stderr


def test_a_ruby_script_answers_on_quick_code(tmp_path):
    """Its frames are so large that 1.5 MiB of stack were too little."""
    executor = 'executor = { type = "wagi", argv = "ruby --disable-gems /main.rb ${SCRIPT_NAME} ${ARGS}" }'
    (tmp_path / "app").mkdir()
    shutil.copy(toolchains.GUESTS / "ruby" / "main.rb", tmp_path / "app")
    answer = ask(tmp_path, toolchains.built("ruby", tmp_path), executor, 'files = ["main.rb"]',
                 env={"WHORL_CACHE_DIR": str(tmp_path / "cache")})
    assert (answer.status, answer.body.decode()) == (200, "Ruby 2 /x/y q=1\n")
