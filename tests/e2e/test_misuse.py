"""Every function of every interface is called with what no guest should say: handles that are none, pointers out of
memory, lengths without end, and twice. The guest ends, alone; the program and its other guests go on.

The functions and their core types are those of a module that wasm-tools makes of the WIT tree; those of preview 1 are
in a table, and those of 2022 are functions of `fermyon:spin` under the names of then. test_misuse_handles.py has the
resources.
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
# Preview 1: the letters of each function's parameters; proc_exit returns nothing, the others a number.
PREVIEW1 = {
    "args_get": "ii", "args_sizes_get": "ii", "environ_get": "ii", "environ_sizes_get": "ii", "clock_res_get": "ii",
    "clock_time_get": "iIi", "fd_advise": "iIIi", "fd_allocate": "iII", "fd_close": "i", "fd_datasync": "i",
    "fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII", "fd_filestat_get": "ii",
    "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_prestat_get": "ii",
    "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_read": "iiii", "fd_readdir": "iiiIi", "fd_renumber": "ii",
    "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii", "fd_write": "iiii", "path_create_directory": "iii",
    "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii",
    "path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
    "path_symlink": "iiiii", "path_unlink_file": "iii", "poll_oneoff": "iiii", "proc_exit": "i", "proc_raise": "i",
    "sched_yield": "", "random_get": "ii", "sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii",
    "sock_shutdown": "ii",
}
# Modules of 2022, and whose functions theirs are.
OLD = {"key-value": "key-value", "llm": "llm", "outbound-mysql": "mysql", "outbound-pg": "postgres",
       "outbound-redis": "redis", "spin-config": "config", "sqlite": "sqlite", "wasi-outbound-http": "http"}
# Entries: what they take and return, and what the allocator is called beside them.
HANDLER = (ENTRY, ["i32"] * 2, [], b"cabi_realloc")
OLD_HANDLER = (b"handle-http-request", ["i32"] * 10, ["i32"], b"canonical_abi_realloc")
COMMAND = (b"_start", [], [], b"realloc")
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


def module(item: wasm_dump.Item, value: int, entry=HANDLER) -> bytes:
    """A service that does nothing but call that import twice."""
    parameters, results = signature(item)
    label, taken_by_entry, given_by_entry, realloc = OLD_HANDLER if item.module in OLD else entry

    def function(taken: list[str], given: list[str]) -> bytes:
        return b"\x60" + b"".join(size(len(each)) + bytes(TYPES[t] for t in each) for each in (taken, given))

    constant = {"i32": b"\x41" + leb(value), "i64": b"\x42" + leb(value),
                "f32": b"\x43\0\0\xc0\x7f", "f64": b"\x44\0\0\0\0\0\0\xf8\x7f"}
    call = b"".join(constant[each] for each in parameters) + b"\x10\0" + b"\x1a" * len(results)
    bodies = [b"\0" + call * 2 + b"\x41\x10" * len(given_by_entry) + b"\x0b", b"\0\x41\x10\x0b"]  # the second: realloc, which says 16
    return b"\0asm\1\0\0\0" + b"".join([
        section(1, function(parameters, results), function(taken_by_entry, given_by_entry), function(["i32"] * 4, ["i32"])),
        section(2, name(item.module.encode()) + name(item.name.encode()) + b"\0\0"),
        section(3, b"\1", b"\2"),
        section(5, b"\0\1"),
        section(7, name(label) + b"\0\1", name(realloc) + b"\0\2", name(b"memory") + b"\2\0"),
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
    found = [item for item in imports if item.kind == "func"]
    found += [wasm_dump.Item(old, item.name.replace("send-request", "request"), "func", item.type)
              for old, new in OLD.items() for item in found if item.module == f"fermyon:spin/{new}"]
    return found + preview1()


def preview1() -> list[wasm_dump.Item]:
    types = {"i": "i32", "I": "i64"}
    return [wasm_dump.Item("wasi_snapshot_preview1", label, "func", f"({','.join(types[each] for each in letters)})->"
                           + ("" if label == "proc_exit" else "i32")) for label, letters in PREVIEW1.items()]


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
def test_no_function_harms_the_host_of_a_command(tmp_path, what):
    """The same for preview 1 under WAGI."""
    text = ""
    for number, item in enumerate(preview1()):
        (tmp_path / f"f{number}.wasm").write_bytes(module(item, ARGUMENTS[what], COMMAND))
        text += f'[[trigger.http]]\nroute = "/{number}"\ncomponent = "f{number}"\nexecutor = {{ type = "wagi" }}\n'
        text += f'[component.f{number}]\nsource = "f{number}.wasm"\nfiles = ["f0.wasm"]\n'
    flags = ["--max-response-delay", "2s", "--max-request-cpu", "500ms"]
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text), *flags, timeout=300) as server:
        for number, label in enumerate(PREVIEW1):
            answer = server.get(f"/{number}", timeout=30)
            assert answer.status in (500, 504), (label, server.err.text[-2000:])
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
    assert len(functions) >= 470
    assert sum(item.module in OLD for item in functions) >= 27
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


ENTRIES = {
    "WASI 0.2": HANDLER,
    "November 2023": (b"wasi:http/incoming-handler@0.2.0-rc-2023-11-10#handle", *HANDLER[1:]),
    "October 2023": (b"wasi:http/incoming-handler@0.2.0-rc-2023-10-18#handle", *HANDLER[1:]),
    "fermyon:spin": (b"fermyon:spin/inbound-http#handle-request", *OLD_HANDLER[1:3], b"cabi_realloc"),
    "2022": OLD_HANDLER,
    "WAGI": COMMAND,
}
# Code, and what the log says; imports are 0 proc_exit and 1 fd_write, function 2 calls itself.
ENDS = {
    "trap": (b"\x41\1\x41\0\x6d\x1a", "divi"),
    "unreachable": (b"\0", "unreachable"),
    "exit with 3": (b"\x41\3\x10\0", "exit"),
    "stack overflow": (b"\x10\2", "stack"),
    "out of memory": (b"\x03\x40\x41\x80\x02\x40\0\x41\x7f\x47\x0d\0\x0b\0", "unreachable"),
    "endless loop": (b"\x03\x40\x0c\0\x0b", "CPU|cpu|processor"),
    "bad pointer": (b"\x41\1\x41\x70\x41\1\x41\0\x10\1\x1a\0", "out of bounds|pointer"),
    "bad descriptor": (b"\x41\xe3\0\x41\0\x41\0\x41\0\x10\1\x41\x08\x47\x04\x40\x03\x40\x0c\0\x0b\x0b\0", "unreachable"),
    "bad answer": (b"", ""),
}


def ending(entry, code: bytes) -> bytes:
    label, takes, gives, realloc = entry

    def function(taken, given) -> bytes:
        return b"\x60" + b"".join(size(len(each)) + bytes(TYPES[t] for t in each) for each in (taken, given))

    bodies = [b"\0\x10\2\x0b", b"\0\x41\x10\x0b", b"\0" + code + b"\x41\x70" * len(gives) + b"\x0b"]
    return b"\0asm\1\0\0\0" + b"".join([
        section(1, function(["i32"], []), function(["i32"] * 4, ["i32"]), function([], []), function(takes, gives)),
        section(2, name(b"wasi_snapshot_preview1") + name(b"proc_exit") + b"\0\0",
                name(b"wasi_snapshot_preview1") + name(b"fd_write") + b"\0\1"),
        section(3, b"\2", b"\1", b"\3"),
        section(5, b"\0\1"),
        section(7, name(label) + b"\0\4", name(realloc) + b"\0\3", name(b"memory") + b"\2\0"),
        section(10, *(size(len(body)) + body for body in bodies)),
    ])


def test_every_end_of_every_generation_is_a_500(tmp_path):
    text, made = "", [(generation, end) for generation in ENTRIES for end in ENDS]
    for number, (generation, end) in enumerate(made):
        (tmp_path / f"e{number}.wasm").write_bytes(ending(ENTRIES[generation], ENDS[end][0]))
        text += f'[[trigger.http]]\nroute = "/{number}"\ncomponent = "e{number}"\n'
        text += 'executor = { type = "wagi" }\n' if generation == "WAGI" else ""
        text += f'[component.e{number}]\nsource = "e{number}.wasm"\n'
    flags = ["--max-request-cpu", "200ms", "--max-instance-memory", str(16 << 20)]
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text), *flags) as server:
        for number, case in enumerate(made):
            assert server.get(f"/{number}").status in ((500, 504) if case[1] == "endless loop" else (500,)), case
        assert server.stop() == 0
        ends = dict(re.findall(r"component `e(\d+)`, GET /\d+[^:]*: (.*)", server.err.text))
    wrong = {case: ends.get(str(number), "none") for number, case in enumerate(made)
             if not re.search(ENDS[case[1]][1], ends.get(str(number), "none"))}
    assert not wrong, (wrong, server.err.text[-3000:])
