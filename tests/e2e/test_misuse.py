"""Every function of every interface is called with what no guest should say: handles that are none, pointers out of
memory, lengths without end, and twice. The guest ends, alone; the program and its other guests go on.

The functions and their core types are those of a module that wasm-tools makes of the WIT tree.
"""

import pathlib
import re
import shutil
import subprocess

import p3_guests
import pytest
import wasm_dump
import whorl

TYPES = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C}
ENTRY = b"wasi:http/incoming-handler@0.2.0#handle"
# What guests export, and what is there only when asked for.
NOT_OFFERED = re.compile("inbound-(http|redis)|incoming-handler|http/handler|cli/run|timezone|wasi:otel")
# What each argument is, by round; a function is called with the same ones twice.
ARGUMENTS = {"all bits": -1, "nothing": 0, "one": 1, "the end of memory": 65535}


def leb(value: int) -> bytes:
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        done = value == (-1 if byte & 0x40 else 0)
        out += bytes([byte if done else byte | 0x80])
        if done:
            return out


def size(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def section(kind: int, *items: bytes) -> bytes:
    body = size(len(items)) + b"".join(items)
    return bytes([kind]) + size(len(body)) + body


def name(text: bytes) -> bytes:
    return size(len(text)) + text


def signature(item: wasm_dump.Item) -> tuple[list[str], list[str]]:
    return tuple([each for each in side.strip("()").split(",") if each] for side in item.type.split("->"))


def module(item: wasm_dump.Item, value: int) -> bytes:
    """A service that does nothing but call that import twice."""
    parameters, results = signature(item)

    def function(taken: list[str], given: list[str]) -> bytes:
        return b"\x60" + b"".join(size(len(each)) + bytes(TYPES[t] for t in each) for each in (taken, given))

    constant = {"i32": b"\x41" + leb(value), "i64": b"\x42" + leb(value),
                "f32": b"\x43\0\0\xc0\x7f", "f64": b"\x44\0\0\0\0\0\0\xf8\x7f"}
    call = b"".join(constant[each] for each in parameters) + b"\x10\0" + b"\x1a" * len(results)
    bodies = [b"\0" + call * 2 + b"\x0b", b"\0\x41\x10\x0b"]  # the second: realloc, which says 16
    return b"\0asm\1\0\0\0" + b"".join([
        section(1, function(parameters, results), function(["i32"] * 2, []), function(["i32"] * 4, ["i32"])),
        section(2, name(item.module.encode()) + name(item.name.encode()) + b"\0\0"),
        section(3, b"\1", b"\2"),
        section(5, b"\0\1"),
        section(7, name(ENTRY) + b"\0\1", name(b"cabi_realloc") + b"\0\2", name(b"memory") + b"\2\0"),
        section(10, *(size(len(body)) + body for body in bodies)),
    ])


def interfaces() -> list[str]:
    found = []
    for folder in sorted(path.parent for path in (whorl.ROOT / "wit").rglob("*.wit")):
        text = "\n".join(file.read_text() for file in sorted(folder.glob("*.wit")))
        package, version = re.search(r"^package ([\w:-]+)(@[^;]+)?;", text, re.M).groups()
        found += [f"{package}/{each}{version or ''}" for each in re.findall(r"^\s*interface ([\w-]+) \{", text, re.M)]
    return sorted(each for each in set(found) if not NOT_OFFERED.search(each))


def embedded(folder: pathlib.Path, scheme: str, more: str = "") -> pathlib.Path:
    """A core module that imports every interface by the names of that scheme, as the tool has them."""
    tool = pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools"
    if not tool.exists():
        pytest.skip("NO TOOL: wasm-tools, see tests/guests/p3/README.md")
    for number, package in enumerate(sorted({path.parent for path in (whorl.ROOT / "wit").rglob("*.wit")})):
        (folder / "deps" / str(number)).mkdir(parents=True)
        for file in package.glob("*.wit"):
            text = re.sub(r"@deprecated\([^)]*\)", "", file.read_text())
            (folder / "deps" / str(number) / file.name).write_text(text)
    (folder / "world.wit").write_text(
        "package test:all;\n" + more.partition("\n")[2]
        + "world all {\n" + "".join(f"  import {each};\n" for each in interfaces()) + more.partition("\n")[0] + "}\n")
    core = folder / "core.wasm"
    subprocess.run([tool, "component", "embed", folder, "--world", "all", "--dummy-names", scheme, "-o", core], check=True)
    return core


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    core = embedded(tmp_path_factory.mktemp("wit"), "legacy")
    imports, _ = wasm_dump.read_items(core.read_bytes())
    return [item for item in imports if item.kind == "func"]


EXPORTS = """export wasi:http/incoming-handler@0.2.12; export made; export top: func(a: string) -> string;
interface made {
  resource r { constructor(a: string); get: func() -> string; give: static func(a: r) -> option<r>; }
  resource s { }
  look: func(a: list<borrow<r>>) -> list<s>;
}
"""


@pytest.mark.parametrize("scheme", ["legacy", "standard32"])
def test_every_name_of_every_interface_links(tmp_path, scheme):
    """Imports and exports as the tool names them; nothing behind them: who is called ends."""
    core = embedded(tmp_path / "wit", scheme, EXPORTS)
    imports, exports = wasm_dump.read_items(core.read_bytes())
    assert len([item for item in imports if item.module.startswith("cm32p2") == (scheme == "standard32")]) >= 400
    assert sum("_ex_" in item.module or "[export]" in item.module for item in imports) >= 6
    with whorl.Server.start("-f", core) as server:
        assert server.get("/").status == 500
        assert server.err.wait_for("unreachable")
        assert server.stop() == 0


@pytest.mark.parametrize("what", ARGUMENTS)
def test_no_function_harms_the_host(functions, tmp_path, what):
    text = '[[trigger.http]]\nroute = "/hello"\ncomponent = "hello"\n[component.hello]\nsource = "hello.wasm"\n'
    shutil.copy(whorl.guest("hello"), tmp_path / "hello.wasm")
    for number, item in enumerate(functions):
        (tmp_path / f"f{number}.wasm").write_bytes(module(item, ARGUMENTS[what]))
        text += f'[[trigger.http]]\nroute = "/{number}"\ncomponent = "f{number}"\n'
        text += f'[component.f{number}]\nsource = "f{number}.wasm"\nallowed_outbound_hosts = ["*://127.0.0.1:1"]\n'
        text += 'key_value_stores = ["default"]\nsqlite_databases = ["default"]\nai_models = ["m"]\n'
    assert len(functions) >= 400
    flags = ["--max-response-delay", "2s", "--max-request-cpu", "500ms"]
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text), *flags, timeout=300) as server:
        for number, item in enumerate(functions):
            answer = server.get(f"/{number}", timeout=30)
            assert answer.status in (500, 504), (item, server.err.text[-2000:])
            if number % 50 == 0:
                assert server.get("/hello").status == 200
        assert server.get("/hello").status == 200
        assert server.stop() == 0
        ends = re.findall(r"component `f(\d+)`, GET /\d+: (.*)", server.err.text)  # the log says so many a second
    assert len(ends) >= 100
    if what != "one":  # no guest has such a handle; the one of the request is 1
        for number, reason in ends:
            if functions[int(number)].name.startswith(("[method]", "[resource-drop]")):
                assert re.search("handle|out of bounds|cannot block a synchronous task", reason), functions[int(number)]
