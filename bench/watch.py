#!/usr/bin/python3
"""From an edit to its being served, under `whorl watch`, without a compiler's time: the build command copies a file.

Three kinds of edit, each saved as editors do (a new file, renamed over the old one): a source that is built, the
manifest, a mounted file. Between two edits a client asks all the time; an answer that is none is counted. What is
claimed is the median; the 100 ms of the debounce are part of it. Spin's `watch` takes part where WHORL_PEER_SPIN names
one, with the same application as components.

    ./dev bench watch
    ./dev bench watch --rounds 50
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import componentize  # noqa: E402
import peers  # noqa: E402
import whorl  # noqa: E402

GOAL_MS = 150
GIVE_UP_S = 30
SETTLE_S = 0.15  # so that an edit is not gathered with the one before it
MANIFEST = """spin_manifest_version = 2
[application]
name = "watched"
[[trigger.http]]
route = "/source"
component = "built"
[[trigger.http]]
route = "/env"
component = "shown"
[[trigger.http]]
route = "/read/..."
component = "files"
[component.built]
source = "out.wasm"
[component.built.build]
command = "cp $(cat src/which.txt).wasm new.wasm && mv new.wasm out.wasm"
watch = ["src/*.txt"]
[component.shown]
source = "multi.wasm"
environment = { GREETING = "VALUE" }
[component.files]
source = "folder.wasm"
files = ["a.txt"]
"""


def put(path: pathlib.Path, text: str) -> None:
    new = path.with_name(".new")
    new.write_text(text)
    new.rename(path)


def edits(folder: pathlib.Path, number: int):
    """Kind → what makes the edit, the path to ask, what it answers then."""
    which = ("multi", "hello")[number % 2]
    return {
        "source": (lambda: put(folder / "src" / "which.txt", which), "/source", b"Hello" if which == "hello" else b"GET /source"),
        "manifest": (lambda: put(folder / "spin.toml", MANIFEST.replace("VALUE", f"value-{number}")), "/env", f"=value-{number}\n".encode()),
        "file": (lambda: put(folder / "a.txt", f"file-{number}."), "/read/a.txt", f"file-{number}.".encode()),
    }


def prepare(folder: pathlib.Path) -> None:
    for name in ("multi", "hello", "folder"):
        (folder / f"{name}.wasm").write_bytes(componentize.guest(name, folder / "build").read_bytes())
    (folder / "src").mkdir()
    put(folder / "src" / "which.txt", "multi")
    put(folder / "spin.toml", MANIFEST)
    put(folder / "a.txt", "file")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Watched:
    """A program's `watch` of the application."""

    def __init__(self, program: str, folder: pathlib.Path):
        prepare(folder)
        self.folder, self.port, self.failures = folder, free_port(), 0
        self.process = subprocess.Popen([program, "watch", "--listen", f"127.0.0.1:{self.port}", "--quiet"], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        self.await_answer("/source", b"GET", time.monotonic())
        self.failures = 0

    def await_answer(self, path: str, wanted: bytes, since: float) -> float:
        """Milliseconds until that is answered."""
        while True:
            try:
                response = whorl.exchange(self.port, "GET", path)
                if response.status != 200 or not response.complete:
                    self.failures += 1
                elif wanted in response.body:
                    return (time.monotonic() - since) * 1000
            except (OSError, whorl.Cut):
                self.failures += 1
                time.sleep(0.001)
            if time.monotonic() - since > GIVE_UP_S or self.process.poll() is not None:
                sys.exit(f"Error: {path} is not answered with {wanted!r}")

    def close(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def measure(program: str, kinds: list[str], rounds: int) -> dict:
    with tempfile.TemporaryDirectory(prefix="whorl-watch-") as name:
        watched = Watched(program, pathlib.Path(name))
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        try:
            for number in range(1, rounds + 1):
                for kind in kinds:
                    time.sleep(SETTLE_S)
                    edit, path, wanted = edits(watched.folder, number)[kind]
                    edit()
                    times[kind].append(watched.await_answer(path, wanted, time.monotonic()))
        finally:
            watched.close()
        return {"times_ms": times, "failed": watched.failures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "apps" / "whorl" / "whorl"))
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    peers.find()
    # A change of the manifest alone is not served by Spin until the next restart.
    contenders = {"whorl": (str(pathlib.Path(options.program).resolve()), ["source", "manifest", "file"])}
    if spin := os.environ.get("WHORL_PEER_SPIN"):
        contenders["spin"] = (spin, ["source", "file"])
    results = {name: measure(program, kinds, options.rounds) for name, (program, kinds) in contenders.items()}
    print(f"{'':8} {'edit':10} {'median ms':>9} {'p90':>7} {'worst':>7}   (goal: {GOAL_MS} ms)")
    for name, result in results.items():
        for kind, times in result["times_ms"].items():
            ordered = sorted(times)
            print(f"{name:8} {kind:10} {statistics.median(ordered):9.1f} {ordered[int(len(ordered) * 0.9)]:7.1f} {ordered[-1]:7.1f}")
        print(f"{name:8} requests without an answer: {result['failed']}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
