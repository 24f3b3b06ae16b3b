#!/usr/bin/python3
"""Lists the longest sources, for the eye: pleasant is up to 300 lines, look hard at 500. No gate."""

from __future__ import annotations

import pathlib
import sys


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    files = [p for top in ("src", "apps", "sdk", "tools", "tests", "bench") for p in (root / top).rglob("*")
             if p.suffix in (".cpp", ".hpp", ".c", ".h", ".py", ".sh")]
    sizes = sorted(((len(p.read_text(errors="replace").splitlines()), p.relative_to(root)) for p in files), reverse=True)
    for lines, path in sizes[:20]:
        print(f"{lines:6} {path}{'   <- look' if lines > 500 else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
