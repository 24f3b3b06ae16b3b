#!/usr/bin/python3
"""Thousands of bad clients in a process of their own: `crowd.py WAY PORT COUNT [OPTION]`.

    connects     connect and say nothing; those that don't get through keep trying
    http         each says the first so many bytes of a request with a body, and no more
    h2           the same of an HTTP/2 connection with a request, frame by frame
    tls          the same of a TLS client's side of a handshake (OPTION: its ALPN name)
    readers      ask for OPTION and take a byte of the answer every few seconds
    writers      send a body to OPTION, a byte every few seconds
    overload     ask for OPTION on new connections, COUNT each second, whatever becomes of the former ones
    steady       good ones: ask for OPTION again and again, each on a connection of its own

Says `ready` when all are in place, goes on until its input ends, and says then in JSON what became of them; overload says it
for every line of the input, too.
With Crowd, from a test: `with crowd.Crowd("http", port, 10_000) as bad: …; bad.result`.
"""

from __future__ import annotations

import collections
import contextlib
import json
import resource
import select
import socket
import ssl
import struct
import subprocess
import sys
import time

AT_A_TIME = 500  # connects in flight
CONNECT_S = 60
PERIOD_S = 5.0  # between two bytes of a slow client
SLICES = 100  # in which the slow clients of a period have their turns

BODY = b"a body of a few bytes"
HTTP = (b"POST /status/200 HTTP/1.1\r\nHost: bad.local\r\nContent-Type: text/plain\r\nCookie: a=b; c=d\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def h2_literal(name: bytes, value: bytes) -> bytes:
    """A field without indexing, new name (RFC 7541 §6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


H2_HEAD = b"".join(h2_literal(*field) for field in (
    (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/status/200"), (b":authority", b"bad.local"), (b"cookie", b"a=b")))
# A head in two frames, so that some stall between HEADERS and CONTINUATION; then a body.
H2 = (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 3, 100)) + frame(8, 0, 0, struct.pack(">I", 65535))
      + frame(1, 0, 1, H2_HEAD[:30]) + frame(9, 4, 1, H2_HEAD[30:]) + frame(0, 1, 1, BODY) + frame(6, 0, 0, b"12345678"))


def allow_descriptors(count: int) -> None:
    """As many as that, if the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, max(hard, count)))


def connect_all(port: int, count: int, receive_buffer: int = 0) -> list[socket.socket]:
    """Connected sockets that don't block."""
    done: list[socket.socket] = []
    for begin in range(0, count, AT_A_TIME):
        poll, waiting = select.epoll(), {}
        for _ in range(min(AT_A_TIME, count - begin)):
            sock = socket.socket()
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            waiting[sock.fileno()] = sock
            poll.register(sock.fileno(), select.EPOLLOUT)
        deadline = time.monotonic() + CONNECT_S
        while waiting and time.monotonic() < deadline:
            for fd, _ in poll.poll(1):
                poll.unregister(fd)
                done.append(waiting.pop(fd))
        poll.close()
    return done


def fate(sock: socket.socket) -> str:
    """What has come of a connection that nobody reads: open, closed, reset, or the status it was given."""
    try:
        data = sock.recv(65536)
    except BlockingIOError:
        return "open"
    except OSError:
        return "reset"
    return data[9:12].decode() if data.startswith(b"HTTP/1.1 ") else "closed" if not data else "answered"


def fates(sockets: list[socket.socket]) -> dict[str, int]:
    return dict(collections.Counter(map(fate, sockets)))


def until_told(work=None, period: float = 0.2, state=None):
    """Calls `work` again and again until the input ends, and says `state` for each line of it."""
    print("ready", flush=True)
    while True:
        if select.select([sys.stdin], [], [], period)[0]:
            if not sys.stdin.readline():
                return
            print(json.dumps(state()), flush=True)
        if work:
            work()


def stall(port: int, count: int, script: bytes) -> dict:
    sockets = connect_all(port, count)
    for number, sock in enumerate(sockets):
        with contextlib.suppress(OSError):
            sock.send(script[:1 + number % (len(script) - 1)])
    until_told()
    return fates(sockets)


def tls_script_bytes(port: int, context: ssl.SSLContext) -> int:
    """How many bytes a client says in a whole handshake."""
    with socket.create_connection(("127.0.0.1", port)) as sock:
        return Handshake(context, sock, 1 << 20).run()


class Handshake:
    """A client's side of a TLS handshake that ends after so many of its bytes."""

    def __init__(self, context: ssl.SSLContext, sock: socket.socket, limit: int):
        self.sock, self.limit, self.said = sock, limit, 0
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def step(self) -> bool:
        """@return whether there is more to say once the server has answered"""
        done = False
        try:
            self.tls.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        data = self.outgoing.read()[:self.limit - self.said]
        self.sock.send(data)
        self.said += len(data)
        return not done and self.said < self.limit

    def take(self) -> bool:
        data = self.sock.recv(65536)
        self.incoming.write(data)
        return bool(data)

    def run(self) -> int:
        self.sock.setblocking(True)
        while self.step() and self.take():
            pass
        return self.said


def stall_tls(port: int, count: int, protocol: str) -> dict:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol or "http/1.1"])
    size = tls_script_bytes(port, context)
    sockets = connect_all(port, count)
    for number, sock in enumerate(sockets):
        with contextlib.suppress(OSError, ssl.SSLError):
            Handshake(context, sock, 1 + number % (size - 1)).run()
        sock.setblocking(False)
    until_told()
    return fates(sockets) | {"script": size}


class InTurn:
    """Gives each of many sockets a turn every PERIOD_S, a slice of them at a time."""

    def __init__(self, sockets: list[socket.socket], turn):
        self.slices = [sockets[i::SLICES] for i in range(SLICES)]
        self.turn, self.next = turn, 0

    def work(self) -> None:
        for sock in self.slices[self.next % SLICES]:
            with contextlib.suppress(OSError):
                self.turn(sock)
        self.next += 1


def slow_readers(port: int, count: int, path: str) -> dict:
    sockets = connect_all(port, count, receive_buffer=4096)
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.send(f"GET {path} HTTP/1.1\r\nHost: bad.local\r\n\r\n".encode())
    until_told(InTurn(sockets, lambda sock: sock.recv(1)).work, PERIOD_S / SLICES)
    return {}


def slow_writers(port: int, count: int, path: str) -> dict:
    sockets = connect_all(port, count)
    for sock in sockets:
        with contextlib.suppress(OSError):
            sock.send(f"POST {path} HTTP/1.1\r\nHost: bad.local\r\nContent-Length: 10000\r\n\r\n".encode())
    until_told(InTurn(sockets, lambda sock: sock.send(b"x")).work, PERIOD_S / SLICES)
    return fates(sockets)


def connects(port: int, count: int, _: str) -> dict:
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        sockets.append(sock)
    until_told()
    return {"made": len(sockets)}


def overload(port: int, rate: int, path: str) -> dict:
    """An open loop: nobody waits for anybody."""
    poll, open_sockets, answers = select.epoll(), {}, collections.Counter()
    request = f"GET {path} HTTP/1.1\r\nHost: bad.local\r\nConnection: close\r\n\r\n".encode()
    begun = time.monotonic()
    asked = 0

    def work() -> None:
        nonlocal asked
        due = int((time.monotonic() - begun) * rate)
        for _ in range(min(due - asked, rate // 10)):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
            poll.register(sock.fileno(), select.EPOLLOUT)
            open_sockets[sock.fileno()] = sock
        asked = due
        for fd, event in poll.poll(0):
            sock = open_sockets[fd]
            if event & select.EPOLLIN:
                answers[fate(sock)] += 1
            elif event & (select.EPOLLERR | select.EPOLLHUP):
                answers["reset"] += 1
            elif event & select.EPOLLOUT:
                with contextlib.suppress(OSError):
                    sock.send(request)
                poll.modify(fd, select.EPOLLIN)
                continue
            poll.unregister(fd)
            del open_sockets[fd]
            sock.close()

    def state() -> dict:
        return {"200": 0, "503": 0} | answers | {"asked": asked, "seconds": time.monotonic() - begun, "waiting": len(open_sockets)}

    until_told(work, 0.005, state)
    return state()


def steady(port: int, count: int, path: str) -> dict:
    request = f"GET {path} HTTP/1.1\r\nHost: good.local\r\n\r\n".encode()
    sockets, poll, answers = {sock.fileno(): sock for sock in connect_all(port, count)}, select.epoll(), collections.Counter()
    for fd, sock in sockets.items():
        sock.send(request)
        poll.register(fd, select.EPOLLIN)
    begun = time.monotonic()

    def work() -> None:
        for fd, _ in poll.poll(0):
            answers[fate(sockets[fd])] += 1
            sockets[fd].send(request)

    until_told(work, 0.002)
    return {"200": 0} | answers | {"seconds": time.monotonic() - begun}


WAYS = {
    "connects": connects,
    "http": lambda port, count, _: stall(port, count, HTTP),
    "h2": lambda port, count, _: stall(port, count, H2),
    "tls": stall_tls,
    "readers": slow_readers,
    "writers": slow_writers,
    "overload": overload,
    "steady": steady,
}


class Crowd:
    """A crowd in a process of its own, from its last connect to the end of the block."""

    def __init__(self, way: str, port: int, count: int, option: str = "", meanwhile=None):
        """@param meanwhile  called now and then until it is in place"""
        self.meanwhile = meanwhile
        self.process = subprocess.Popen([sys.executable, __file__, way, str(port), str(count), option],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.result: dict = {}

    def __enter__(self) -> Crowd:
        while self.meanwhile and not select.select([self.process.stdout], [], [], 0.05)[0]:
            self.meanwhile()
        assert self.process.stdout.readline() == "ready\n"
        return self

    def look(self) -> dict:
        """What has become of its clients so far; of overload."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def leave(self) -> dict:
        """Its clients say what became of them and close. @return that, by kind"""
        if self.process.poll() is None:
            self.process.stdin.close()
            self.result = json.loads(self.process.stdout.read() or "{}")
            self.process.wait(60)
        return self.result

    def __exit__(self, *_: object) -> None:
        self.leave()


def main() -> int:
    way, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    allow_descriptors((count if way != "overload" else 15_000) + 100)
    print(json.dumps(WAYS[way](port, count, sys.argv[4] if len(sys.argv) > 4 else "")), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
