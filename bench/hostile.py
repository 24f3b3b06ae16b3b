#!/usr/bin/python3
"""Resident memory of the program over many requests to guests that misbehave.

The guest of WASI 0.3 is tests/guests/p3/c/hostile3.c: it leaks subtasks, never reads, never writes, cancels, drops ends early,
deadlocks, floods. With `--generation 0.2` it is tests/e2e/guests/multi.c: it traps, before and behind its head, recurses, loops
with and without calls of the host, takes memory until there is none, floods its log; with budgets of 1 ms of CPU and 3 MiB.
Requests are made in 64 equal parts, all ways at once; after each part VmRSS is read, and how many instances live. Each way's
answers are counted by status: none may be another than is due. (Memory of instances
that were dropped is given back by the pool in batches: VmRSS is the least of eight readings, with a few small requests before
each that push out what large ones left.)

The figure was fixed before it was first taken with this program. Let x be the number of requests made and y the
resident KiB after each of the last 32 parts. Then

    slope = 100 % * 1,000,000 * b / median(y),    b = least-squares slope of y over x:

by how much of itself the program would grow in another million of such requests. The goal is at most 1 %.
The first half is left out: pools and caches fill in it.

    ./dev bench hostile --requests 1000000
    ./dev bench hostile --requests 1000000 --generation 0.2
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import re
import shlex
import socket
import statistics
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import p3_guests  # noqa: E402
import whorl  # noqa: E402

# The ways of each generation, and the statuses that they may be answered with.
WAYS = {
    "0.3": {"/leak": {200}, "/never-read": {200}, "/never-write": {200}, "/cancel": {200}, "/early": {200}, "/deadlock": {500}, "/flood": {200}},
    # A budget of 1 ms may be used up before what else is due comes.
    "0.2": {"/trap": {500, 504}, "/trap-late": {200, 504}, "/deep": {500, 504}, "/loop": {504}, "/loop-calls": {504}, "/bomb": {500, 504},
            "/log-flood": {200, 504}},
}
# One request that fails may end others of its instance; those that leave much behind use up their share of stacks.
SHARED = {200, 500, 503, 504}
LIMITS = {"0.3": ("--max-request-cpu", "300ms"), "0.2": ("--max-request-cpu", "1ms", "--max-instance-memory", str(3 << 20))}
SMALL = {"0.3": "/early", "0.2": "/trap"}  # whose instances are dropped
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


def send(port: int, path: str, count: int, statuses: collections.Counter) -> None:
    """One after the other; a connection that is closed before all its answers came is opened again."""
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n".encode()
    while (left := count - statuses.total()) > 0:
        with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
            answers = b""
            try:
                # The server closes, behind the last one: who closed first would be gone, and its guests left to themselves.
                connection.sendall((head + b"\r\nbody") * (min(PIPELINED, left) - 1) + head + b"Connection: close\r\n\r\nbody")
                while part := connection.recv(1 << 16):
                    answers += part
            except OSError:
                pass  # the server closed after a response that was cut
            found = re.findall(rb"HTTP/1\.1 (\d+)", answers)
            statuses.update(map(int, found) if found else [0])


def run_part(port: int, count: int, ways: dict[str, collections.Counter], clients: int = 1) -> None:
    """@param clients  at once, for each way"""
    part = [(path, collections.Counter()) for path in ways for _ in range(clients)]
    threads = [threading.Thread(target=send, args=(port, path, count // len(part), statuses)) for path, statuses in part]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for path, statuses in part:
        ways[path].update(statuses)


def resident_kib(server: whorl.Server, small: str) -> int:
    readings = []
    for _ in range(8):
        send(server.port, small, 24, collections.Counter())
        readings.append(server.status_kib("VmRSS"))
    return min(readings)


def live_instances(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    def total(name: str) -> int:
        return sum(int(float(value)) for value in re.findall(rf"^whorl_instances_{name}_total(?:{{.*}})? (\S+)$", text, re.M))
    return total("started") - total("dropped")


def without_its_log(program: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """A program that is this one but for standard error, which a million failures would make gigabytes of."""
    script = folder / "whorl"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program.resolve()))} "$@" 2>/dev/null\n')
    script.chmod(0o755)
    return script


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=1, help="for each way at once, each with one request under way")
    parser.add_argument("--generation", choices=tuple(WAYS), default="0.3", help="of WASI")
    parser.add_argument("--whorl", type=pathlib.Path, default=ROOT / "build" / "release" / "apps" / "whorl" / "whorl")
    parser.add_argument("--flag", action="append", default=[], help="one more for `whorl up`; may be repeated")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench" / "hostile.json")
    options = parser.parse_args()
    ways = {path: collections.Counter() for path in WAYS[options.generation]}
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        metrics = probe.getsockname()[1]
        probe.close()
        os.environ["WHORL_BIN"] = str(without_its_log(options.whorl, pathlib.Path(folder)))
        component = p3_guests.build(pathlib.Path(folder), "hostile3") if options.generation == "0.3" else whorl.guest("multi")
        began, requests, sizes, lives = time.monotonic(), [], [], []
        with whorl.Server.start("-f", component, "--quiet", "--metrics-listen", f"127.0.0.1:{metrics}", *LIMITS[options.generation],
                                *options.flag) as server:
            for part in range(PARTS):
                run_part(server.port, options.requests // PARTS, ways, options.clients)
                requests.append(sum(statuses.total() for statuses in ways.values()))
                sizes.append(resident_kib(server, SMALL[options.generation]))
                lives.append(live_instances(metrics))
                print(f"{part + 1}/{PARTS}: {requests[-1]} requests, {sizes[-1]} KiB, {lives[-1]} instances, "
                      f"{time.monotonic() - began:.0f} s", flush=True)
            alive = server.process.poll() is None
    found = slope(requests, sizes)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"requests": requests, "rss_kib": sizes, "instances": lives, "slope_percent": found, "statuses": ways}))
    is_shared = any("reuse" in flag for flag in options.flag)
    wrong = {path: dict(statuses) for path, statuses in ways.items() if set(statuses) - (SHARED if is_shared else WAYS[options.generation][path])}
    for path, statuses in ways.items():
        print(f"{path:12} " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
    print(f"{requests[-1]} requests; {'alive' if alive else 'ENDED'}; RSS in KiB after the last half's parts {min(sizes[PARTS // 2:])} to "
          f"{max(sizes[PARTS // 2:])}; slope {found:.2f} % per million requests (goal {GOAL} %)" + (f"; answers not due: {wrong}" if wrong else ""))
    return 0 if found <= GOAL and alive and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
