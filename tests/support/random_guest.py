"""Builds the guest that does what scripts say (tests/guests/p3/c/script3.c): writes its table of every import of
WASI 0.3, each function lowered both ways, and every built-in."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import shutil
import subprocess

import p3_guests
import wasm_dump
import whorl
import wit_types

PACKAGES = ("cli", "clocks", "filesystem", "http", "random", "sockets")
INTERFACES = ("http/types", "http/client", "cli/stdin", "cli/stdout", "cli/stderr", "cli/environment", "cli/types",
              "filesystem/types", "filesystem/preopens", "sockets/types", "sockets/ip-name-lookup",
              "clocks/monotonic-clock", "clocks/system-clock", "random/random")
HANDLER = "wasi:http/handler@0.3.0"
# Of the world and of no function: core type, and the class of script3.c.
PLAIN_BUILTINS = {
    "waitable-set-new": (":i", "PLAIN"), "waitable-set-wait": ("ii:i", "SET_WAIT"),
    "waitable-set-poll": ("ii:i", "SET_WAIT"), "[cancellable]waitable-set-wait": ("ii:i", "SET_WAIT"),
    "waitable-set-drop": ("i:", "PLAIN"), "waitable-join": ("ii:", "PLAIN"), "subtask-drop": ("i:", "DROP_SUBTASK"),
    "subtask-cancel": ("i:i", "CANCEL_SUBTASK"), "[async-lower]subtask-cancel": ("i:i", "CANCEL_SUBTASK"),
    "backpressure-inc": (":", "PLAIN"), "backpressure-dec": (":", "PLAIN"), "context-get-1": (":i", "PLAIN"),
    "context-set-1": ("i:", "PLAIN"), "thread-index": (":i", "PLAIN"), "thread-new-indirect-v0": ("ii:i", "PLAIN"),
    "thread-resume-later": ("i:", "PLAIN"), "thread-suspend": (":i", "PLAIN"),
    "[cancellable]thread-suspend": (":i", "PLAIN"), "thread-yield": (":i", "PLAIN"),
    "[cancellable]thread-yield": (":i", "PLAIN"), "thread-suspend-then-resume": ("i:i", "PLAIN"),
    "thread-yield-then-resume": ("i:i", "PLAIN"), "thread-suspend-then-promote": ("i:i", "PLAIN"),
    "thread-yield-then-promote": ("i:i", "PLAIN"), "error-context-new-utf8": ("ii:i", "PLAIN"),
    "error-context-debug-message-utf8": ("ii:", "PLAIN"), "error-context-drop": ("i:", "PLAIN"),
}
END_BUILTINS = {
    "new": (":l", "NEW_ENDS"), "read": ("", "COPY"), "write": ("", "COPY"), "cancel-read": ("i:i", "CANCEL_COPY"),
    "cancel-write": ("i:i", "CANCEL_COPY"), "drop-readable": ("i:", "DROP_END"), "drop-writable": ("i:", "DROP_END"),
}
MAY_BE_ASYNC = ("read", "write", "cancel-read", "cancel-write")


@dataclasses.dataclass(frozen=True)
class Import:
    module: str
    name: str
    core: str  # letters of the parameters, a colon, that of the result
    kind: str = "PLAIN"
    function: wit_types.Function | None = None
    is_async: bool = False


def _tool(*arguments: object) -> bytes:
    return subprocess.run([pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools", *arguments], check=True,
                          capture_output=True).stdout


def _world(folder: pathlib.Path, interfaces) -> None:
    for package in PACKAGES:
        shutil.copytree(whorl.ROOT / "wit" / "wasi" / f"{package}@0.3.0", folder / "deps" / package, dirs_exist_ok=True)
    (folder / "world.wit").write_text("package test:all;\nworld all {\n" + "".join(
        f"  import wasi:{each}@0.3.0;\n" for each in interfaces) + f"  export {HANDLER};\n}}\n")


class Imports:
    """All imports, by their place in the table of the guest, and by what they are."""

    def __init__(self, folder: pathlib.Path, is_middleware: bool = False):
        _world(folder, (*INTERFACES, *(("http/handler",) if is_middleware else ())))
        self.wit = wit_types.Wit(_tool("component", "wit", folder, "--json").decode())
        self.folder, self.all, self._places = folder, [], {}
        self.payloads: dict[str, wit_types.Type] = {}
        self.resources: set[str] = set()
        offered = {f"wasi:{each}@0.3.0" for each in INTERFACES}
        for function in self.wit.functions.values():
            if function.module in offered:
                self._add_function(function)
        for resource in sorted(self.resources):
            module, _, label = resource.partition("#")
            self._add(("drop", resource), Import(module, f"[resource-drop]{label}", "i:"))
        for label, (core, kind) in PLAIN_BUILTINS.items():
            prefix = label[:label.index("]") + 1] if label.startswith("[") else ""
            self._add(("builtin", label), Import("$root", f"{prefix}[{label.removeprefix(prefix)}]", core, kind))
        returned = self.wit.functions[HANDLER, "handle"].result
        self.task_return = Import(f"[export]{HANDLER}", "[task-return]handle", returned.flat() + ":", "TASK_RETURN")
        self._add(("builtin", "task-return"), self.task_return)
        self._add(("builtin", "task-cancel"), Import("[export]$root", "[task-cancel]", ":"))
        if is_middleware:  # at the end: scripts mean the same to guests with and without it
            self._add_function(self.wit.functions[HANDLER, "handle"])

    def _add(self, key: tuple, item: Import) -> None:
        self._places[key] = len(self.all)
        self.all.append(item)

    def _add_function(self, function: wit_types.Function) -> None:
        for lowered in (False, True) if function.is_async else (False,):
            name = f"{'[async-lower]' if lowered else ''}{function.name}"
            kind = "ASYNC_CALL" if lowered else "PLAIN"
            self._add(("call", function.module, name),
                      Import(function.module, name, function.core(lowered), kind, function, lowered))
        for each in (*function.parameters, function.result):
            self.resources.update(_resources(each))
        for number, payload in enumerate(function.payloads()):
            if str(payload) not in self.payloads:
                self.payloads[str(payload)] = payload
                self._add_ends(function, number, payload)

    def _add_ends(self, function: wit_types.Function, number: int, payload: wit_types.Type) -> None:
        what = payload.kind
        for label, (core, kind) in END_BUILTINS.items():
            if kind == "COPY":
                core, kind = ("iii:i", "STREAM_COPY") if what == "stream" else ("ii:i", "FUTURE_COPY")
            elif what == "future" and label == "drop-writable":
                kind = "DROP_FUTURE_WRITER"
            for lowered in (False, True) if label in MAY_BE_ASYNC else (False,):
                name = f"{'[async-lower]' if lowered else ''}[{what}-{label}-{number}]{function.name}"
                self._add(("end", str(payload), label, lowered), Import(function.module, name, core, kind, None, lowered))

    def __contains__(self, key: tuple) -> bool:
        return key in self._places

    def __getitem__(self, key: tuple) -> int:
        return self._places[key]

    @functools.cached_property
    def calls(self) -> list[tuple[int, Import]]:
        """The imported functions that are no built-ins."""
        return [(place, each) for place, each in enumerate(self.all) if each.function]

    @functools.cached_property
    def makers(self) -> dict[str, list[tuple[int, Import]]]:
        """Which of them give a handle of that kind."""
        found: dict[str, list[tuple[int, Import]]] = {}
        for place, each in self.calls:
            for kind in set(wit_types.kinds_in(each.function.result)) if each.function.result else ():
                found.setdefault(kind, []).append((place, each))
        return found

    def _table(self) -> str:
        types = {"i": "int32_t", "l": "int64_t", "": "void"}
        lines, cases, kinds = [], [], []
        for place, each in enumerate(self.all):
            parameters, _, result = each.core.partition(":")
            declared = ", ".join(types[letter] for letter in parameters) or "void"
            lines.append(f'__attribute__((import_module("{each.module}"), import_name("{each.name}")))\n'
                         f"{types[result]} f{place}({declared});")
            call = f"f{place}({', '.join(f'({types[letter]})arguments[{i}]' for i, letter in enumerate(parameters))})"
            unsigned = "(uint32_t)" if result == "i" else ""
            cases.append(f"    case {place}: " + (f"return {unsigned}{call};" if result else f"{call}; return 0;"))
            kinds.append(each.kind)
        path = self["call", "wasi:http/types@0.3.0", "[method]request.get-path-with-query"]
        return "\n".join([
            *lines, f"enum {{ IMPORTS = {len(self.all)} }};",
            f"static const uint8_t classes[] = {{{', '.join(kinds)}}};",
            "static int64_t call_import(uint32_t which) {", "  switch (which) {", *cases, "    default: return 0;", "  }", "}",
            f"static void get_path(int32_t request, int32_t result) {{ f{path}(request, result); }}",
            '__attribute__((import_module("$root"), import_name("[context-get-0]"))) int32_t get_context(void);',
            '__attribute__((import_module("$root"), import_name("[context-set-0]"))) void set_context(int32_t);', ""])

    def build(self, output: pathlib.Path, *defines: str) -> None:
        """A core module, with its world in a section of its own."""
        (self.folder / "imports.inc").write_text(self._table())
        subprocess.run(["clang-19", "--target=wasm32", "-nostdlib", "-O2", "-mbulk-memory", "-fuse-ld=/usr/bin/wasm-ld-19",
                        "-Wl,--no-entry,--export-table,--strip-debug", "-I", self.folder, *(f"-D{each}" for each in defines),
                        "-o", output, p3_guests.GUESTS / "c" / "script3.c"], check=True)
        dummy = self.folder / "dummy.wasm"
        _tool("component", "embed", self.folder, "--world", "all", "--dummy-names", "legacy", "-o", dummy)
        world = next(data for kind, data in wasm_dump.sections(dummy.read_bytes()) if kind == 0 and b"component-type" in data[:20])
        output.write_bytes(output.read_bytes() + b"\0" + _leb(len(world)) + world)


def _leb(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _resources(type_: wit_types.Type | None):
    if type_ is not None:
        if type_.kind in ("own", "borrow"):
            yield type_.name
        for each in type_.of:
            yield from _resources(each)
