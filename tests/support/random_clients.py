"""Clients and servers that behave at random: for guests that do so too (random_scripts.py)."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time

ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-a\r\n\r\n5\r\nhello\r\n0\r\nx-a: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a number\r\n",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\n\r\n",
    b"no HTTP at all\r\n\r\n",
    b"",
)


class Peer:
    """A server of plain TCP and UDP: answers, answers half, returns what it got, holds its tongue, resets."""

    def __init__(self, seed: str):
        self._random = random.Random(seed)
        self._tcp = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self.ports = (self._tcp.getsockname()[1], self._udp.getsockname()[1])
        for each in (self._accept, self._return_datagrams):
            threading.Thread(target=each, daemon=True).start()

    def close(self) -> None:
        for each in (self._tcp, self._udp):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                connection.settimeout(2)
                threading.Thread(target=self._serve, args=(connection, self._random.random()), daemon=True).start()

    @staticmethod
    def _serve(connection: socket.socket, seed: float) -> None:
        chosen = random.Random(seed)
        with connection, contextlib.suppress(OSError):
            how = chosen.randrange(6)
            if how == 0:
                reset(connection)
                return
            got = connection.recv(4096)
            if how == 1:
                while got:
                    connection.sendall(got)
                    got = connection.recv(65536)
            elif how == 2:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(chosen.choice((10, 1_000_000))))
            elif how == 3:
                while connection.recv(65536):
                    pass
            else:
                connection.sendall(chosen.choice(ANSWERS))

    def _return_datagrams(self) -> None:
        with contextlib.suppress(OSError, TypeError):  # no sender: closed meanwhile
            while True:
                data, sender = self._udp.recvfrom(65536)
                self._udp.sendto(data, sender)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def bodies(chosen: random.Random) -> tuple[bytes, list[bytes]]:
    """Header lines, and the pieces of a body."""
    how = chosen.randrange(5)
    data = bytes(chosen.choice((0, 1, 10, 5000, 300_000)))
    if how == 0:
        return b"", []
    if how == 1:
        return b"Content-Length: %d\r\n" % len(data), [data]
    if how == 2:
        return b"Content-Length: %d\r\n" % (len(data) + 1), [data]
    pieces = [b"%x\r\n%s\r\n" % (len(data), data)] * chosen.randint(1, 4) if data else []
    ends = (b"0\r\n\r\n", b"0\r\nx-a: 1\r\n\r\n", b"", b"zz\r\n")
    return b"Transfer-Encoding: chunked\r\nTrailer: x-a\r\n", [*pieces, chosen.choice(ends)]


def ask(port: int, path: str, seed: str, patience: float, hosts: tuple[str, ...]) -> bytes:
    """One request by a client that may stop at any point; the first bytes of the answer.

    @param hosts     where a guest comes to that sends its request on
    @param patience  how long the answer may be silent; TimeoutError beyond it
    """
    chosen = random.Random(seed)
    lines, pieces = bodies(chosen)
    head = f"{chosen.choice(('GET', 'POST', 'PUT', 'HEAD'))} {path} HTTP/1.1\r\nHost: {chosen.choice(hosts)}\r\nConnection: close\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            connection.sendall(head + lines + b"\r\n")
            for piece in pieces:
                if chosen.random() < 0.2:
                    time.sleep(chosen.choice((0.001, 0.02)))  # a slow client is what this one is
                if chosen.random() < 0.1:
                    reset(connection)
                    return b""
                connection.sendall(piece)
            if chosen.random() < 0.3:
                connection.shutdown(socket.SHUT_WR)
            how = chosen.randrange(8)
            if how == 0:
                return b""
            answer = connection.recv(4096)
            if how == 1:
                reset(connection)
                return answer
            while connection.recv(65536):
                pass
            return answer
        except TimeoutError:
            raise
        except OSError:  # the server ended it first
            return b""
