#!/usr/bin/python3
"""Checks that the rooms of src/ use each other only downwards, and that heavy headers stay in their rooms.

A room's layer and its DEPS are read from its CMakeLists.txt. An include of another room is right when
that room is on a lower layer, or on the same one and named in DEPS. Third-party headers that shape a
program (engine, event loop, TOML, JSON, command line) are confined to the rooms that own them.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import sys

import cpp_text

# The plan of the tree (ARCHITECTURE.md); a room declared on another layer is an error.
LAYERS = {
    "base": 0,
    "log": 1, "async": 1, "fs": 1, "wire": 1, "telemetry": 1,
    "net": 2, "manifest": 2, "app": 2, "db": 2,
    "http": 3, "engine": 3,
    "component": 4, "registry": 4, "otlp": 4,
    "wasi": 5, "loader": 5,
    "host": 6,
    "runtime": 7,
    "trigger": 8,
    "build": 9, "watch": 9, "doctor": 9, "templates": 9, "plugins": 9, "cli": 9,
}


@dataclasses.dataclass(frozen=True)
class Confined:
    """Headers matching `pattern` may be included only by files matching `allowed`."""

    pattern: str
    allowed: str
    why: str


CONFINED = (
    Confined(r"^(wasmtime|wasm)(\.h|\.hh|/)", r"^src/engine/(.*\.cpp|capi\.hpp)$",
             "the engine's headers stay in src/engine/*.cpp and their private capi.hpp"),
    Confined(r"^engine/(capi|trap|driver|asan_stack|epoch_clock|pool_plan|.*_impl)\.hpp$", r"^src/engine/",
             "the engine's private headers stay in engine/"),
    Confined(r"^boost/asio", r"^src/(async/.*|net/.*|http/.*\.cpp)$", "Asio stays in async/, net/ and http/*.cpp"),
    Confined(r"^boost/beast", r"^src/http/websocket/", "Beast stays in http/websocket/"),
    Confined(r"^boost/(json|url)", r"^(src|apps)/.*\.cpp$", "JSON and URL headers stay in .cpp files"),
    Confined(r"^toml\+\+", r"^src/(manifest|doctor|loader)/.*\.cpp$", "toml++ stays in .cpp files of manifest/"),
    Confined(r"^CLI/", r"^(src/cli|apps)/.*\.cpp$", "CLI11 stays in .cpp files of cli/"),
    Confined(r"^sqlite3", r"^src/db/.*\.cpp$", "SQLite's header stays in .cpp files of db/"),
    Confined(r"^nghttp2/", r"^src/http/(.*\.cpp|http2_parts\.hpp)$",
             "nghttp2's header stays in .cpp files of http/, and http2_parts.hpp for them alone"),
    Confined(r"^http/http2_parts\.hpp", r"^src/http/http2_.*\.cpp$", "http2_parts.hpp is for the codec's .cpp files"),
    Confined(r"^openssl/", r"^src/.*\.cpp$", "OpenSSL headers stay in .cpp files"),
)


@dataclasses.dataclass
class Room:
    layer: int
    deps: list[str]


def _words(body: str, key: str, keys: str) -> list[str]:
    match = re.search(rf"\b{key}\b((?:\s+(?!(?:{keys})\b)[\w.:/+-]+)*)", body)
    return match.group(1).split() if match else []


def read_rooms(root: pathlib.Path) -> dict[str, Room]:
    """Rooms declared with whorl_module() under src/, by their name."""
    keys = "NAME|LAYER|SOURCES|TESTS|DEPS|EXTERNAL"
    rooms = {}
    for listing in sorted(root.glob("src/**/CMakeLists.txt")):
        text = re.sub(r"#.*", "", listing.read_text())
        for body in re.findall(r"whorl_module\(([^)]*)\)", text):
            name = _words(body, "NAME", keys)
            layer = _words(body, "LAYER", keys)
            if name and layer:
                rooms[name[0]] = Room(int(layer[0]), _words(body, "DEPS", keys))
    return rooms


def room_of(path: str) -> str:
    """`src/http/server.hpp` and `http/server.hpp` are both of the room http."""
    parts = path.removeprefix("src/").split("/")
    return parts[0] if len(parts) > 1 else ""


def check_declared(rooms: dict[str, Room]) -> list[str]:
    problems = []
    for name, room in rooms.items():
        planned = LAYERS.get(name.split("_")[0])
        if planned is None:
            problems.append(f"room {name}: not in the plan of the tree (LAYERS in tools/check_layers.py)")
        elif planned != room.layer:
            problems.append(f"room {name}: declared on layer {room.layer}, the plan says {planned}")
    return problems


def check_include(path: str, line: int, target: str, quoted: bool, rooms: dict[str, Room]) -> str | None:
    for rule in CONFINED:
        if re.search(rule.pattern, target) and not re.search(rule.allowed, path):
            return f"{path}:{line}: includes {target}; {rule.why}"
    here, there = room_of(path), room_of(target)
    if not quoted or not path.startswith("src/") or there not in LAYERS or here == there or here not in LAYERS:
        return None
    if LAYERS[there] < LAYERS[here]:
        return None
    if LAYERS[there] == LAYERS[here] and here in rooms and there in rooms[here].deps:
        return None
    return (f"{path}:{line}: {here} (layer {LAYERS[here]}) includes {target} of {there} (layer {LAYERS[there]}); "
            "a room uses lower layers, or names a sibling in DEPS")


def check_tree(root: pathlib.Path) -> list[str]:
    rooms = read_rooms(root)
    problems = check_declared(rooms)
    for file in sorted(p for top in ("src", "apps", "bench", "fuzz") for p in (root / top).rglob("*.[ch]pp")):
        path = file.relative_to(root).as_posix()
        for line, target, quoted in cpp_text.includes(file.read_text(errors="replace")):
            problem = check_include(path, line, target, quoted, rooms)
            if problem:
                problems.append(problem)
    return problems


def main() -> int:
    problems = check_tree(pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) if problems else "layers: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
