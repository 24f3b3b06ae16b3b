"""Functions and types of WIT as `wasm-tools component wit --json` says them, with their places in core values and
in memory by the canonical ABI."""

from __future__ import annotations

import dataclasses
import json

SIZES = {"bool": 1, "u8": 1, "s8": 1, "u16": 2, "s16": 2, "u32": 4, "s32": 4, "u64": 8, "s64": 8, "char": 4}
POINTERS = ("string", "list", "map")


@dataclasses.dataclass(frozen=True)
class Type:
    """A type without aliases. `of` are its parts: fields, cases (None: no payload), or the element."""

    kind: str
    name: str = ""
    of: tuple = ()
    count: int = 0

    def __str__(self) -> str:
        inner = ",".join(str(each) for each in self.of)
        return f"{self.kind}{':' + self.name if self.kind in ('own', 'borrow') else ''}{f'<{inner}>' if inner else ''}{self.count or ''}"

    @property
    def is_variant(self) -> bool:
        return self.kind == "variant"

    def size_and_alignment(self) -> tuple[int, int]:
        if self.kind in SIZES:
            return SIZES[self.kind], SIZES[self.kind]
        if self.kind in POINTERS:
            return 8, 4
        if self.kind in ("own", "borrow", "stream", "future"):
            return 4, 4
        if self.kind == "flags":
            width = 1 if self.count <= 8 else 2 if self.count <= 16 else 4
            return width, width
        if self.kind == "enum":
            return (1, 1) if self.count <= 256 else (2, 2)
        end, most = 0, 1
        if self.is_variant:
            end, most = self.payload_at(), self.payload_alignment()
            end += max((each.size_and_alignment()[0] for each in self.of if each), default=0)
        else:
            for offset, each in self.fields():
                size, alignment = each.size_and_alignment()
                end, most = offset + size, max(most, alignment)
        return -(-end // most) * most, most

    def fields(self):
        """Of a record or tuple: (offset, type)."""
        at = 0
        for each in self.of:
            size, alignment = each.size_and_alignment()
            at = -(-at // alignment) * alignment
            yield at, each
            at += size

    def payload_alignment(self) -> int:
        return max((each.size_and_alignment()[1] for each in self.of if each), default=1)

    def payload_at(self) -> int:
        return self.payload_alignment()

    def flat(self) -> str:
        """Core types: i for i32, l for i64."""
        if self.kind in POINTERS:
            return "ii"
        if self.kind == "record":
            return "".join(each.flat() for each in self.of)
        if self.is_variant:
            joined: list[str] = []
            for each in self.of:
                for place, letter in enumerate(each.flat() if each else ""):
                    if place == len(joined):
                        joined.append(letter)
                    elif joined[place] != letter:
                        joined[place] = "l"
            return "i" + "".join(joined)
        return "l" if self.kind in ("u64", "s64") else "i"

    def payloads(self):
        """The streams and futures in it, in the order in which their built-ins are numbered."""
        for each in self.of:
            if each:
                yield from each.payloads()
        if self.kind in ("stream", "future"):
            yield self


@dataclasses.dataclass(frozen=True)
class Function:
    module: str
    name: str
    parameters: tuple
    result: Type | None
    is_async: bool

    def payloads(self):
        for each in (*self.parameters, *((self.result,) if self.result else ())):
            yield from each.payloads()

    def core(self, lowered_async: bool) -> str:
        """Its core type, lowered: letters of the parameters, a colon, that of the result."""
        parameters = "".join(each.flat() for each in self.parameters)
        result = self.result.flat() if self.result else ""
        if len(parameters) > (4 if lowered_async else 16):
            parameters = "i"
        if lowered_async:
            return f"{parameters}{'i' if result else ''}:i"
        return f"{parameters}:{result}" if len(result) <= 1 else f"{parameters}i:"

    @property
    def in_memory(self) -> int:
        return len("".join(each.flat() for each in self.parameters))


class Wit:
    """All functions of the interfaces."""

    def __init__(self, text: str):
        self._json = json.loads(text)
        self._types: dict[int, Type] = {}
        self.functions: dict[tuple[str, str], Function] = {}
        for interface in self._json["interfaces"]:
            module = self._module(interface)
            for name, function in interface["functions"].items():
                kind = function["kind"]
                given = (kind if isinstance(kind, str) else next(iter(kind))).startswith("async")
                self.functions[module, name] = Function(
                    module, name, tuple(self.type(each["type"]) for each in function["params"]),
                    None if function.get("result") is None else self.type(function["result"]), given)

    def _module(self, interface) -> str:
        package, _, version = self._json["packages"][interface["package"]]["name"].partition("@")
        return f"{package}/{interface['name']}@{version}"

    def type(self, which) -> Type:
        if isinstance(which, str):
            return Type(which)
        if which not in self._types:
            self._types[which] = self._read(self._json["types"][which])
        return self._types[which]

    def _read(self, item) -> Type:
        kind = item["kind"]
        name = item["name"] or ""
        if kind == "resource":
            return Type("resource", f"{self._module(self._json['interfaces'][item['owner']['interface']])}#{name}")
        (what, body), = kind.items()
        if what == "type":
            found = self.type(body)
            return dataclasses.replace(found, name=name) if found.kind in ("record", "variant", "enum") and not found.name else found
        if what == "handle":
            (mode, resource), = body.items()
            return Type(mode, self.type(resource).name)
        if what in ("record", "tuple"):
            parts = [each["type"] for each in body["fields"]] if what == "record" else body["types"]
            return Type("record", name, tuple(self.type(each) for each in parts))
        if what in ("enum", "flags"):
            return Type(what, name, (), len(body["cases" if what == "enum" else "flags"]))
        if what in ("list", "stream", "future"):
            return Type(what, "", (self.type(body),) if body is not None else ())
        cases = {"option": lambda: [None, body], "result": lambda: [body["ok"], body["err"]],
                 "variant": lambda: [each["type"] for each in body["cases"]]}[what]()
        return Type("variant", name or what, tuple(None if each is None else self.type(each) for each in cases))


def key_of(type_: Type) -> str:
    return f"own {type_.name}" if type_.kind == "own" else str(type_)


def kinds_in(type_: Type):
    """The kinds of handles in a value."""
    if type_.kind in ("own", "stream", "future"):
        yield key_of(type_)
    if type_.kind not in ("stream", "future"):
        for each in type_.of:
            if each:
                yield from kinds_in(each)
