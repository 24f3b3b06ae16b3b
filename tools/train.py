#!/usr/bin/python3
"""Has a program that records serve guests, and writes what it recorded in the form that the compiler reads.

    tools/train.py PROGRAM OUT.profdata GUEST…

PROGRAM was built with -DWHORL_PROFILE=record (docs/adr/0053). Each guest, a .wasm file, answers requests over HTTP/1.1 and over HTTP/2
without TLS, half of them with a body. A profile of requests that failed would be one of failing: every answer has to be a 200. Needs
h2load (Debian: nghttp2-client) and llvm-profdata-19 (llvm-19).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import typing

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
CONNECTIONS = 50
STREAMS = 4
BODY_BYTES = 1000
PROTOCOLS = {"HTTP/1.1": ["--h1"], "HTTP/2": ["-m", str(STREAMS)]}


class Failed(Exception):
    """What went wrong, for the person who started this."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None:
                raise Failed(f"the program ended with {server.returncode} before it listened:\n{log.read_text()[-2000:]}") from None
            if time.monotonic() > deadline:
                raise Failed(f"the program did not listen within {START_TIMEOUT_S} s:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)


@contextlib.contextmanager
def serving(program: pathlib.Path, guest: pathlib.Path, raw: pathlib.Path, work: pathlib.Path) -> typing.Iterator[int]:
    """Serves a guest on a port while the block runs; then the program ends and has written into `raw`."""
    port, log = free_port(), work / "log"
    before = set(raw.iterdir())
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [program, "up", "-f", guest, "--listen", f"127.0.0.1:{port}", "--threads", "1", "--quiet", "--state-dir", work / "state"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=work,
            env={**os.environ, "LLVM_PROFILE_FILE": str(raw / "%p.profraw")})
    try:
        wait_until_it_listens(server, port, log)
        yield port
        server.terminate()
        try:
            code = server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"the program was still running {STOP_TIMEOUT_S} s after it was told to stop") from None
        if code != 0:
            raise Failed(f"the program ended with {code}:\n{log.read_text()[-2000:]}")
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    if not any(file.stat().st_size > 0 for file in set(raw.iterdir()) - before):
        raise Failed(f"{program} wrote no profile: was it built with -DWHORL_PROFILE=record?")


def load(port: int, how: list[str], requests: int, body: pathlib.Path | None) -> None:
    """Raises Failed unless every answer was a 200."""
    command = ["h2load", "-n", str(requests), "-c", str(CONNECTIONS), *how, *(["-d", str(body)] if body else []), f"http://127.0.0.1:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    good = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)
    if done.returncode != 0 or not good or int(good.group(1)) != requests:
        raise Failed(f"not every answer of `{' '.join(command)}` was a 200:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def train(program: pathlib.Path, out: pathlib.Path, guests: list[pathlib.Path], requests: int) -> None:
    for tool, package in {"h2load": "nghttp2-client", "llvm-profdata-19": "llvm-19"}.items():
        if shutil.which(tool) is None:
            raise Failed(f"there is no {tool}; it is in the Debian package {package}")
    for guest in guests:
        if not guest.is_file():
            raise Failed(f"there is no guest {guest}")
    with tempfile.TemporaryDirectory(prefix="whorl-train-") as folder:
        work = pathlib.Path(folder)
        raw = work / "raw"
        raw.mkdir()
        body = work / "body"
        body.write_bytes(b"x" * BODY_BYTES)
        for guest in guests:
            with serving(program, guest, raw, work) as port:
                for name, how in PROTOCOLS.items():
                    for sent in (None, body):
                        print(f"{guest.name}: {requests} requests over {name}{' with a body' if sent else ''}", file=sys.stderr)
                        load(port, how, requests, sent)
        files = [str(file) for file in sorted(raw.iterdir())]
        merged = subprocess.run(["llvm-profdata-19", "merge", "--sparse", "-o", str(work / "merged"), *files], capture_output=True, text=True, check=False)
        if merged.returncode != 0:
            raise Failed(f"llvm-profdata-19: {merged.stderr}")
        shutil.move(work / "merged", out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("guests", type=pathlib.Path, nargs="+")
    parser.add_argument("--requests", type=int, default=10000, help="of each kind")
    options = parser.parse_args()
    try:
        train(options.program.resolve(), options.out.resolve(), [guest.resolve() for guest in options.guests], options.requests)
    except Failed as failed:
        sys.exit(f"Error: {failed}")


if __name__ == "__main__":
    main()
