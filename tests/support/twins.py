"""The same application under Whorl and under real Spin, and the same bytes sent to both.

    with twins.start(folder, case) as pair:
        for request in case.requests:
            assert pair.differences(request) == []
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import typing

import whorl

START_TIMEOUT_S = 60
ANSWER_TIMEOUT_S = 20
# What belongs to a connection or a moment, not to the answer.
VOLATILE = (
    (re.compile(rb"127\.0\.0\.1:\d+"), b"127.0.0.1:PORT"),
    (re.compile(rb"localhost:\d+"), b"localhost:PORT"),
    (re.compile(rb"SERVER_PORT=\d+"), b"SERVER_PORT=N"),
)

# "up-" is before what `fetch` was answered; how the answer was framed is not its business.
OF_THE_MOMENT = {"date", "up-date", "up-content-length"}


@dataclasses.dataclass
class Request:
    """What is sent, to the byte. `method` is what decides how the answer is read."""

    name: str
    data: bytes
    method: str = "GET"
    is_list: bool = False  # the lines of the answer's body come in no order

    @staticmethod
    def of(target: str, method: str = "GET", headers: typing.Sequence[tuple[str, str]] = (), body: bytes | None = None,
           host: str | None = "test.local") -> Request:
        lines = [f"{method} {target} HTTP/1.1"]
        if host is not None:
            lines.append(f"Host: {host}")
        lines += [f"{name}: {value}" for name, value in headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "Connection: close"]).encode("latin-1")
        return Request(f"{method} {target[:60]}", head + b"\r\n\r\n" + (body or b""), method)


@dataclasses.dataclass
class Answer:
    """An answer as it is compared: fields in order of their names, lines that tell of fields sorted too."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    trailers: list[tuple[str, str]]
    is_whole: bool

    @staticmethod
    def of(response: whorl.Response, is_list: bool = False) -> Answer:
        body = response.body
        for pattern, text in VOLATILE:
            body = pattern.sub(text, body)
        # Both servers keep fields in tables; their order between different names is nobody's promise.
        lines = body.split(b"\n")
        told = sorted(line for line in lines if is_list or line.startswith((b"header ", b"env ")))
        rest = [line for line in lines if not is_list and not line.startswith((b"header ", b"env "))]
        headers = sorted((name.lower(), value) for name, value in response.headers if name.lower() not in OF_THE_MOMENT)
        return Answer(response.status, headers, b"\n".join([*rest, *told]), response.trailers, response.complete)


    def framed_as(self, other: Answer, size: int) -> Answer:
        """With the other's framing where only that differs: an answer that is done before its head goes out is sent with
        its length instead of in chunks (docs/differences.md)."""
        length, chunked = ("content-length", str(size)), ("transfer-encoding", "chunked")
        framed = {name for name, _ in other.headers} & {"content-length", "transfer-encoding"}
        if framed - {"transfer-encoding"} or (size and length not in self.headers):
            return self
        headers = [each for each in self.headers if each[0] != "content-length" and each != chunked]
        return dataclasses.replace(self, headers=sorted([*headers, chunked] if framed else headers))


NOTHING = Answer(0, [], b"", [], False)


def ask(port: int, request: Request) -> Answer:
    """NOTHING where the connection is closed without an answer."""
    return ask_sized(port, request)[0]


def ask_sized(port: int, request: Request) -> tuple[Answer, int]:
    """With the bytes of the body, before anything is made the same."""
    with whorl.Connection(port, ANSWER_TIMEOUT_S) as connection:
        try:
            connection.send(request.data)
            response = connection.head()
            while response.status == 100:
                response = connection.head()
        except (whorl.Cut, ConnectionError):
            return NOTHING, 0
        whole = connection.read_body(response, request.method)
        return Answer.of(whole, request.is_list), len(whole.body)


@dataclasses.dataclass
class Case:
    """An application and what is asked of it."""

    manifest: str  # the whole text
    requests: list[Request]
    arguments: tuple[str, ...] = ()
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    # Requests by name whose answers differ on purpose, with the words of docs/differences.md that say so.
    differs: dict[str, str] = dataclasses.field(default_factory=dict)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Program:
    """`up` of one of the two in a copy of the application's folder."""

    def __init__(self, program: str, folder: pathlib.Path, case: Case):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SPIN_", "WHORL_"))}
        environment |= case.environment
        self.log = (folder / "stderr.txt").open("wb")
        self.process = subprocess.Popen([program, "up", "--listen", "127.0.0.1:0", "--quiet", *case.arguments], cwd=folder,
                                        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log,
                                        process_group=0)
        self.out = whorl.Output(self.process.stdout)
        match = self.out.wait_for(r"Serving http://127\.0\.0\.1:(\d+)", START_TIMEOUT_S)
        self.log.flush()
        self.errors = folder / "stderr.txt"
        self.port = int(match.group(1)) if match else None

    def close(self) -> None:
        # Spin's trigger process ends with it unless a guest computes; then nothing but this helps.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


class Pair:
    def __init__(self, ours: Program, theirs: Program):
        self.ours, self.theirs = ours, theirs

    def answers(self, request: Request) -> tuple[Answer, Answer]:
        (ours, size), theirs = ask_sized(self.ours.port, request), ask(self.theirs.port, request)
        return ours.framed_as(theirs, size), theirs


def copy(folder: pathlib.Path, name: str, case: Case, guests: dict[str, pathlib.Path]) -> pathlib.Path:
    """Both programs see the same names in the same place, one after the other where that is told apart."""
    made = folder / name / "app"
    made.mkdir(parents=True)
    (made / "spin.toml").write_text(case.manifest)
    for file, path in guests.items():
        shutil.copy(path, made / file)
    for file, text in case.files.items():
        (made / file).parent.mkdir(parents=True, exist_ok=True)
        (made / file).write_text(text)
    return made


@contextlib.contextmanager
def start(folder: pathlib.Path, case: Case, guests: dict[str, pathlib.Path], spin: str):
    """Both, answering; a program that does not start fails the test with what it said."""
    ours = Program(whorl.program(), copy(folder, "whorl", case, guests), case)
    theirs = Program(spin, copy(folder, "spin", case, guests), case)
    try:
        for name, one in (("whorl", ours), ("spin", theirs)):
            assert one.port, f"{name} did not start: {one.errors.read_text()}"
        yield Pair(ours, theirs)
    finally:
        ours.close()
        theirs.close()
