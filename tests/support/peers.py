"""Programs to compare with: WHORL_PEER_SPIN and WHORL_PEER_WASMTIME name them, or a `peers/unpack` in the shared
material beside the tree does, which prints lines of `export NAME=PATH`. Without either, comparing tests are skipped."""

import os
import pathlib
import subprocess
import sys

NAMES = ("WHORL_PEER_SPIN", "WHORL_PEER_WASMTIME")
UNPACK = pathlib.Path(__file__).resolve().parents[3] / "shared" / "peers" / "unpack"


def find() -> None:
    """Puts what `unpack` names into the environment; what the user has named stays."""
    if all(name in os.environ for name in NAMES) or not os.access(UNPACK, os.X_OK):
        return
    made = subprocess.run([UNPACK], capture_output=True, text=True, timeout=120, check=False)
    if made.returncode != 0:
        print(f"peers: {UNPACK} failed: {made.stderr.strip()}", file=sys.stderr)
        return
    for line in made.stdout.splitlines():
        name, separator, path = line.removeprefix("export ").partition("=")
        if separator and name in NAMES:
            os.environ.setdefault(name, path)
