#!/usr/bin/python3
"""Resident memory of the program over many requests to guests of WASI 0.3 that misbehave.

The guest is tests/guests/p3/c/hostile3.c: it leaks subtasks, never reads, never writes, cancels, drops ends early,
deadlocks, floods. Requests are made in 64 equal parts, all ways at once; after each part VmRSS is read.

The figure was fixed before it was first taken with this program. Let x be the number of requests made and y the
resident KiB after each of the last 32 parts. Then

    slope = 100 % * 1,000,000 * b / median(y),    b = least-squares slope of y over x:

by how much of itself the program would grow in another million of such requests. The goal is at most 1 %.
The first half is left out: pools and caches fill in it.

    ./dev bench hostile --requests 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import p3_guests  # noqa: E402
import whorl  # noqa: E402

WAYS = ("/leak", "/never-read", "/never-write", "/cancel", "/early", "/deadlock", "/flood")
PARTS = 64
PIPELINED = 50
GOAL = 1.0


def slope(requests: list[int], kib: list[int]) -> float:
    """In percent of the median, for a million requests; see above."""
    half = len(kib) // 2
    x, y = requests[half:], kib[half:]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    b = sum((a - mean_x) * (c - mean_y) for a, c in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)
    return 100 * 1_000_000 * b / statistics.median(y)


def send(port: int, path: str, count: int, done: list[int]) -> None:
    request = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody".encode()
    answered = 0
    while answered < count:
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            answers = b""
            try:
                connection.sendall(request * min(PIPELINED, count - answered))
                connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(1 << 16):
                    answers += part
            except OSError:
                pass  # the server closed after a response that was cut
            answered += max(1, answers.count(b"HTTP/1.1 "))
    done.append(answered)


def run_part(port: int, count: int) -> int:
    done: list[int] = []
    threads = [threading.Thread(target=send, args=(port, path, count // len(WAYS), done)) for path in WAYS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--whorl", type=pathlib.Path, default=ROOT / "build" / "release" / "apps" / "whorl" / "whorl")
    parser.add_argument("--flag", action="append", default=[], help="one more for `whorl up`; may be repeated")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench" / "hostile.json")
    options = parser.parse_args()
    os.environ["WHORL_BIN"] = str(options.whorl)
    with tempfile.TemporaryDirectory() as folder:
        component = p3_guests.build(pathlib.Path(folder), "hostile3")
        began, requests, sizes, total = time.monotonic(), [], [], 0
        with whorl.Server.start("-f", component, "--quiet", "--max-request-cpu", "300ms", *options.flag) as server:
            for part in range(PARTS):
                total += run_part(server.port, options.requests // PARTS)
                requests.append(total)
                sizes.append(server.status_kib("VmRSS"))
                print(f"{part + 1}/{PARTS}: {total} requests, {sizes[-1]} KiB, {time.monotonic() - began:.0f} s", flush=True)
    found = slope(requests, sizes)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"requests": requests, "rss_kib": sizes, "slope_percent": found}))
    print(f"{total} requests; RSS in KiB after the last half's parts {min(sizes[PARTS // 2:])} to {max(sizes[PARTS // 2:])}; "
          f"slope {found:.2f} % per million requests (goal {GOAL} %)")
    return 0 if found <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
