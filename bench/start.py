#!/usr/bin/python3
"""Time from exec to the first answer, side by side: hello, an app of many components and files, and Spin.

Programs are started in turn, A B C A B C …, with warm code caches, each on a free port of its own. Time runs from
right before the call that makes the process and executes the program. The client tries to connect ten times a
millisecond and sleeps between: one that spins takes a core of two away from the program. What is claimed is
the median over the rounds, and ratios within a round.

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
import sys
import tempfile
import time

import load

COMPONENTS = 100
FILES = 1000
START_TIMEOUT_S = 60
PAUSE_S = 50e-6  # the kernel's timer adds as much


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


def has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def connect(port: int, pid: int, deadline: float) -> socket.socket:
    while True:
        link = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            link.connect(("127.0.0.1", port))
        except OSError:
            link.close()
            if has_ended(pid) or time.monotonic() > deadline:
                sys.exit(f"Error: nothing listens on port {port}")
            time.sleep(PAUSE_S)
        else:
            link.settimeout(10)
            return link


def run_once(contender: Contender, work: pathlib.Path) -> None:
    port = load.free_port()
    arguments = [contender.program, "up", "-f", str(contender.app), "--listen", f"127.0.0.1:{port}", "--quiet"]
    os.chdir(contender.app.parent)
    with open(work / "log", "wb") as log, open(os.devnull, "rb") as nothing:
        files = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), 0), (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                 (os.POSIX_SPAWN_DUP2, log.fileno(), 2)]
        began = time.monotonic()
        pid = os.posix_spawn(contender.program, arguments, os.environ, file_actions=files)
        try:
            with connect(port, pid, began + START_TIMEOUT_S) as link:
                listening = time.monotonic()
                link.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                head = link.recv(64)
                answered = time.monotonic()
        finally:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
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
    out = options.out.resolve() if options.out else None  # the working directory changes
    whorl = str(pathlib.Path(options.whorl).resolve())
    with tempfile.TemporaryDirectory(prefix="whorl-start-") as folder:
        work = pathlib.Path(folder)
        hello = write_hello(work / "hello", guest)
        contenders = [Contender("whorl, hello", whorl, hello),
                      Contender(f"whorl, {COMPONENTS} components, {FILES} files", whorl, write_large(work / "large", guest))]
        spin = os.environ.get("WHORL_PEER_SPIN")
        if spin and load.is_component(guest):
            contenders.append(Contender("spin, hello", str(pathlib.Path(spin).resolve()), hello))
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
    if out:
        out.write_text(json.dumps([{"name": c.name, "listening_ms": c.listening_ms, "answer_ms": c.answer_ms}
                                           for c in contenders], indent=1))


if __name__ == "__main__":
    main()
