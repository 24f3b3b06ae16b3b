"""Runs the program under test and talks HTTP to it over plain sockets.

    with whorl.Server.start("-f", "app.wasm") as server:
        assert server.get("/").body == b"…"

The raw connection is on purpose no HTTP library: tests send what no library would, and see every byte.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 60
IO_TIMEOUT_S = 20


def program() -> str:
    return os.environ.get("WHORL_BIN", str(ROOT / "build" / "dev" / "apps" / "whorl" / "whorl"))


@dataclasses.dataclass
class Response:
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    complete: bool = True  # the framing said that the body is whole

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class Cut(Exception):
    """The connection ended where bytes were due."""


class Connection:
    """One TCP connection to the server."""

    def __init__(self, port: int, timeout: float = IO_TIMEOUT_S, receive_buffer: int | None = None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, headers: list[tuple[str, str]] = [], body: bytes | None = None) -> None:
        """Sends a request head, `host` included, and the body with its length if there is one."""
        lines = [f"{method} {path} HTTP/1.1", "Host: test.local"] + [f"{k}: {v}" for k, v in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def _fill(self) -> bool:
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.pending += piece
        return bool(piece)

    def take(self, size: int) -> bytes:
        while len(self.pending) < size:
            if not self._fill():
                raise Cut(self.pending)
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def line(self) -> str:
        while b"\r\n" not in self.pending:
            if not self._fill():
                raise Cut(self.pending)
        taken, self.pending = self.pending.split(b"\r\n", 1)
        return taken.decode("latin-1")

    def fields(self) -> list[tuple[str, str]]:
        found = []
        while line := self.line():
            name, _, value = line.partition(":")
            found.append((name, value.strip()))
        return found

    def head(self) -> Response:
        _, status, reason = (self.line() + " ").split(" ", 2)
        return Response(int(status), reason.strip(), self.fields())

    def read_body(self, response: Response, method: str = "GET") -> Response:
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        try:
            if (response.header("transfer-encoding") or "").lower() == "chunked":
                while size := int(self.line().split(";")[0], 16):
                    response.body += self.take(size)
                    assert self.take(2) == b"\r\n", "a chunk ends with CRLF"
                response.trailers = self.fields()
            elif (length := response.header("content-length")) is not None:
                response.body = self.take(int(length))
            else:
                while self._fill():
                    pass
                response.body, self.pending = self.pending, b""
        except Cut:
            response.complete = False
        return response

    def response(self, method: str = "GET") -> Response:
        return self.read_body(self.head(), method)

    def is_closed(self, within_s: float = IO_TIMEOUT_S) -> bool:
        """True when the server closes (and sends nothing more) within that time."""
        if self.pending:
            return False
        readable, _, _ = select.select([self.socket], [], [], within_s)
        return bool(readable) and not self._fill()


def exchange(port: int, method: str, path: str, headers: list[tuple[str, str]] = [], body: bytes | None = None,
             timeout: float = IO_TIMEOUT_S) -> Response:
    """One request on a connection of its own."""
    with Connection(port, timeout) as connection:
        connection.request(method, path, [*headers, ("Connection", "close")], body)
        return connection.response(method)


class Output:
    """Collects one output stream of the program while it runs."""

    def __init__(self, stream) -> None:
        self._stream = stream
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()
        # One for the thread that waits, one for whoever looks: neither may be used by two at once.
        self._readable, self._look = select.poll(), select.poll()
        for each in (self._readable, self._look):
            each.register(stream, select.POLLIN)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        while not self._ended:
            self._readable.poll()
            with self._changed:
                self._take()

    def _take(self) -> None:
        """Reads what is there without waiting."""
        while not self._ended and self._look.poll(0):
            piece = os.read(self._stream.fileno(), 65536)
            self._ended = not piece
            self._text += piece.decode(errors="replace")
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """All that the program has written up to now."""
        with self._changed:
            self._take()
            return self._text

    def wait_for(self, pattern: str, timeout: float = IO_TIMEOUT_S) -> re.Match[str] | None:
        """Waits until the pattern is in the text; None when the stream ends or the time is over first."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (match := re.search(pattern, self._text)):
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return None
                self._changed.wait(left)
            return match


class Server:
    """`whorl up` with the given arguments on a free port."""

    def __init__(self, process: subprocess.Popen, port: int, out: Output, err: Output):
        self.process, self.port, self.out, self.err = process, port, out, err

    @staticmethod
    def start(*arguments: object, cwd: object = None, env: dict[str, str] = {}, timeout: float = START_TIMEOUT_S,
              preexec=None) -> Server:
        command = [program(), "up", "--listen", "127.0.0.1:0", *map(str, arguments)]
        process = subprocess.Popen(command, cwd=cwd, env=os.environ | env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=preexec)
        out, err = Output(process.stdout), Output(process.stderr)
        match = out.wait_for(r"Serving https?://127\.0\.0\.1:(\d+)\n(?:Available Routes:\n(?:  .*\n)+)?", timeout)
        if not match:
            process.kill()
            process.wait()
            raise AssertionError(f"{' '.join(command)} did not start\n{out.text}\n{err.text}")
        return Server(process, int(match.group(1)), out, err)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20) -> int:
        """Sends a signal and returns the exit code; a program that does not end in time fails the test."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {timeout} s after signal {number}\n{self.err.text}") from None

    def connect(self, **options) -> Connection:
        return Connection(self.port, **options)

    def get(self, path: str, headers: list[tuple[str, str]] = [], timeout: float = IO_TIMEOUT_S) -> Response:
        return exchange(self.port, "GET", path, headers, timeout=timeout)

    def post(self, path: str, body: bytes, headers: list[tuple[str, str]] = [], timeout: float = IO_TIMEOUT_S) -> Response:
        return exchange(self.port, "POST", path, headers, body, timeout)

    def status_kib(self, key: str) -> int:
        """A line of /proc/PID/status in KiB: VmRSS, VmHWM."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M).group(1))

    def cpu_seconds(self) -> float:
        """That the program has used so far, user and system."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")")[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def run(*arguments: object, cwd: object = None, env: dict[str, str] = {}, timeout: float = 60) -> subprocess.CompletedProcess:
    """Runs the program to its end, for runs that are expected to fail."""
    return subprocess.run([program(), *map(str, arguments)], cwd=cwd, env=os.environ | env, capture_output=True,
                          text=True, errors="replace", timeout=timeout, stdin=subprocess.DEVNULL)


_guests = tempfile.TemporaryDirectory(prefix="whorl-guests-")


def guest(name: str) -> pathlib.Path:
    """A guest of tests/e2e/guests or an example, compiled (results are kept by content)."""
    source = ROOT / "tests" / "e2e" / "guests" / f"{name}.c"
    if not source.exists():
        source = ROOT / "examples" / name / "main.c"
    target = pathlib.Path(_guests.name) / f"{name}.wasm"
    if not target.exists():
        text = source.read_text()
        flags = [f"-D{name}" for name in ("WHORL_NO_ENTRY", "WHORL_COMMAND") if name in text]
        subprocess.run([ROOT / "sdk" / "c" / "build.sh", source, target, *flags], check=True, capture_output=True)
    return target


def manifest(folder: pathlib.Path, text: str) -> pathlib.Path:
    """Writes a spin.toml with the usual head; returns the folder."""
    head = 'spin_manifest_version = 2\n[application]\nname = "test"\nversion = "1.0.0"\n'
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spin.toml").write_text(head + text)
    return folder
