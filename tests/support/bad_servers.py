"""Servers that misbehave, for whatever protocol: they see what a client sends and do their worst.

    with bad_servers.BadServer(bad_servers.garbage) as bad:
        … bad.port, bad.open_connections …
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, reads and never answers."""
    while await reader.read(65536):
        pass


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the first bytes and closes."""
    await reader.read(65536)


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes at once."""


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with bytes of no protocol."""
    await reader.read(65536)
    writer.write(bytes(range(256)) * 64)
    await writer.drain()
    await reader.read(65536)


def dripping(start: bytes = b"") -> Behaviour:
    """Answers with `start` and then a byte at a time, for ever."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(b"1")
            await writer.drain()
            await asyncio.sleep(0.3)

    return behave


def endless(start: bytes, piece: bytes, after: int = 0) -> Behaviour:
    """Answers with `start` and then with `piece` for ever. @param after  requests answered "+OK" before that."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(after):
            await reader.read(65536)
            writer.write(b"+OK\r\n")
        await reader.read(65536)
        writer.write(start)
        many = piece * (65536 // len(piece))
        while True:
            writer.write(many)
            await writer.drain()

    return behave


def answering(*answers: bytes) -> Behaviour:
    """Answers each piece that is read with the next of `answers`, and then closes."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            if not await reader.read(65536):
                return
            writer.write(answer)
            await writer.drain()

    return behave


def relaying(port: int) -> Behaviour:
    """Is the server on that port after all."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        its_reader, its_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, its_writer), copy(its_reader, writer))

    return behave


class BadServer:
    """Listens on a free port, or the one given. Counts what it sees: `accepted`, `open_connections`."""

    def __init__(self, behaviour: Behaviour, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = behaviour
        self._place = (host, port)
        self.accepted = 0
        self.open_connections = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, *self._place, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.open_connections += 1
        try:
            with contextlib.suppress(ConnectionError):
                await self.behaviour(reader, writer)
        finally:
            self.open_connections -= 1
            with contextlib.suppress(ConnectionError):
                writer.close()

    def cut(self) -> None:
        """Ends every connection that is open."""

        def end() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()

        self._loop.call_soon_threadsafe(end)

    def __enter__(self) -> BadServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
