#!/usr/bin/python3
"""What a byte costs on its way through a guest of WASI 0.3 and back: a body of 10 MB echoed, against peers.

One client on a core of its own sends the body and reads the answer at the same time, on a new connection each time. The
figure is CPU time of the server's whole process tree for each body, median of the rounds, the servers taking turns;
bytes count once, as received. RSS growth is VmHWM over what it was after a first body of 1 MB, with `--streams` bodies
at once, for each of them.

The floor is a C program that reads from the socket and writes back, in blocks of 64 KiB and nothing else
(bench/echo_floor.c): the kernel's part, which no server is below.

Servers are pinned to core 0 and have one thread; `--all-cores` pins nothing and lets everybody have the threads they
choose, as in load.py. For a claim run both.

Peers answer in reused instances, as they do by default; the time is that of the bytes. Guests: multi3 (C),
rust-sdk7, both built by tests/guests; a component of one's own with --guest and --path.

    ./dev bench echo --rounds 9
    ./dev bench echo --rounds 9 --all-cores
    ./dev bench echo --guest app.wasm --path /echo
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading

import load

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "support")]

import p3_guests  # noqa: E402
import peers  # noqa: E402
import toolchains  # noqa: E402


def echo(port: int, path: str, body: bytes) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        sender = threading.Thread(target=connection.sendall, args=(head + body,))
        sender.start()
        room, received, start, tail = memoryview(bytearray(1 << 20)), 0, b"", b""
        while count := connection.recv_into(room):
            start = start or bytes(room[:32])
            tail = (tail + bytes(room[max(0, count - 8):count]))[-8:]
            received += count
        sender.join()
    assert start.startswith(b"HTTP/1.1 200") and received > len(body), (start, received, len(body), tail)


def floor(work: pathlib.Path) -> load.Subject:
    program = work / "echo_floor"
    subprocess.run(["cc", "-O2", "-o", program, pathlib.Path(__file__).parent / "echo_floor.c"], check=True)
    return load.Subject("floor", lambda port: [str(program), str(port), "65536"], "echo_floor.c")


def peak_kib(pids: list[int]) -> int:
    lines = "".join(pathlib.Path(f"/proc/{pid}/status").read_text() for pid in pids).splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def growth_kib(subject: load.Subject, options: argparse.Namespace, body: bytes) -> float:
    """With several at once, for each of them."""
    echo(subject.port, options.path, body[: 1 << 20])
    before = peak_kib(load.tree(subject.process.pid))
    clients = [threading.Thread(target=echo, args=(subject.port, options.path, body)) for _ in range(options.streams)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return (peak_kib(load.tree(subject.process.pid)) - before) / options.streams


def measure(options: argparse.Namespace, work: pathlib.Path, name: str) -> dict[str, object]:
    body = os.urandom(options.size)
    cores = sorted(os.sched_getaffinity(0))
    pinned = len(cores) > 1 and not options.all_cores
    servers, clients = ([cores[0]], set(cores[1:])) if pinned else (None, set(cores))
    chosen = [*load.subjects(options, b"", work)[1:], floor(work)]
    os.sched_setaffinity(0, clients)
    table: dict[str, object] = {"guest": name, "size": options.size, "all_cores": options.all_cores}
    try:
        cpu: dict[str, list[float]] = {}
        for subject in chosen:
            load.start(subject, servers, work, lambda port: echo(port, options.path, b"x"))
            if subject.name != "floor":  # it serves one after the other
                table[subject.name + "_growth_kib_per_stream"] = growth_kib(subject, options, body)
        for _ in range(options.rounds):
            for subject in chosen:
                pids = load.tree(subject.process.pid)
                before = load.cpu_ns(pids)
                for _ in range(options.bodies):
                    echo(subject.port, options.path, body)
                cpu.setdefault(subject.name, []).append((load.cpu_ns(pids) - before) / 1e6 / options.bodies)
    finally:
        os.sched_setaffinity(0, cores)
        for subject in chosen:
            load.stop(subject)
    for subject, times in cpu.items():
        median = statistics.median(times)
        table[subject + "_cpu_ms"] = median
        against = statistics.median([other / whorl for other, whorl in zip(times, cpu["whorl"])])
        growth = table.get(subject + "_growth_kib_per_stream")
        print(f"{name:12} {subject:9} {median:7.2f} ms CPU a body ({min(times):.2f} to {max(times):.2f}), "
              f"{options.size / median / 1000:6.0f} MB per CPU second, {against:.2f} x Whorl's time"
              + ("" if growth is None else f", {growth:.0f} KiB a stream"))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", type=pathlib.Path, default=ROOT / "build" / "release" / "apps" / "whorl" / "whorl")
    parser.add_argument("--whorl-flag", action="append", default=[])
    parser.add_argument("--guest", type=pathlib.Path)
    parser.add_argument("--path", default="/echo")
    parser.add_argument("--size", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--bodies", type=int, default=5, help="for each server in each round")
    parser.add_argument("--streams", type=int, default=4, help="at once, for the growth of memory")
    parser.add_argument("--all-cores", action="store_true", help="nothing is pinned, and servers have the threads they choose themselves")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench" / "echo.json")
    parser.set_defaults(speak="http", peer_flag=[])
    options = parser.parse_args()
    peers.find()
    tables = []
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        guests = {options.guest.stem: options.guest} if options.guest else {
            "multi3": p3_guests.build(work, "multi3"), "rust-sdk7": toolchains.built("rust-sdk7", work)}
        for name, options.guest in guests.items():
            tables.append(measure(options, work, name))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(tables, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
