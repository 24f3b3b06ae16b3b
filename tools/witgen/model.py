"""What the WIT parser produces: a syntax tree of interfaces, and the types in it.

Nodes are plain data classes. `Named` references are turned into definitions by resolve.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class WitError(Exception):
    """A mistake in a WIT file, or something the generator does not support."""

    def __init__(self, where: "Where | None", message: str):
        super().__init__(f"{where}: {message}" if where else message)


@dataclass(frozen=True)
class Where:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class PackageId:
    namespace: str
    name: str
    version: str  # "" for an unversioned package

    def __str__(self) -> str:
        return f"{self.namespace}:{self.name}" + (f"@{self.version}" if self.version else "")


@dataclass(frozen=True)
class InterfaceId:
    package: PackageId
    name: str

    def qualified(self) -> str:
        """`wasi:io/streams`, without the version."""
        return f"{self.package.namespace}:{self.package.name}/{self.name}"

    def __str__(self) -> str:
        version = f"@{self.package.version}" if self.package.version else ""
        return self.qualified() + version


# --- types ---------------------------------------------------------------------------------------

PRIMITIVES = frozenset(
    ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string"]
)


@dataclass(frozen=True)
class Prim:
    name: str


@dataclass(frozen=True)
class Named:
    """A use of a name that some `type`, `record`, `resource`, … or `use` declares."""

    name: str
    where: Where = field(compare=False)


@dataclass(frozen=True)
class ListOf:
    element: "Ty"


@dataclass(frozen=True)
class OptionOf:
    element: "Ty"


@dataclass(frozen=True)
class ResultOf:
    ok: "Ty | None"
    error: "Ty | None"


@dataclass(frozen=True)
class TupleOf:
    members: tuple["Ty", ...]


@dataclass(frozen=True)
class OwnOf:
    resource: Named


@dataclass(frozen=True)
class BorrowOf:
    resource: Named


@dataclass(frozen=True)
class StreamOf:
    element: "Ty | None"  # None: only that something happened is told


@dataclass(frozen=True)
class FutureOf:
    element: "Ty | None"


@dataclass(frozen=True)
class Unsupported:
    """A type that is understood but that the generator cannot bind yet."""

    text: str
    where: Where = field(compare=False)


Ty = (
    Prim
    | Named
    | ListOf
    | OptionOf
    | ResultOf
    | TupleOf
    | OwnOf
    | BorrowOf
    | StreamOf
    | FutureOf
    | Unsupported
)


# --- items ---------------------------------------------------------------------------------------


@dataclass
class Gate:
    """`@since`, `@unstable` and `@deprecated` in front of an item."""

    since: str = ""
    unstable: str = ""  # name of the feature
    deprecated: str = ""


@dataclass
class Field:
    name: str
    type: "Ty | None"  # None: a case, label or flag without a payload


@dataclass
class TypeDef:
    """`type`, `record`, `variant`, `enum`, `flags` or `resource`."""

    kind: str
    name: str
    where: Where
    gate: Gate
    members: list[Field] = field(default_factory=list)
    target: "Ty | None" = None  # kind "type"
    functions: list["Function"] = field(default_factory=list)  # kind "resource"


@dataclass
class Use:
    """One name taken over from another interface."""

    interface: InterfaceId
    name: str
    local: str
    where: Where
    gate: Gate


@dataclass
class Function:
    """kind: "free", "method", "static" or "constructor"."""

    kind: str
    name: str  # "" for a constructor
    params: list[Field]
    result: "Ty | None"
    where: Where
    gate: Gate
    is_async: bool = False


@dataclass
class Interface:
    id: InterfaceId
    where: Where
    gate: Gate
    uses: list[Use] = field(default_factory=list)
    types: list[TypeDef] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
