"""What random scripts are made of: numbers, texts, and what is around the guest."""

from __future__ import annotations

import dataclasses

INTEGERS = (0, 1, 2, 3, 7, 100, 200, 404, 4096, 65535)
RARE_INTEGERS = (100_000, 1 << 20, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
BAD_HANDLES = (0, -1, 1, 2, 3, 4, 5, 64, 4095, 4096, 0x7FFF_FFFF)
BAD_POINTERS = (-1, -16, 0x7FFF_FFFF, 65536 * 400, 0, 2)
FILES = ("f0", "f1", "d0", "d0/f", "new", ".", "..", "/", "link", "d0/../f0", "", "long" * 80)
FIELDS = ("x-a", "x-b", "content-length", "transfer-encoding", "content-type", "connection", "trailer", "set-cookie",
          "host", "te", "upgrade", "bad name", "", ":path")
VALUES = ("1", "10", "0", "chunked", "abc", "keep-alive", "x-a, x-b", "a\r\nb", "v" * 500, "trailers", "18446744073709551616")


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """What scripts find: authorities of servers, ports of plain sockets, paths of routes that run scripts."""

    authorities: tuple[str, ...]
    ports: tuple[int, ...]
    routes: tuple[str, ...]
    paths: tuple[str, ...]
