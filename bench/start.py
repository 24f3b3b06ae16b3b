#!/usr/bin/python3
"""Time from exec to the first answer, side by side: hello, an app of many components and files, and Spin.

Programs are started in turn, A B C A B C …, with warm code caches, each on a free port of its own; the client
tries to connect without a pause, so that the listening time is known to some 50 µs. What is claimed is the
median over the rounds, and ratios within a round.

    ./dev bench start
    WHORL_PEER_SPIN=/path/spin ./dev bench start --rounds 15
"""

from __future__ import annotations

import argparse
import dataclasses
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

import load

COMPONENTS = 100
FILES = 1000
START_TIMEOUT_S = 60


@dataclasses.dataclass
class Contender:
    """A program started over and over with one app."""

    name: str
    program: str
    app: pathlib.Path
    listening_ms: list[float] = dataclasses.field(default_factory=list)
    answer_ms: list[float] = dataclasses.field(default_factory=list)


def write_hello(folder: pathlib.Path, guest: pathlib.Path) -> pathlib.Path:
    """One component, one route."""
    folder.mkdir()
    manifest = folder / "spin.toml"
    manifest.write_text(
        'spin_manifest_version = 2\n[application]\nname = "hello"\n'
        '[[trigger.http]]\nroute = "/..."\ncomponent = "hello"\n'
        f'[component.hello]\nsource = "{guest}"\n')
    return manifest


def write_large(folder: pathlib.Path, guest: pathlib.Path) -> pathlib.Path:
    """Many components, and many files mounted into them, of which the first request needs none."""
    files = folder / "files"
    files.mkdir(parents=True)
    for number in range(FILES):
        (files / f"{number}.txt").write_text(f"file {number}\n" * 20)
    parts = ['spin_manifest_version = 2\n[application]\nname = "large"\n'
             '[[trigger.http]]\nroute = "/"\ncomponent = "c0"\n']
    for number in range(COMPONENTS):
        if number:
            parts.append(f'[[trigger.http]]\nroute = "/c{number}"\ncomponent = "c{number}"\n')
        mounts = 'files = ["files/*.txt"]\n' if number == COMPONENTS - 1 else ""
        parts.append(f'[component.c{number}]\nsource = "{guest}"\n{mounts}')
    manifest = folder / "spin.toml"
    manifest.write_text("".join(parts))
    return manifest


def connect(port: int, process: subprocess.Popen, deadline: float) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"Error: nothing listens on port {port} (exit code {process.poll()})")


def run_once(contender: Contender, work: pathlib.Path) -> None:
    port = load.free_port()
    with open(work / "log", "wb") as log:
        began = time.monotonic()
        process = subprocess.Popen([contender.program, "up", "-f", str(contender.app), "--listen", f"127.0.0.1:{port}", "--quiet"],
                                   cwd=contender.app.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            with connect(port, process, began + START_TIMEOUT_S) as link:
                listening = time.monotonic()
                link.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                head = link.recv(64)
                answered = time.monotonic()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    if not head.startswith(b"HTTP/1.1 200"):
        sys.exit(f"Error: {contender.name} answered {head!r}\n\n{(work / 'log').read_text()[-2000:]}")
    contender.listening_ms.append((listening - began) * 1000)
    contender.answer_ms.append((answered - began) * 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", default=str(load.ROOT / "build" / "whorl"))
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest())
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    guest = options.guest.resolve()
    with tempfile.TemporaryDirectory(prefix="whorl-start-") as folder:
        work = pathlib.Path(folder)
        hello = write_hello(work / "hello", guest)
        contenders = [Contender("whorl, hello", options.whorl, hello),
                      Contender(f"whorl, {COMPONENTS} components, {FILES} files", options.whorl, write_large(work / "large", guest))]
        spin = os.environ.get("WHORL_PEER_SPIN")
        if spin and load.is_component(guest):
            contenders.append(Contender("spin, hello", spin, hello))
        else:
            print("(spin is not compared: WHORL_PEER_SPIN is not set, or the guest is no component)", file=sys.stderr)
        for number in range(options.rounds + 1):
            for contender in contenders:
                run_once(contender, work)
                if number == 0:  # warms the caches
                    contender.listening_ms.clear()
                    contender.answer_ms.clear()
    print(f"{'from exec to':<36} {'listening ms':>20} {'first answer ms':>20} {'× hello':>8}")
    for contender in contenders:
        ratio = statistics.median(a / b for a, b in zip(contender.answer_ms, contenders[0].answer_ms))
        cells = [f"{statistics.median(ms):.1f} ({min(ms):.1f}-{max(ms):.1f})" for ms in (contender.listening_ms, contender.answer_ms)]
        print(f"{contender.name:<36} {cells[0]:>20} {cells[1]:>20} {ratio:8.2f}")
    if options.out:
        options.out.write_text(json.dumps([{"name": c.name, "listening_ms": c.listening_ms, "answer_ms": c.answer_ms}
                                           for c in contenders], indent=1))


if __name__ == "__main__":
    main()
