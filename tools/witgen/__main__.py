"""witgen: C++ bindings for the WIT interfaces the host offers.

    python3 tools/witgen --wit wit --out build/gen/wit wasi:io/streams@0.2.12 …

Writes three files per interface: `wasi_io_streams.hpp` (types, resource classes, Host),
`wasi_io_streams_abi.hpp` (how they cross the canonical ABI) and `wasi_io_streams.cpp` (tables).
A file whose text did not change is left alone, so that nothing is rebuilt for it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys

from cpptypes import CppTypes
from emit_header import generate as generate_header
from emit_source import generate_abi, generate_source
from model import InterfaceId, PackageId, WitError
from resolve import World

_INTERFACE = re.compile(r"([a-z0-9-]+):([a-z0-9-]+)/([a-z0-9-]+)(?:@(.+))?")


def parse_interface_id(text: str) -> InterfaceId:
    match = _INTERFACE.fullmatch(text)
    if not match:
        raise WitError(None, f"'{text}' is not an interface, like wasi:io/streams@0.2.12")
    namespace, package, name, version = match.groups()
    return InterfaceId(PackageId(namespace, package, version or ""), name)


def parse_suffix(text: str) -> tuple[PackageId, str]:
    """`wasi:http@0.3.0=p3`"""
    package, _, suffix = text.rpartition("=")
    id = parse_interface_id(re.sub(r"^([^@]*)", r"\1/x", package))
    return id.package, suffix


def generate(wit: str, interfaces: list[str], features: list[str], suffixes: list[str]) -> dict:
    """File name → text."""
    world = World(wit, frozenset(features))
    suffix_of = dict(parse_suffix(suffix) for suffix in suffixes)
    files: dict[str, str] = {}
    for text in interfaces:
        id = parse_interface_id(text)
        interface = world.interface(id)
        types = CppTypes(world, interface, suffix_of)
        stem = types.namespace(id)
        source = os.path.relpath(interface.where.file, os.path.dirname(os.path.abspath(wit)))
        if f"{stem}.hpp" in files:
            raise WitError(None, f"{text}: another interface is called {stem} already; use --suffix")
        files[f"{stem}.hpp"] = generate_header(world, interface, types, source)
        files[f"{stem}_abi.hpp"] = generate_abi(world, interface, types, source)
        files[f"{stem}.cpp"] = generate_source(world, interface, types, source)
    return files


def write_if_changed(path: str, text: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> int:
    arguments = argparse.ArgumentParser(prog="witgen", description=__doc__.splitlines()[0])
    arguments.add_argument("--wit", required=True, help="folder of <namespace>/<package>@<version>/")
    arguments.add_argument("--out", required=True, help="folder to write to")
    arguments.add_argument("--feature", action="append", default=[], help="keep @unstable items")
    arguments.add_argument(
        "--suffix", action="append", default=[], help="wasi:http@0.3.0=p3: names a second version"
    )
    arguments.add_argument("interfaces", nargs="+")
    options = arguments.parse_args()
    try:
        files = generate(options.wit, options.interfaces, options.feature, options.suffix)
    except WitError as error:
        print(f"witgen: {error}", file=sys.stderr)
        return 1
    os.makedirs(options.out, exist_ok=True)
    for name, text in files.items():
        write_if_changed(os.path.join(options.out, name), text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
