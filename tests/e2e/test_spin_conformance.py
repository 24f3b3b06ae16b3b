"""Spin's conformance suite: its components, built from their sources, under its manifests and with its expectations.

The suite is looked for in WHORL_SUITES, else in ../shared/suites, and skipped, saying so, where it is missing.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import socketserver
import threading

import pytest
import real_servers
import services
import toolchains
import twins
import whorl

SUITE = pathlib.Path(os.environ.get("WHORL_SUITES") or whorl.ROOT.parent / "shared" / "suites") / "spin-conformance"
SPIN = os.environ.get("WHORL_PEER_SPIN")
CASES = sorted(path.parent.name for path in SUITE.glob("tests/*/test.json5"))


class TcpEcho:
    """Sends back what it is sent."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            while data := self.request.recv(65536):
                self.request.sendall(data)

    def __init__(self):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self.Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class HttpEcho(services.Service):
    def answer(self, request):
        return 200, {"content-type": "text/plain"}, request.body


class Postgres(real_servers.Postgres):
    """With the tables that the suite's own service makes."""

    def __enter__(self):
        super().__enter__()
        self.psql("CREATE DATABASE spin_dev")
        for file in sorted((SUITE / "crates/test-environment/services/postgres-init").glob("*.sql")):
            self.psql(file.read_text(), "spin_dev")
        return self


SERVERS = {
    "tcp-echo": TcpEcho,
    "http-echo": HttpEcho,
    "redis": real_servers.Redis,
    "mqtt": real_servers.Mosquitto,
    "postgres": lambda: Postgres(password="postgres"),
    # These belong to the program.
    "key-value-store": contextlib.nullcontext,
    "sqlite": contextlib.nullcontext,
}


def read_json5(text: str) -> dict:
    """What the suite's files use of JSON5: bare names and commas at the end."""
    text = re.sub(r"([{,]\s*)([A-Za-z_]+)(\s*:)", r'\1"\2"\3', text)
    return json.loads(re.sub(r",(\s*[]}])", r"\1", text))


def component(name: str, folder: pathlib.Path) -> pathlib.Path:
    digest = hashlib.sha256((toolchains.GUESTS / "rust.sh").read_bytes())
    files = [SUITE / "Cargo.lock", *toolchains.files_of(toolchains.GUESTS / "spin-conformance")]
    for part in ("components", "crates/helper", "wit"):
        files += toolchains.files_of(SUITE / part)
    for path in sorted(files):
        digest.update(path.read_bytes())
    key = digest.hexdigest()[:32]
    workspace = toolchains.CACHE.parent / "rust" / f"spin-conformance-{key}"
    script = toolchains.GUESTS / "spin-conformance" / "build.sh"
    return toolchains.kept(f"conformance-{name}", key, folder, lambda out: [script, SUITE, workspace, name, out])


def ask(port: int, request: dict) -> whorl.Response:
    fields = {"Host": "test.local"} | {field["name"]: field["value"] for field in request.get("headers", [])}
    method, body = request.get("method", "get").upper(), request.get("body", "").encode()
    if body:
        fields["Content-Length"] = str(len(body))
    head = f"{method} {request['path']} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with whorl.Connection(port) as connection:
        connection.send(head.encode() + b"\r\n" + body)
        return connection.response(method)


def check(expected: dict, answer: whorl.Response) -> None:
    assert answer.status == expected.get("status", 200), answer.body
    got = {name.lower(): value for name, value in answer.headers}
    for field in expected.get("headers", []):
        value = got.pop(field["name"].lower(), None)
        assert value is not None or field.get("optional"), f"no field {field['name']}"
        if value is not None and "value" in field and not field.get("optional"):
            assert value == field["value"]
    assert not got, "fields that the suite does not expect"
    if "body" in expected:
        assert answer.body.decode() == expected["body"]


@contextlib.contextmanager
def prepared(case: str, folder: pathlib.Path):
    """The case's application in a folder, with its servers running: what is asked, and what is expected."""
    with contextlib.ExitStack() as stack:
        text = (SUITE / "tests" / case / "test.json5").read_text()
        ports = [port for port in (getattr(stack.enter_context(SERVERS[each["kind"]]()), "port", None)
                                   for each in read_json5(text).get("preconditions", [])) if port]

        def fill(template: str) -> str:
            template = re.sub(r"%\{source=(.*?)\}", lambda found: str(component(found[1], folder)), template)
            return re.sub(r"%\{port=\d+\}", lambda found: str(ports[0]), template)

        (folder / "spin.toml").write_text(fill((SUITE / "tests" / case / "spin.toml").read_text()))
        yield read_json5(fill(text))["invocations"]


@pytest.mark.skipif(not CASES, reason="NO SUITE: spin-conformance, see tests/conformance/README.md")
@pytest.mark.parametrize("case", CASES)
def test_conforms(case, tmp_path):
    with prepared(case, tmp_path) as invocations, whorl.Server.start("-f", tmp_path) as server:
        for each in invocations:
            check(each["response"], ask(server.port, each["request"]))


def answers_of(program: str, case: str, folder: pathlib.Path) -> list[twins.Answer]:
    """Of a program that starts from nothing: new servers, a folder of its own."""
    folder.mkdir()
    with prepared(case, folder) as invocations:
        running = twins.Program(program, folder, twins.Case("", []))
        try:
            assert running.port, running.errors.read_text()
            return [twins.Answer.of(ask(running.port, each["request"])) for each in invocations]
        finally:
            running.close()


@pytest.mark.skipif(not CASES, reason="NO SUITE: spin-conformance, see tests/conformance/README.md")
@pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
@pytest.mark.parametrize("case", CASES)
def test_answers_as_spin(case, tmp_path):
    ours, theirs = (answers_of(program, case, tmp_path / name) for name, program in (("whorl", whorl.program()), ("spin", SPIN)))
    assert [one.framed_as(other, len(one.body)) for one, other in zip(ours, theirs, strict=True)] == theirs
