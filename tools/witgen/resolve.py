"""Finds what names mean: loads packages from the WIT folder and links uses to definitions."""

from __future__ import annotations

import os
from dataclasses import dataclass

from model import (
    BorrowOf,
    Function,
    FutureOf,
    Interface,
    InterfaceId,
    ListOf,
    Named,
    OptionOf,
    OwnOf,
    PackageId,
    ResultOf,
    StreamOf,
    TupleOf,
    Ty,
    TypeDef,
    Where,
    WitError,
)
from parser import parse_file


@dataclass(frozen=True)
class Definition:
    """A type definition and the interface it stands in."""

    interface: InterfaceId
    type: TypeDef

    def __hash__(self) -> int:
        return hash((self.interface, self.type.name))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Definition)
            and self.interface == other.interface
            and self.type.name == other.type.name
        )


class World:
    """All packages under one folder, read when they are asked for.

    @param folder    holds `<namespace>/<package>@<version>/*.wit`
    @param features  unstable features whose items are kept; other unstable items vanish
    """

    def __init__(self, folder: str, features: frozenset[str] = frozenset()):
        self._folder = folder
        self._features = features
        self._packages: dict[PackageId, dict[str, Interface]] = {}
        self._lookups: set[tuple[InterfaceId, str]] = set()

    def interface(self, id: InterfaceId, where: Where | None = None) -> Interface:
        interfaces = self._package(id.package, where)
        if id.name not in interfaces:
            raise WitError(where, f"package {id.package} has no interface '{id.name}'")
        return interfaces[id.name]

    def lookup(self, interface: Interface, name: Named) -> Definition:
        """The definition behind a name, through uses and through aliases of other names."""
        key = (interface.id, name.name)
        if key in self._lookups:
            raise WitError(name.where, f"'{name.name}' is defined by itself")
        self._lookups.add(key)
        try:
            return self._lookup(interface, name)
        finally:
            self._lookups.discard(key)

    def _lookup(self, interface: Interface, name: Named) -> Definition:
        for use in interface.uses:
            if use.local == name.name:
                source = self.interface(use.interface, use.where)
                return self.lookup(source, Named(use.name, use.where))
        for definition in interface.types:
            if definition.name == name.name:
                return Definition(interface.id, definition)
        raise WitError(name.where, f"'{name.name}' is not defined in {interface.id}")

    def _package(self, id: PackageId, where: Where | None) -> dict[str, Interface]:
        if id not in self._packages:
            self._packages[id] = self._load(id, where)
        return self._packages[id]

    def _load(self, id: PackageId, where: Where | None) -> dict[str, Interface]:
        folder = os.path.join(
            self._folder, id.namespace, id.name + (f"@{id.version}" if id.version else "")
        )
        if not os.path.isdir(folder):
            raise WitError(where, f"package {id} is not under {self._folder}")
        interfaces: dict[str, Interface] = {}
        for entry in sorted(os.listdir(folder)):
            if not entry.endswith(".wit"):
                continue
            path = os.path.join(folder, entry)
            with open(path, encoding="utf-8") as file:
                parsed = parse_file(file.read(), path, id)
            for interface in parsed:
                if interface.id.package != id:
                    raise WitError(interface.where, f"{interface.id} is in the folder of {id}")
                if interface.id.name in interfaces:
                    raise WitError(interface.where, f"interface '{interface.id.name}' again")
                interfaces[interface.id.name] = self._without_unstable(interface)
        return interfaces

    def _without_unstable(self, interface: Interface) -> Interface:
        def kept(item) -> bool:
            return not item.gate.unstable or item.gate.unstable in self._features

        interface.uses = [use for use in interface.uses if kept(use)]
        interface.types = [definition for definition in interface.types if kept(definition)]
        interface.functions = [function for function in interface.functions if kept(function)]
        for definition in interface.types:
            definition.functions = [f for f in definition.functions if kept(f)]
        return interface


def children(type: Ty | None) -> list[Ty]:
    """The types directly inside a type expression."""
    match type:
        case ListOf(element) | OptionOf(element):
            return [element]
        case StreamOf(element) | FutureOf(element):
            return [element] if element is not None else []
        case ResultOf(ok, error):
            return [t for t in (ok, error) if t is not None]
        case TupleOf(members):
            return list(members)
        case OwnOf(resource) | BorrowOf(resource):
            return [resource]
        case _:
            return []


def mentions_channels(interface: Interface) -> bool:
    """Whether a function or type of the interface has streams or futures in it."""

    def inside(type: Ty | None) -> bool:
        if isinstance(type, (StreamOf, FutureOf)):
            return True
        return any(inside(child) for child in children(type))

    types = [d.target for d in interface.types]
    types += [member.type for d in interface.types for member in d.members]
    for _, function in all_functions(interface):
        types += [function.result] + [param.type for param in function.params]
    return any(inside(type) for type in types)


def names_in(type: Ty | None) -> list[Named]:
    """Every name a type expression mentions."""
    if isinstance(type, Named):
        return [type]
    return [name for child in children(type) for name in names_in(child)]


def value_types_in_order(world: World, interface: Interface) -> list[TypeDef]:
    """The interface's own types that are not resources, each after those it is made of."""
    own = {d.name: d for d in interface.types if d.kind != "resource"}
    order: list[TypeDef] = []
    state: dict[str, str] = {}

    def visit(definition: TypeDef) -> None:
        if state.get(definition.name) == "done":
            return
        if state.get(definition.name) == "open":
            raise WitError(definition.where, f"type '{definition.name}' contains itself")
        state[definition.name] = "open"
        parts = [definition.target] + [member.type for member in definition.members]
        for part in parts:
            for name in names_in(part):
                if name.name in own:
                    visit(own[name.name])
        state[definition.name] = "done"
        order.append(definition)

    for definition in own.values():
        visit(definition)
    return order


def all_functions(interface: Interface) -> list[tuple[TypeDef | None, Function]]:
    """Every function with the resource it belongs to, in the order of the text."""
    functions: list[tuple[TypeDef | None, Function]] = []
    for definition in interface.types:
        functions.extend((definition, function) for function in definition.functions)
    functions.extend((None, function) for function in interface.functions)
    return functions
