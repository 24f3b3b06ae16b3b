"""Parser of WIT files: packages, interfaces and their items. Worlds are skipped.

@spec component model, WIT.md
"""

from __future__ import annotations

from lexer import Token, tokenize
from model import (
    PRIMITIVES,
    BorrowOf,
    Field,
    Function,
    FutureOf,
    Gate,
    Interface,
    InterfaceId,
    ListOf,
    Named,
    OptionOf,
    OwnOf,
    PackageId,
    Prim,
    ResultOf,
    StreamOf,
    TupleOf,
    Ty,
    TypeDef,
    Unsupported,
    Use,
    WitError,
)

# Spellings of 2023 releases.
_OLD_PRIMITIVES = {"float32": "f32", "float64": "f64"}
_MAX_TYPE_DEPTH = 100


def parse_file(text: str, file: str, default_package: PackageId | None) -> list[Interface]:
    """The interfaces of one file.

    @param default_package  of a file without a `package` line; None: such a file is an error
    """
    return _Parser(tokenize(text, file), default_package).file()


class _Parser:
    def __init__(self, tokens: list[Token], package: PackageId | None):
        self._tokens = tokens
        self._next = 0
        self._package = package
        self._interfaces: list[Interface] = []
        # Names given to interfaces of other packages by a file-level `use`.
        self._aliases: dict[str, InterfaceId] = {}

    # --- tokens ---------------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _peek_is(self, offset: int, text: str) -> bool:
        index = self._next + offset
        return index < len(self._tokens) and self._tokens[index].text == text

    def _is(self, text: str) -> bool:
        token = self._token
        return token.text == text and token.kind in ("punct", "id") and not token.escaped

    def _accept(self, text: str) -> bool:
        if self._is(text):
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise WitError(self._token.where, f"expected '{text}', found {self._shown()}")

    def _take(self, kind: str, what: str) -> Token:
        token = self._token
        if token.kind != kind:
            raise WitError(token.where, f"expected {what}, found {self._shown()}")
        self._next += 1
        return token

    def _id(self, what: str = "a name") -> str:
        return self._take("id", what).text

    def _shown(self) -> str:
        return f"'{self._token.text}'" if self._token.text else "the end of the file"

    # --- files ----------------------------------------------------------------------------------

    def file(self) -> list[Interface]:
        if self._is("package"):
            self._next += 1
            package = self._package_id()
            if self._is("{"):
                self._nested_package(package)
            else:
                self._expect(";")
                self._package = package
        while self._token.kind != "end":
            self._item()
        return self._interfaces

    def _nested_package(self, package: PackageId) -> None:
        outer, self._package = self._package, package
        self._expect("{")
        while not self._accept("}"):
            self._item()
        self._package = outer

    def _item(self) -> None:
        gate = self._gate()
        if self._accept("interface"):
            self._interfaces.append(self._interface(gate))
        elif self._accept("world"):
            self._id()
            self._skip_braces()
        elif self._accept("use"):
            self._file_level_use()
        elif self._accept("package"):
            self._nested_package(self._package_id())
        else:
            raise WitError(
                self._token.where, f"expected interface, world or use, found {self._shown()}"
            )

    def _package_id(self) -> PackageId:
        namespace = self._id("a namespace")
        self._expect(":")
        name = self._id("a package name")
        return PackageId(namespace, name, self._version())

    def _version(self) -> str:
        if not self._accept("@"):
            return ""
        return self._take("version", "a version").text

    def _interface_path(self) -> InterfaceId:
        """`name`, or `ns:pkg/name@version`."""
        where = self._token.where
        first = self._id("an interface")
        if self._accept(":"):
            package = self._id("a package name")
            self._expect("/")
            name = self._id("an interface")
            return InterfaceId(PackageId(first, package, self._version()), name)
        if first in self._aliases:
            return self._aliases[first]
        if self._package is None:
            raise WitError(where, "this file belongs to no package")
        return InterfaceId(self._package, first)

    def _file_level_use(self) -> None:
        path = self._interface_path()
        local = self._id() if self._accept("as") else path.name
        self._expect(";")
        self._aliases[local] = path

    def _skip_braces(self) -> None:
        self._expect("{")
        depth = 1
        while depth:
            token = self._token
            if token.kind == "end":
                raise WitError(token.where, "a closing brace is missing")
            depth += (token.text == "{") - (token.text == "}") if token.kind == "punct" else 0
            self._next += 1

    def _gate(self) -> Gate:
        gate = Gate()
        while self._accept("@"):
            where = self._token.where
            name = self._id("since, unstable or deprecated")
            if name not in ("since", "unstable", "deprecated"):
                raise WitError(where, f"unknown gate '@{name}'")
            self._expect("(")
            while not self._accept(")"):
                key = self._id("version or feature")
                self._expect("=")
                if key == "version":
                    setattr(gate, name, self._take("version", "a version").text)
                elif name == "unstable":
                    gate.unstable = self._id("a feature")
                else:
                    self._id("a feature")
                self._accept(",")
        return gate

    # --- interfaces -----------------------------------------------------------------------------

    def _interface(self, gate: Gate) -> Interface:
        where = self._token.where
        if self._package is None:
            raise WitError(where, "this file belongs to no package")
        interface = Interface(InterfaceId(self._package, self._id()), where, gate)
        self._expect("{")
        while not self._accept("}"):
            self._interface_item(interface)
        return interface

    def _interface_item(self, interface: Interface) -> None:
        gate = self._gate()
        token = self._token
        is_declaration = not self._peek_is(1, ":") or token.escaped
        if is_declaration and self._accept("use"):
            interface.uses.extend(self._use(gate))
        elif is_declaration and token.text in _DECLARATIONS and not token.escaped:
            self._next += 1
            interface.types.append(_DECLARATIONS[token.text](self, gate))
        else:
            name = self._id("an item of the interface")
            self._expect(":")
            interface.functions.append(self._function("free", name, token, gate))

    def _use(self, gate: Gate) -> list[Use]:
        path = self._interface_path()
        self._expect(".")
        self._expect("{")
        uses = []
        while not self._accept("}"):
            where = self._token.where
            name = self._id()
            local = self._id() if self._accept("as") else name
            uses.append(Use(path, name, local, where, gate))
            if not self._is("}"):
                self._expect(",")
        self._expect(";")
        return uses

    def _alias(self, gate: Gate) -> TypeDef:
        where = self._token.where
        name = self._id()
        self._expect("=")
        target = self._type()
        self._expect(";")
        return TypeDef("type", name, where, gate, target=target)

    def _members(self, kind: str, gate: Gate) -> TypeDef:
        """`record`, `variant`, `enum` or `flags`: named members in braces."""
        where = self._token.where
        definition = TypeDef(kind, self._id(), where, gate)
        self._expect("{")
        seen: set[str] = set()
        while not self._accept("}"):
            self._gate()
            member_where = self._token.where
            name = self._id()
            if name in seen:
                raise WitError(member_where, f"'{name}' is here twice")
            seen.add(name)
            definition.members.append(Field(name, self._member_type(kind)))
            if not self._is("}"):
                self._expect(",")
        if not definition.members:
            raise WitError(where, f"{kind} '{definition.name}' is empty")
        return definition

    def _member_type(self, kind: str) -> Ty | None:
        if kind == "record":
            self._expect(":")
            return self._type()
        if kind == "variant" and self._accept("("):
            payload = self._type()
            self._expect(")")
            return payload
        return None

    def _resource(self, gate: Gate) -> TypeDef:
        where = self._token.where
        resource = TypeDef("resource", self._id(), where, gate)
        if self._accept(";"):
            return resource
        self._expect("{")
        while not self._accept("}"):
            resource.functions.append(self._resource_item())
        return resource

    def _resource_item(self) -> Function:
        gate = self._gate()
        token = self._token
        if self._is("constructor") and self._peek_is(1, "("):
            self._next += 1
            params = self._params()
            result = self._type() if self._accept("->") else None
            self._expect(";")
            return Function("constructor", "", params, result, token.where, gate)
        name = self._id("a method")
        self._expect(":")
        kind = "static" if self._accept("static") else "method"
        return self._function(kind, name, token, gate)

    def _function(self, kind: str, name: str, token: Token, gate: Gate) -> Function:
        is_async = self._accept("async")
        self._expect("func")
        params = self._params()
        result = self._result() if self._accept("->") else None
        self._expect(";")
        return Function(kind, name, params, result, token.where, gate, is_async)

    def _params(self) -> list[Field]:
        self._expect("(")
        params = []
        while not self._accept(")"):
            name = self._id("a parameter")
            self._expect(":")
            params.append(Field(name, self._type()))
            if not self._is(")"):
                self._expect(",")
        return params

    def _result(self) -> Ty:
        """A type; 2023 texts may name the results."""
        if not self._is("("):
            return self._type()
        where = self._token.where
        results = self._params()
        if len(results) != 1 or results[0].type is None:
            raise WitError(where, "only one result is supported")
        return results[0].type

    # --- types ----------------------------------------------------------------------------------

    def _type(self, depth: int = 0) -> Ty:
        token = self._take("id", "a type")
        if depth > _MAX_TYPE_DEPTH:
            raise WitError(token.where, "types are nested too deeply")
        name = _OLD_PRIMITIVES.get(token.text, token.text)
        if token.escaped:
            return Named(token.text, token.where)
        if name in PRIMITIVES:
            return Prim(name)
        if name in ("list", "option", "tuple") and self._is("<"):
            return self._generic(name, token, depth)
        if name == "result":
            return self._result_type(depth)
        if name in ("own", "borrow") and self._accept("<"):
            resource = self._take("id", "a resource")
            self._expect(">")
            handle = OwnOf if name == "own" else BorrowOf
            return handle(Named(resource.text, resource.where))
        if name in ("stream", "future"):
            return self._channel(name, depth)
        if name in ("map", "error-context"):
            self._skip_angles()
            return Unsupported(name, token.where)
        return Named(token.text, token.where)

    def _generic(self, name: str, token: Token, depth: int) -> Ty:
        self._expect("<")
        members = [self._type(depth + 1)]
        while self._accept(","):
            if name == "list":
                self._take("integer", "a length")
                self._expect(">")
                return Unsupported("list with a fixed length", token.where)
            if self._is(">"):
                break
            members.append(self._type(depth + 1))
        self._expect(">")
        if name == "tuple":
            return TupleOf(tuple(members))
        if len(members) != 1:
            raise WitError(token.where, f"{name} takes one type")
        return ListOf(members[0]) if name == "list" else OptionOf(members[0])

    def _channel(self, name: str, depth: int) -> Ty:
        """`stream<T>` or `future<T>`; without `<T>` they carry no values."""
        element = None
        if self._accept("<"):
            element = self._type(depth + 1)
            self._expect(">")
        return StreamOf(element) if name == "stream" else FutureOf(element)

    def _result_type(self, depth: int) -> Ty:
        if not self._accept("<"):
            return ResultOf(None, None)
        ok = None if self._accept("_") else self._type(depth + 1)
        error = self._type(depth + 1) if self._accept(",") else None
        self._expect(">")
        return ResultOf(ok, error)

    def _skip_angles(self) -> None:
        depth = 0
        while True:
            if self._token.kind == "end":
                raise WitError(self._token.where, "a closing '>' is missing")
            if self._is("<"):
                depth += 1
            elif self._is(">") and depth:
                depth -= 1
                if not depth:
                    self._next += 1
                    return
            if not depth:
                return
            self._next += 1


_DECLARATIONS = {
    "type": _Parser._alias,
    "record": lambda parser, gate: parser._members("record", gate),
    "variant": lambda parser, gate: parser._members("variant", gate),
    "enum": lambda parser, gate: parser._members("enum", gate),
    "flags": lambda parser, gate: parser._members("flags", gate),
    "resource": _Parser._resource,
}
