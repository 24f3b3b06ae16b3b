#!/usr/bin/python3
"""Memory of idle keep-alive connections of HTTP/1.1, in each of the ways they come to be.

    slowly    one after the other connects, asks once, and stays
    at once   all connect, then all ask, then all stay
    silent    all connect and say nothing

Each way has a server of its own, which has served a few clients before. The figure is what the server's own memory
(anonymous PSS) has grown by, a few seconds after the last answer, for each connection; what the kernel keeps for a socket is
not in it, nor the program's own pages, which other processes share. `gone` is what of that is still there when all clients have left: instances and memory that is kept for
the next ones.

    ./dev bench idle
    bench/idle.py --whorl build/dev/apps/whorl/whorl --connections 1000 --most 1536
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

import load

REQUEST = b"GET / HTTP/1.1\r\nHost: bench.local\r\nUser-Agent: idle\r\n\r\n"
AT_A_TIME = 1000  # connects in flight: fewer than the kernel's queue takes
WAIT_S = 120


class Clients:
    """Connections to one server, driven together."""

    def __init__(self, port: int):
        self.port = port
        self.sockets: list[socket.socket] = []
        self.statuses: dict[int, int] = {}

    def connect(self, count: int) -> None:
        for begin in range(0, count, AT_A_TIME):
            new = []
            for _ in range(min(AT_A_TIME, count - begin)):
                sock = socket.socket()
                sock.setblocking(False)
                sock.connect_ex(("127.0.0.1", self.port))
                new.append(sock)
            self.wait(new, select.POLLOUT, lambda sock: True)
            self.sockets += new

    def ask(self, sockets: list[socket.socket]) -> None:
        received = {sock: b"" for sock in sockets}
        for sock in sockets:
            sock.send(REQUEST)

        def is_answered(sock: socket.socket) -> bool:
            piece = sock.recv(65536)
            if not piece:
                sys.exit("Error: the server closed a connection")
            received[sock] += piece
            head, end, body = received[sock].partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head.lower())
            if end and (len(body) >= int(length.group(1)) if length else body.endswith(b"0\r\n\r\n")):
                status = int(head[9:12])
                self.statuses[status] = self.statuses.get(status, 0) + 1
                return True
            return False

        self.wait(sockets, select.POLLIN, is_answered)

    @staticmethod
    def wait(sockets: list[socket.socket], event: int, is_done) -> None:
        poll, by_fd = select.epoll(), {sock.fileno(): sock for sock in sockets}
        for fd in by_fd:
            poll.register(fd, event)
        deadline = time.monotonic() + WAIT_S
        while by_fd:
            if time.monotonic() > deadline:
                sys.exit(f"Error: {len(by_fd)} clients are still waiting after {WAIT_S} s")
            for fd, _ in poll.poll(1):
                if is_done(by_fd[fd]):
                    poll.unregister(fd)
                    del by_fd[fd]

    def close(self) -> None:
        for sock in self.sockets:
            sock.close()


def slowly(clients: Clients, count: int) -> None:
    for _ in range(count):
        clients.connect(1)
        clients.ask(clients.sockets[-1:])


def at_once(clients: Clients, count: int) -> None:
    clients.connect(count)
    clients.ask(clients.sockets)


def silent(clients: Clients, count: int) -> None:
    clients.connect(count)


WAYS = {"slowly": slowly, "at once": at_once, "silent": silent}


def measure(way: str, options: argparse.Namespace, folder: pathlib.Path) -> dict:
    port = load.free_port()
    command = [str(options.whorl), "up", "-f", str(options.guest), "--listen", f"127.0.0.1:{port}", "--quiet", *options.whorl_flag]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        while True:
            try:
                load.fetch(port)
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit((folder / "log").read_text())
                time.sleep(0.01)
        for _ in range(20):
            few = Clients(port)
            at_once(few, 50)
            few.close()
        time.sleep(options.rest_seconds)
        before = load.memory_kib([process.pid], "Pss_Anon")
        clients = Clients(port)
        WAYS[way](clients, options.connections)
        peak = load.memory_kib([process.pid], "Pss_Anon")
        time.sleep(options.rest_seconds)
        idle = load.memory_kib([process.pid], "Pss_Anon")
        clients.close()
        time.sleep(options.rest_seconds)
        after = load.memory_kib([process.pid], "Pss_Anon")
        each = lambda kib: round((kib - before) * 1024 / options.connections)  # noqa: E731
        return {"way": way, "before_kib": before, "each": each(idle), "peak_each": each(peak), "gone_each": each(after), "statuses": clients.statuses}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", type=pathlib.Path, default=load.ROOT / "build" / "whorl")
    parser.add_argument("--whorl-flag", action="append", default=[], help="a flag for `whorl up`, repeatable")
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest())
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rest-seconds", type=float, default=4)
    parser.add_argument("--most", type=int, help="bytes of a connection; more fails")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    wanted = options.connections + 1000
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < wanted:
        sys.exit(f"Error: {wanted} descriptors are needed and {hard} allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    with tempfile.TemporaryDirectory(prefix="whorl-idle-") as folder:
        rows = [measure(way, options, pathlib.Path(folder)) for way in WAYS]
    print(f"{options.connections} connections, bytes of the server for each:\n{'':10} {'idle':>8} {'at the end':>11} {'gone':>8}   answers")
    for row in rows:
        print(f"{row['way']:10} {row['each']:8} {row['peak_each']:11} {row['gone_each']:8}   "
              + ", ".join(f"{count} x {status}" for status, count in sorted(row["statuses"].items())))
    if options.out:
        options.out.write_text(json.dumps({"connections": options.connections, "rows": rows}, indent=1) + "\n")
    return 1 if options.most and max(row["each"] for row in rows) > options.most else 0


if __name__ == "__main__":
    sys.exit(main())
