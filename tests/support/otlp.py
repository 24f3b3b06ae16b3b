"""A collector of OpenTelemetry signals, for tests: OTLP over HTTP, every message checked against the schema.

    with otlp.Collector() as collector:
        …                       # OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
        spans = collector.spans(2)

It is strict where a real collector is generous: an unknown field, a text that is no UTF-8, an identity of a wrong
length or a span without a name is an error, which `Collector.__exit__` raises.
"""

from __future__ import annotations

import http.server
import json
import os
import pathlib
import struct
import subprocess
import threading
import time

import pytest

WAIT_S = 20


class Malformed(Exception):
    """Bytes that are no message of the schema."""


# Messages: field number -> (name, kind, is repeated). Kinds: a scalar's name, or the name of a message.
SCHEMA: dict[str, dict[int, tuple[str, str, bool]]] = {
    "TraceRequest": {1: ("resource_spans", "ResourceSpans", True)},
    "ResourceSpans": {1: ("resource", "Resource", False), 2: ("scopes", "ScopeSpans", True), 3: ("schema_url", "text", False)},
    "ScopeSpans": {1: ("scope", "Scope", False), 2: ("items", "Span", True), 3: ("schema_url", "text", False)},
    "Resource": {1: ("attributes", "KeyValue", True), 2: ("dropped", "varint", False)},
    "Scope": {1: ("name", "text", False), 2: ("version", "text", False), 3: ("attributes", "KeyValue", True),
              4: ("dropped", "varint", False)},
    "KeyValue": {1: ("key", "text", False), 2: ("value", "AnyValue", False)},
    "AnyValue": {1: ("string", "text", False), 2: ("bool", "bool", False), 3: ("int", "int64", False),
                 4: ("double", "double", False), 5: ("array", "ArrayValue", False)},
    "ArrayValue": {1: ("values", "AnyValue", True)},
    "Span": {1: ("trace_id", "id16", False), 2: ("span_id", "id8", False), 3: ("trace_state", "text", False),
             4: ("parent", "id8", False), 5: ("name", "text", False), 6: ("kind", "varint", False),
             7: ("start", "fixed64", False), 8: ("end", "fixed64", False), 9: ("attributes", "KeyValue", True),
             10: ("dropped_attributes", "varint", False), 11: ("events", "Event", True),
             12: ("dropped_events", "varint", False), 13: ("links", "Link", True),
             14: ("dropped_links", "varint", False), 15: ("status", "Status", False), 16: ("flags", "fixed32", False)},
    "Event": {1: ("time", "fixed64", False), 2: ("name", "text", False), 3: ("attributes", "KeyValue", True),
              4: ("dropped", "varint", False)},
    "Link": {1: ("trace_id", "id16", False), 2: ("span_id", "id8", False), 3: ("trace_state", "text", False),
             4: ("attributes", "KeyValue", True), 5: ("dropped", "varint", False), 6: ("flags", "fixed32", False)},
    "Status": {2: ("message", "text", False), 3: ("code", "varint", False)},
    "LogsRequest": {1: ("resource_logs", "ResourceLogs", True)},
    "ResourceLogs": {1: ("resource", "Resource", False), 2: ("scopes", "ScopeLogs", True), 3: ("schema_url", "text", False)},
    "ScopeLogs": {1: ("scope", "Scope", False), 2: ("items", "LogRecord", True), 3: ("schema_url", "text", False)},
    "LogRecord": {1: ("time", "fixed64", False), 2: ("severity", "varint", False), 3: ("severity_text", "text", False),
                  5: ("body", "AnyValue", False), 6: ("attributes", "KeyValue", True), 7: ("dropped", "varint", False),
                  8: ("flags", "fixed32", False), 9: ("trace_id", "id16", False), 10: ("span_id", "id8", False),
                  11: ("observed", "fixed64", False), 12: ("event_name", "text", False)},
    "MetricsRequest": {1: ("resource_metrics", "ResourceMetrics", True)},
    "ResourceMetrics": {1: ("resource", "Resource", False), 2: ("scopes", "ScopeMetrics", True),
                        3: ("schema_url", "text", False)},
    "ScopeMetrics": {1: ("scope", "Scope", False), 2: ("items", "Metric", True), 3: ("schema_url", "text", False)},
    "Metric": {1: ("name", "text", False), 2: ("description", "text", False), 3: ("unit", "text", False),
               5: ("gauge", "Gauge", False), 7: ("sum", "Sum", False), 9: ("histogram", "Histogram", False),
               10: ("exponential", "Exponential", False)},
    "Gauge": {1: ("points", "NumberPoint", True)},
    "Sum": {1: ("points", "NumberPoint", True), 2: ("temporality", "varint", False), 3: ("is_monotonic", "bool", False)},
    "Histogram": {1: ("points", "HistogramPoint", True), 2: ("temporality", "varint", False)},
    "Exponential": {1: ("points", "ExponentialPoint", True), 2: ("temporality", "varint", False)},
    "ExponentialPoint": {1: ("attributes", "KeyValue", True), 2: ("start", "fixed64", False), 3: ("time", "fixed64", False),
                         4: ("count", "fixed64", False), 5: ("sum", "double", False), 6: ("scale", "zigzag", False),
                         7: ("zero_count", "fixed64", False), 8: ("positive", "Buckets", False),
                         9: ("negative", "Buckets", False), 11: ("exemplars", "Exemplar", True), 12: ("min", "double", False),
                         13: ("max", "double", False), 14: ("zero_threshold", "double", False)},
    "Buckets": {1: ("offset", "zigzag", False), 2: ("counts", "packed_varint", False)},
    "Exemplar": {2: ("time", "fixed64", False), 3: ("double", "double", False), 4: ("span_id", "id8", False),
                 5: ("trace_id", "id16", False), 6: ("int", "sfixed64", False), 7: ("attributes", "KeyValue", True)},
    "NumberPoint": {2: ("start", "fixed64", False), 3: ("time", "fixed64", False), 4: ("double", "double", False),
                    5: ("exemplars", "Exemplar", True), 6: ("int", "sfixed64", False), 7: ("attributes", "KeyValue", True), 8: ("flags", "varint", False)},
    "HistogramPoint": {2: ("start", "fixed64", False), 3: ("time", "fixed64", False), 4: ("count", "fixed64", False),
                       5: ("sum", "double", False), 6: ("buckets", "packed64", False), 7: ("bounds", "packed_double", False), 8: ("exemplars", "Exemplar", True),
                       9: ("attributes", "KeyValue", True), 10: ("flags", "varint", False), 11: ("min", "double", False),
                       12: ("max", "double", False)},
}
PATHS = {"/v1/traces": "TraceRequest", "/v1/logs": "LogsRequest", "/v1/metrics": "MetricsRequest"}
WIRE = {"varint": 0, "zigzag": 0, "bool": 0, "int64": 0, "fixed64": 1, "sfixed64": 1, "double": 1, "fixed32": 5}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a number is cut or too long")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _scalar(kind: str, value: int | bytes) -> object:
    if kind == "text":
        return value.decode()
    if kind in ("id16", "id8"):
        if len(value) != int(kind[2:]) or not any(value):
            raise Malformed(f"an identity of {len(value)} bytes: {value!r}")
        return value.hex()
    if kind == "bool":
        return value == 1
    if kind == "int64":
        return value - (1 << 64) if value >= 1 << 63 else value
    if kind == "double":
        return struct.unpack("<d", struct.pack("<Q", value))[0]
    if kind == "sfixed64":
        return struct.unpack("<q", struct.pack("<Q", value))[0]
    if kind == "zigzag":
        return (value >> 1) ^ -(value & 1)
    if kind == "packed_varint":
        out, at = [], 0
        while at < len(value):
            number, at = _varint(value, at)
            out.append(number)
        return out
    if kind == "packed64":
        return [v for (v,) in struct.iter_unpack("<Q", value)]
    if kind == "packed_double":
        return [v for (v,) in struct.iter_unpack("<d", value)]
    return value


def decode(data: bytes, kind: str) -> dict:
    """A message as names and values."""
    fields = SCHEMA[kind]
    out: dict = {name: [] for name, _, repeated in fields.values() if repeated}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number not in fields:
            raise Malformed(f"{kind} has no field {number}")
        name, field_kind, repeated = fields[number]
        if wire != WIRE.get(field_kind, 2):
            raise Malformed(f"{kind}.{name} has wire type {wire}")
        if wire == 0:
            value, at = _varint(data, at)
        else:
            if wire == 2:
                size, at = _varint(data, at)
            else:
                size = 8 if wire == 1 else 4
            raw, at = data[at:at + size], at + size
            if len(raw) != size:
                raise Malformed(f"{kind}.{name} is cut")
            value = raw if wire == 2 else int.from_bytes(raw, "little")
        value = decode(value, field_kind) if field_kind in SCHEMA else _scalar(field_kind, value)
        if repeated:
            out[name].append(value)
        elif name in out:
            raise Malformed(f"{kind}.{name} is there twice")
        else:
            out[name] = value
    return out


def attributes(message: dict) -> dict[str, object]:
    """Attributes as a dictionary; a key that is there twice is an error."""
    out: dict[str, object] = {}
    for pair in message["attributes"]:
        (value,) = pair["value"].values()
        if isinstance(value, dict):
            value = [next(iter(v.values())) for v in value["values"]]
        if not pair.get("key") or pair["key"] in out:
            raise Malformed(f"attribute {pair}")
        out[pair["key"]] = value
    return out


def _check_span(span: dict) -> None:
    if not span.get("name") or not {"trace_id", "span_id", "start", "end", "kind"} <= span.keys():
        raise Malformed(f"a span lacks something: {span}")
    if span["end"] < span["start"] or not 1 <= span["kind"] <= 5:
        raise Malformed(f"a span that makes no sense: {span}")
    attributes(span)


class Collector:
    """Receives at /v1/traces, /v1/logs and /v1/metrics. `answers`: statuses for the first requests, before 200."""

    def __init__(self, answers: list[int] = []):
        self._changed = threading.Condition()
        self._received: dict[str, list[dict]] = {path: [] for path in PATHS}
        self._answers = list(answers)
        self.errors: list[str] = []
        self.headers: list[dict[str, str]] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = collector._take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        assert not self.errors, self.errors

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self._changed:
            if self._answers:
                return self._answers.pop(0)
            try:
                if path not in PATHS or headers.get("content-type") != "application/x-protobuf":
                    raise Malformed(f"{path} {headers}")
                request = decode(body, PATHS[path])
                for span in self._items([request], "resource_spans"):
                    _check_span(span)
            except (Malformed, UnicodeDecodeError, ValueError) as error:
                self.errors.append(str(error))
                return 400
            self._received[path].append(request)
            self.headers.append(headers)
            self._changed.notify_all()
            return 200

    @staticmethod
    def _items(requests: list[dict], key: str) -> list[dict]:
        return [item | {"resource": attributes(whole["resource"]), "scope": scope["scope"].get("name")}
                for request in requests for whole in request.get(key, []) for scope in whole["scopes"]
                for item in scope["items"]]

    def _wait(self, path: str, key: str, enough) -> list[dict]:
        deadline = time.monotonic() + WAIT_S
        with self._changed:
            while not enough(found := self._items(self._received[path], key)):
                left = deadline - time.monotonic()
                assert left > 0 and not self.errors, (self.errors, found)
                self._changed.wait(left)
            return found

    def spans(self, count: int) -> list[dict]:
        """All spans, as soon as there are so many."""
        return self._wait("/v1/traces", "resource_spans", lambda found: len(found) >= count)

    def logs(self, count: int) -> list[dict]:
        return self._wait("/v1/logs", "resource_logs", lambda found: len(found) >= count)

    def metrics(self, enough=bool) -> dict[str, dict]:
        """The last of each name, once `enough` of them says so."""
        last: dict[str, dict] = {}

        def check(found: list[dict]) -> bool:
            last.clear()
            last.update({metric["name"]: metric for metric in found})
            return enough(last)

        self._wait("/v1/metrics", "resource_metrics", check)
        return last


CALLS = {f"/opentelemetry.proto.collector.{package}.v1.{service}Service/Export": path for package, service, path in (
    ("trace", "Trace", "/v1/traces"), ("logs", "Logs", "/v1/logs"), ("metrics", "Metrics", "/v1/metrics"))}
SYSTEM_PYTHON = "/usr/bin/python3"


class GrpcCollector(Collector):
    """The same for OTLP over gRPC, received by a library that others have written. `answers`: see grpc_collector.py."""

    def __init__(self, *answers: str):
        self._changed = threading.Condition()
        self._received = {path: [] for path in PATHS}
        self._answers: list[int] = []
        self.errors, self.headers = [], []
        self.calls: list[str] = []  # "<path of OTLP over HTTP> <answer>", tries that failed included
        if subprocess.run([SYSTEM_PYTHON, "-c", "import grpc"], capture_output=True).returncode != 0:
            why = "NO LIBRARY: gRPC for Python is not installed (Debian package python3-grpcio; ./dev setup installs it)"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
        program = pathlib.Path(__file__).with_name("grpc_collector.py")
        self._process = subprocess.Popen([SYSTEM_PYTHON, program, *answers], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            call, answer, metadata, message = line.rstrip("\n").split(" ")
            path = CALLS.get(call, call)
            self.calls.append(f"{path} {answer}")
            if answer == "0":
                headers = json.loads(metadata) | {"content-type": "application/x-protobuf"}
                self._take(path, headers, bytes.fromhex(message))

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert not self.errors, self.errors
