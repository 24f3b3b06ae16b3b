"""The HTTP servers that tests of the 0.3 suite make requests to: endpoints with fixed answers, and two that tell what
they were sent. Speaks as much HTTP/1.1 as the suite needs, trailers included."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading


class Server:
    """A server for the endpoints of one entry of a test's `servers`."""

    def __init__(self, endpoints: list[dict]):
        handler = type("Handler", (_Handler,), {"endpoints": endpoints})
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.authority = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def closed_authority() -> str:
    """An address at which nobody listens."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class _Cut(Exception):
    """The client went away."""


class _Handler(socketserver.StreamRequestHandler):
    endpoints: list[dict] = []

    def handle(self) -> None:
        with contextlib.suppress(_Cut, ConnectionError):
            while line := self.rfile.readline():
                method, path, _ = line.decode("latin-1").split(" ", 2)
                headers = self._fields()
                body, trailers = self._body(dict((name.lower(), value) for name, value in headers))
                self._answer(method, path, headers, body, trailers)

    def _line(self) -> str:
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise _Cut
        return line.decode("latin-1").rstrip("\r\n")

    def _fields(self) -> list[tuple[str, str]]:
        found = []
        while line := self._line():
            name, _, value = line.partition(":")
            found.append((name, value.strip()))
        return found

    def _exactly(self, size: int) -> bytes:
        taken = self.rfile.read(size)
        if len(taken) < size:
            raise _Cut
        return taken

    def _body(self, headers: dict[str, str]) -> tuple[bytes, list[tuple[str, str]]]:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self._exactly(int(headers.get("content-length", "0"))), []
        body = b""
        while size := int(self._line().split(";")[0], 16):
            body += self._exactly(size)
            self._line()
        return body, self._fields()

    def _answer(self, method: str, path: str, headers: list, body: bytes, trailers: list) -> None:
        found = next((e for e in self.endpoints if (e["method"], e["path"]) == (method, path)), None)
        if found is None:
            self._send(404, [], b"", method)
        elif found.get("mode") == "echo-body":
            self._send(200, [], body, method)
        elif found.get("mode") == "echo-headers":
            told = [("x-request-method", method), ("x-request-path", path)]
            told += [(f"x-echo-{name.lower()}", value) for name, value in headers]
            told += [(f"x-trailer-{name.lower()}", value) for name, value in trailers]
            self._send(200, told, b"", method)
        else:
            response = found.get("response", {})
            status = response.get("status", 200)
            if "chunks" in response:
                self._send_chunks(status, response["chunks"], response.get("trailers", {}))
            else:
                self._send(status, [], response.get("body", "").encode(), method)

    def _head(self, status: int, fields: list[tuple[str, str]]) -> bytes:
        lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in fields)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send(self, status: int, fields: list[tuple[str, str]], body: bytes, method: str) -> None:
        head = self._head(status, [*fields, ("content-length", str(len(body)))])
        self.wfile.write(head + (b"" if method == "HEAD" else body))

    def _send_chunks(self, status: int, chunks: list[str], trailers: dict[str, str]) -> None:
        self.wfile.write(self._head(status, [("transfer-encoding", "chunked")]))
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n{chunk}\r\n".encode())
        ending = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
        self.wfile.write(f"0\r\n{ending}\r\n".encode())
