"""Clients without manners, many at a time and at random, from a seed.

    seed = rude.run(server, paths=["/", "/trap"])

WHORL_CHAOS_CLIENTS says how many, WHORL_CHAOS_SEED repeats a run.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import os
import random
import socket
import struct

CLIENTS = int(os.environ.get("WHORL_CHAOS_CLIENTS", "400"))
SEED = int(os.environ.get("WHORL_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
AT_ONCE = 24


@dataclasses.dataclass
class Through:
    """A guest that passes requests on: to x-url, made of a target and one of the paths."""

    path: str
    targets: list[str]
    knobs: list[tuple[str, str]]  # header fields that it takes


def request(dice: random.Random, paths: list[str], through: Through | None) -> bytes:
    """A request's head and body, to one guest or through one to another."""
    path, fields = dice.choice(paths), []
    if through and dice.random() < 0.5:
        fields.append(("x-url", dice.choice(through.targets) + path))
        fields += dice.sample(through.knobs, dice.choice([0, 0, 1, 2]))
        path = through.path
    body = dice.randbytes(dice.choice([0, 0, 10, 5_000, 200_000]))
    method = dice.choice(["GET", "POST", "POST", "HEAD"])
    if dice.random() < 0.3:
        fields.append(("transfer-encoding", "chunked"))
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [body[:700], body[700:]] if piece) + b"0\r\n\r\n"
    else:
        fields.append(("content-length", str(len(body) + (dice.random() < 0.1))))
    lines = [f"{method} {path} HTTP/1.1", "host: test.local", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def misbehave(port: int, seed: int, paths: list[str], through: Through | None) -> None:
    """One client: sends some of one to three requests, reads some of what comes, and leaves politely or not."""
    dice = random.Random(seed)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as link:
        link.settimeout(dice.choice([0.01, 0.2, 1]))
        data = b"".join(request(dice, paths, through) for _ in range(dice.choice([1, 1, 1, 2, 3])))
        if dice.random() < 0.3:
            data = data[:dice.randrange(len(data))]
        if dice.random() < 0.05:
            data = dice.randbytes(40) + data
        while data:
            size = dice.choice([len(data), len(data), 1 + dice.randrange(len(data))])
            link.sendall(data[:size])
            data = data[size:]
        ending = dice.randrange(4)
        if ending == 0:
            link.shutdown(socket.SHUT_WR)
        if ending == 1:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            for _ in range(dice.choice([0, 1, 4, 50])):
                if not link.recv(dice.choice([1, 100, 65536])):
                    break


def run(server, paths: list[str], through: Through | None = None) -> int:
    """Lets all of them loose on the server. @return the seed"""
    print(f"WHORL_CHAOS_SEED={SEED}")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as clients:
        all_of = [clients.submit(misbehave, server.port, SEED + number, paths, through) for number in range(CLIENTS)]
        for done in all_of:
            done.result()
    return SEED
