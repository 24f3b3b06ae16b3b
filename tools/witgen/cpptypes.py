"""C++ spellings of WIT types.

Two forms of a type: *owned* (results, fields of records and variants) and *view* (parameters,
where strings and byte lists point into guest memory).
"""

from __future__ import annotations

from model import (
    BorrowOf,
    FutureOf,
    Interface,
    InterfaceId,
    ListOf,
    Named,
    OptionOf,
    OwnOf,
    Prim,
    ResultOf,
    StreamOf,
    TupleOf,
    Ty,
    Unsupported,
    WitError,
)
from names import pascal, stem
from resolve import Definition, World

_PRIMITIVES = {
    "bool": "bool",
    "s8": "std::int8_t",
    "u8": "std::uint8_t",
    "s16": "std::int16_t",
    "u16": "std::uint16_t",
    "s32": "std::int32_t",
    "u32": "std::uint32_t",
    "s64": "std::int64_t",
    "u64": "std::uint64_t",
    "f32": "float",
    "f64": "double",
    "char": "char32_t",
}


class CppTypes:
    """Spells types for the namespace of one interface.

    @param suffixes  package → what is appended to its namespaces (second versions of a package)
    """

    def __init__(self, world: World, home: Interface, suffixes: dict):
        self._world = world
        self._home = home
        self._suffixes = suffixes

    def namespace(self, id: InterfaceId) -> str:
        return stem(id, self._suffixes.get(id.package, ""))

    def owned(self, type: Ty) -> str:
        return self._spell(type, self._home, "owned")

    def absolute(self, type: Ty) -> str:
        """The owned form with every name qualified and every alias expanded."""
        return self._spell(type, self._home, "absolute")

    def parameter(self, type: Ty, form: str = "view") -> str:
        """The type of a parameter of a host function, in the form "view" or "owned"."""
        match self.expand(type, self._home):
            case (BorrowOf(resource), scope):
                return self._resource(resource, scope, "view") + "&"
            case (OptionOf(element), scope):
                inner, inner_scope = self.expand(element, scope)
                if isinstance(inner, BorrowOf):
                    return self._resource(inner.resource, inner_scope, "view") + "*"
        return self._spell(type, self._home, form)

    # --- structure ------------------------------------------------------------------------------

    def expand(self, type: Ty, scope: Interface) -> tuple[Ty, Interface]:
        """The type with aliases at its top replaced, and the interface its names belong to."""
        while isinstance(type, Named):
            found = self._world.lookup(scope, type)
            if found.type.kind != "type":
                return type, scope
            scope = self._world.interface(found.interface)
            type = found.type.target
        return type, scope

    def definition(self, name: Named, scope: Interface) -> Definition:
        """What a name stands for once aliases are followed."""
        expanded, scope = self.expand(name, scope)
        if not isinstance(expanded, Named):
            raise WitError(name.where, f"'{name.name}' is not a resource")
        return self._world.lookup(scope, expanded)

    def is_resource(self, name: Named, scope: Interface) -> bool:
        expanded, scope = self.expand(name, scope)
        return (
            isinstance(expanded, Named)
            and self._world.lookup(scope, expanded).type.kind == "resource"
        )

    def has_handles(self, type: Ty | None, scope: Interface | None = None) -> bool:
        """Whether values of the type can hold resources; such values cannot be compared."""
        if type is None:
            return False
        type, scope = self.expand(type, scope or self._home)
        match type:
            case OwnOf() | BorrowOf() | StreamOf() | FutureOf():
                return True
            case Named():
                found = self._world.lookup(scope, type)
                source = self._world.interface(found.interface)
                return found.type.kind == "resource" or any(
                    self.has_handles(member.type, source) for member in found.type.members
                )
            case ListOf(element) | OptionOf(element):
                return self.has_handles(element, scope)
            case ResultOf(ok, error):
                return self.has_handles(ok, scope) or self.has_handles(error, scope)
            case TupleOf(members):
                return any(self.has_handles(member, scope) for member in members)
        return False

    # --- spelling -------------------------------------------------------------------------------

    def _spell(self, type: Ty, scope: Interface, form: str) -> str:
        match type:
            case Prim("string"):
                return "std::string_view" if form == "view" else "std::string"
            case Prim(name):
                return _PRIMITIVES[name]
            case Named():
                return self._named(type, scope, form)
            case ListOf(element):
                return self._list(element, scope, form)
            case OptionOf(element):
                return f"std::optional<{self._nested(element, scope, form)}>"
            case ResultOf(ok, error):
                value = self._nested(ok, scope, form) if ok else "void"
                failure = self._nested(error, scope, form) if error else "component::Unit"
                return f"std::expected<{value}, {failure}>"
            case TupleOf(members):
                parts = ", ".join(self._nested(member, scope, form) for member in members)
                return f"std::tuple<{parts}>"
            case OwnOf(resource):
                return f"component::Own<{self._resource(resource, scope, form)}>"
            case BorrowOf(resource):
                return self._resource(resource, scope, form) + "*"
            case StreamOf(element):
                return f"component::StreamReader<{self._carried(element, scope, form)}>"
            case FutureOf(element):
                return f"component::FutureReader<{self._carried(element, scope, form)}>"
            case Unsupported(text, where):
                raise WitError(where, f"unsupported type: {text}")
        raise AssertionError(type)

    def _carried(self, element: Ty | None, scope: Interface, form: str) -> str:
        """What a stream or future carries. It arrives later, when no view would be good any more."""
        if element is None:
            return "void"
        return self._nested(element, scope, "owned" if form == "view" else form)

    def _nested(self, type: Ty, scope: Interface, form: str) -> str:
        """A type inside another. option<borrow> has a spelling of its own only as a parameter."""
        expanded, inner_scope = self.expand(type, scope)
        if isinstance(expanded, OptionOf):
            element, _ = self.expand(expanded.element, inner_scope)
            if isinstance(element, BorrowOf):
                raise WitError(
                    element.resource.where, "option<borrow> is supported only as a parameter"
                )
        return self._spell(type, scope, form)

    def _list(self, element: Ty, scope: Interface, form: str) -> str:
        expanded, _ = self.expand(element, scope)
        if expanded == Prim("u8"):
            return "ByteView" if form == "view" else "Bytes"
        return f"std::vector<{self._nested(element, scope, form)}>"

    def _named(self, name: Named, scope: Interface, form: str) -> str:
        if self.is_resource(name, scope):
            return f"component::Own<{self._name(name, scope, form)}>"
        expanded, inner = self.expand(name, scope)
        if isinstance(expanded, Named):
            return self._name(name, scope, form)
        # An alias of a structural type keeps its name unless the form differs from the owned one.
        view = self._spell(expanded, inner, form)
        if form == "absolute" or view != self._spell(expanded, inner, "owned"):
            return view
        return self._name(name, scope, form)

    def _resource(self, name: Named, scope: Interface, form: str) -> str:
        if not self.is_resource(name, scope):
            raise WitError(name.where, f"'{name.name}' is not a resource")
        return self._name(name, scope, form)

    def _name(self, name: Named, scope: Interface, form: str) -> str:
        """A named type's own name: short where the home interface knows it."""
        if form == "absolute":
            found = self.definition(name, scope)
        elif scope.id == self._home.id:
            return pascal(name.name)
        else:
            found = self._world.lookup(scope, name)
        return f"wit::{self.namespace(found.interface)}::{pascal(found.type.name)}"
