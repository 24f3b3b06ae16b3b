#!/usr/bin/env python3
"""Writes a module for each JavaScript module that the Ruby of npm imports: stubs.py RUBY.wasm

A script that asks for nothing of JavaScript calls none of them, but for those that make and look up handles.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))

import wasm_dump  # noqa: E402

MODULES = ("rb-js-abi-host", "canonical_abi")


def stub(item: wasm_dump.Item) -> str:
    parameters, result = item.type.split("->")
    types = parameters[1:-1].split(",") if parameters != "()" else []
    text = f'(func (export "{item.name}")'
    text += "".join(f" (param {each})" for each in types) + (f" (result {result})" if result else "")
    if not item.name.startswith("resource_"):
        return text + " (unreachable))"
    return text + (" (local.get 0))" if result else ")")


def main() -> None:
    imports, _ = wasm_dump.read_items(pathlib.Path(sys.argv[1]).read_bytes())
    for module in MODULES:
        functions = "\n".join(stub(item) for item in imports if item.module == module)
        pathlib.Path(f"{module}.wat").write_text(f"(module\n{functions})\n")


if __name__ == "__main__":
    main()
