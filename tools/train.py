#!/usr/bin/python3
"""Has a program that records serve guests, and writes what it recorded in the form that the compiler reads.

    tools/train.py PROGRAM OUT.profdata GUEST…

PROGRAM was built with -DWHORL_PROFILE=record (docs/adr/0053). Each guest, a .wasm file, answers requests over HTTP/1.1 and over HTTP/2,
half of them with a body, half with the fields that a browser sends: most of them as they come, some with TLS, some with access log,
metrics and all that goes to a collector of OpenTelemetry. A profile of requests that failed would be one of failing: every answer has to
be a 200, and the collector is told of them. Needs h2load (Debian: nghttp2-client), llvm-profdata-19 (llvm-19) and openssl.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60
CONNECTIONS = 50
STREAMS = 4
BODY_BYTES = 1000
PROTOCOLS = {"HTTP/1.1": ["--h1"], "HTTP/2": ["-m", str(STREAMS)]}
FIELDS = ["accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-encoding: gzip, deflate, br",
          "accept-language: en-US,en;q=0.7,de;q=0.3", "cookie: session=9f86d081884c7d659a2f; theme=dark", "cache-control: no-cache",
          "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "x-forwarded-for: 192.0.2.7",
          "x-forwarded-proto: https", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"]
TOOLS = {"h2load": "nghttp2-client", "llvm-profdata-19": "llvm-19", "openssl": "openssl"}


class Failed(Exception):
    """What went wrong, for the person who started this."""


@dataclasses.dataclass
class Scene:
    """A way to start the program."""

    name: str
    part: int = 1  # one of so many requests is asked in it, beside a scene with 1
    scheme: str = "http"
    flags: list[str] = dataclasses.field(default_factory=list)
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


class Collector(http.server.ThreadingHTTPServer):
    """Takes what is exported, as OTLP over HTTP, and knows what it was."""

    daemon_threads = True

    def __init__(self) -> None:
        self.told: set[str] = set()
        super().__init__(("127.0.0.1", 0), Export)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Export(http.server.BaseHTTPRequestHandler):
    """One export after the other over a connection."""

    protocol_version = "HTTP/1.1"
    server: Collector

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.told.add(self.path)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


def scenes(work: pathlib.Path, collector: Collector) -> list[Scene]:
    """Makes the certificate of the one with TLS."""
    certificate, key = work / "certificate.pem", work / "key.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                           "-days", "2", "-subj", "/CN=localhost"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Failed(f"openssl made no certificate:\n{made.stderr}")
    return [Scene("as they come"),
            Scene("with TLS", 2, "https", ["--tls-cert", str(certificate), "--tls-key", str(key)]),
            Scene("observed", 2, "http", ["--access-log", str(work / "access.log"), "--metrics-listen", "127.0.0.1:0"],
                  {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"})]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(server: subprocess.Popen[bytes], port: int, log: pathlib.Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None:
                raise Failed(f"the program ended with {server.returncode} before it listened:\n{log.read_text()[-2000:]}") from None
            if time.monotonic() > deadline:
                raise Failed(f"the program did not listen within {START_TIMEOUT_S} s:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.05)


@contextlib.contextmanager
def serving(program: pathlib.Path, guest: pathlib.Path, raw: pathlib.Path, work: pathlib.Path, scene: Scene) -> typing.Iterator[int]:
    """Serves a guest on a port while the block runs; then the program ends and has written into `raw`."""
    port, log = free_port(), work / "log"
    before = set(raw.iterdir())
    with open(log, "wb") as out:
        server = subprocess.Popen(
            [program, "up", "-f", guest, "--listen", f"127.0.0.1:{port}", "--threads", "1", "--quiet", "--state-dir", work / "state",
             *scene.flags], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=work,
            env={**os.environ, **scene.environment, "LLVM_PROFILE_FILE": str(raw / "%p.profraw")})
    try:
        wait_until_it_listens(server, port, log)
        yield port
        server.terminate()
        try:
            code = server.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"the program was still running {STOP_TIMEOUT_S} s after it was told to stop") from None
        if code != 0:
            raise Failed(f"the program ended with {code}:\n{log.read_text()[-2000:]}")
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    if not any(file.stat().st_size > 0 for file in set(raw.iterdir()) - before):
        raise Failed(f"{program} wrote no profile: was it built with -DWHORL_PROFILE=record?")


def load(url: str, how: list[str], requests: int, body: pathlib.Path | None) -> None:
    """Raises Failed unless every answer was a 200."""
    command = ["h2load", "-n", str(requests), "-c", str(CONNECTIONS), *how, *(["-d", str(body)] if body else []), url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    good = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)
    if done.returncode != 0 or not good or int(good.group(1)) != requests:
        raise Failed(f"not every answer of `{' '.join(command)}` was a 200:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def ask(url: str, requests: int, body: pathlib.Path) -> None:
    """So many of each kind."""
    fields = [part for field in FIELDS for part in ("-H", field)]
    for how in PROTOCOLS.values():
        for sent in (None, body):
            for more in ([], fields):
                load(url, how + more, requests, sent)


def merge(raw: pathlib.Path, out: pathlib.Path) -> None:
    part = raw / "merged"
    merged = subprocess.run(["llvm-profdata-19", "merge", "--sparse", "-o", part, *sorted(raw.glob("*.profraw"))], capture_output=True, text=True, check=False)
    if merged.returncode != 0:
        raise Failed(f"llvm-profdata-19: {merged.stderr}")
    shutil.move(part, out)


def train(program: pathlib.Path, out: pathlib.Path, guests: list[pathlib.Path], requests: int) -> None:
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            raise Failed(f"there is no {tool}; it is in the Debian package {package}")
    for guest in guests:
        if not guest.is_file():
            raise Failed(f"there is no guest {guest}")
    with tempfile.TemporaryDirectory(prefix="whorl-train-") as folder, Collector() as collector:
        work = pathlib.Path(folder)
        raw, body = work / "raw", work / "body"
        raw.mkdir()
        body.write_bytes(b"x" * BODY_BYTES)
        for scene in scenes(work, collector):
            for guest in guests:
                each = max(requests // scene.part, CONNECTIONS)
                print(f"{guest.name}, {scene.name}: {each} requests of each kind", file=sys.stderr)
                with serving(program, guest, raw, work, scene) as port:
                    ask(f"{scene.scheme}://127.0.0.1:{port}/", each, body)
        wanted = {"/v1/traces", "/v1/metrics"}
        if any(file.stat().st_size > 0 for file in (work / "state").rglob("*_std*.txt")):
            wanted.add("/v1/logs")  # which are what guests print
        if not wanted <= collector.told:
            raise Failed(f"the collector was told of {', '.join(sorted(collector.told)) or 'nothing'} only")
        collector.shutdown()
        merge(raw, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("guests", type=pathlib.Path, nargs="+")
    parser.add_argument("--requests", type=int, default=5000, help="of each kind")
    options = parser.parse_args()
    try:
        train(options.program.resolve(), options.out.resolve(), [guest.resolve() for guest in options.guests], options.requests)
    except Failed as failed:
        sys.exit(f"Error: {failed}")


if __name__ == "__main__":
    main()
