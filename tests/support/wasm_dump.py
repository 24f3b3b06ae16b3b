#!/usr/bin/env python3
"""Lists imports and exports of core modules, and makes damaged ones, for tests.

    tests/support/wasm_dump.py FILE.wasm    prints one line per import and export
"""

from __future__ import annotations

import dataclasses
import sys

VALUE_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}
KINDS = ("func", "table", "memory", "global", "tag")


@dataclasses.dataclass(frozen=True)
class Item:
    """An import or export; `type` is `(i32,i32)->i32` for functions and empty for other kinds."""

    module: str
    name: str
    kind: str
    type: str = ""


class Reader:
    def __init__(self, data: bytes):
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def leb(self) -> int:
        value, shift = 0, 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            shift += 7
            if not b & 0x80:
                return value

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size: self.at]

    def name(self) -> str:
        return self.take(self.leb()).decode()

    def limits(self) -> None:
        flags = self.leb()
        self.leb()
        if flags & 1:
            self.leb()


def sections(data: bytes) -> list[tuple[int, bytes]]:
    """(id, payload) of every section of a core module."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise ValueError("not a core module")
    reader, found = Reader(data), []
    reader.at = 8
    while reader.at < len(data):
        kind = reader.byte()
        found.append((kind, reader.take(reader.leb())))
    return found


def _function_types(payload: bytes) -> list[str]:
    reader = Reader(payload)
    types = []
    for _ in range(reader.leb()):
        assert reader.byte() == 0x60, "only function types"
        sides = [",".join(VALUE_TYPES[reader.byte()] for _ in range(reader.leb())) for _ in range(2)]
        types.append(f"({sides[0]})->{sides[1]}")
    return types


def read_items(data: bytes) -> tuple[list[Item], list[Item]]:
    """Imports and exports of a core module."""
    payloads = {kind: payload for kind, payload in sections(data) if kind != 0}
    types = _function_types(payloads.get(1, b"\0"))
    imports, functions = [], []
    reader = Reader(payloads.get(2, b"\0"))
    for _ in range(reader.leb()):
        module, name, kind = reader.name(), reader.name(), KINDS[reader.byte()]
        signature = ""
        if kind == "func":
            signature = types[reader.leb()]
            functions.append(signature)
        elif kind == "memory":
            reader.limits()
        elif kind == "table":
            reader.byte()
            reader.limits()
        else:
            reader.byte()
            reader.byte()
        imports.append(Item(module, name, kind, signature))
    reader = Reader(payloads.get(3, b"\0"))
    functions += [types[reader.leb()] for _ in range(reader.leb())]
    exports = []
    reader = Reader(payloads.get(7, b"\0"))
    for _ in range(reader.leb()):
        name, kind, index = reader.name(), KINDS[reader.byte()], reader.leb()
        exports.append(Item("", name, kind, functions[index] if kind == "func" else ""))
    return imports, exports


def main() -> int:
    imports, exports = read_items(open(sys.argv[1], "rb").read())
    for item in imports:
        print(f"import {item.module} {item.name} {item.kind} {item.type}".rstrip())
    for item in exports:
        print(f"export {item.name} {item.kind} {item.type}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
