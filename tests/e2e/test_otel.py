"""Traces, metrics and logs as a collector gets them: Spin's spans and attributes, W3C trace context in and out."""

import pytest
import whorl

import otlp

HELLO = """
[[trigger.http]]
route = "/..."
component = "multi"
[component.multi]
source = "multi.wasm"
"""
FETCH = """
[[trigger.http]]
route = "/..."
component = "fetch"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}


def to(collector, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} | FAST | more


@pytest.fixture
def hello(app):
    return app(HELLO, "multi")


def test_smoke(hello):
    """What Spin's otel smoke test wants: these two spans, in one trace."""
    with otlp.Collector() as collector, whorl.Server.start("-f", hello, env=to(collector)) as server:
        assert server.get("/status/200?secret=hunter", [("User-Agent", "me")]).status == 200
        spans = {span["name"]: span for span in collector.spans(2)}
        assert set(spans) == {"GET /...", "execute_wasm_component multi"}
        request, work = spans["GET /..."], spans["execute_wasm_component multi"]
        assert request["trace_id"] == work["trace_id"]
        assert (work["parent"], "parent" in request) == (request["span_id"], False)
        assert (request["kind"], work["kind"]) == (2, 1)
        seen = otlp.attributes(request)
        assert seen.pop("network.peer.port") > 0
        assert seen == {
            "http.request.method": "GET", "url.path": "/status/200", "url.scheme": "http", "http.route": "/...",
            "http.response.status_code": 200, "server.address": "test.local", "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1",
            "user_agent.original": "me", "network.protocol.name": "http", "network.protocol.version": "1.1"}
        assert otlp.attributes(work) == {"component_id": "multi"}
        assert request["resource"] == {"service.name": "spin"}
        assert request["start"] <= work["start"] <= work["end"] <= request["end"]


def test_failures_and_routes(hello):
    with otlp.Collector() as collector, whorl.Server.start(
            "-f", hello, env=to(collector, OTEL_SERVICE_NAME="mine", OTEL_RESOURCE_ATTRIBUTES="zone=a")) as server:
        server.get("/trap", [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "v=1")])
        request, work = sorted(collector.spans(2), key=lambda span: span["kind"], reverse=True)
        assert (request["trace_id"], request["parent"], request["trace_state"]) == (TRACE, PARENT, "v=1")
        assert (request["status"]["code"], work["status"]["code"]) == (2, 2)
        assert otlp.attributes(work)["error.type"] == "unreachable"
        assert otlp.attributes(work)["error.blame"] == "guest"
        assert otlp.attributes(request)["http.response.status_code"] == 500
        assert request["resource"] == {"service.name": "mine", "zone": "a"}
        # A caller that does not sample is followed: nothing comes of this one.
        server.get("/status/200", [("traceparent", f"00-{TRACE}-{PARENT}-00")])
        server.get("/.well-known/spin/health")
        spans = collector.spans(3)
        assert [span["name"] for span in spans[2:]] == ["GET"]


def test_trace_context_goes_on_to_outgoing_requests(app, hello, tmp_path):
    with otlp.Collector() as collector, whorl.Server.start("-f", app(FETCH, "fetch"), env=to(collector)) as server, \
            whorl.Server.start("-f", whorl.guest("multi")) as other:
        url = f"http://127.0.0.1:{other.port}/seen?key=hunter2"
        answer = server.get("/fetch", [("x-url", url), ("traceparent", f"00-{TRACE}-{PARENT}-01")])
        assert answer.status == 200, answer
        spans = {span["name"]: span for span in collector.spans(3)}
        out, work = spans["GET"], spans["execute_wasm_component fetch"]
        assert (out["kind"], out["parent"], out["trace_id"]) == (3, work["span_id"], TRACE)
        assert otlp.attributes(out) == {
            "http.request.method": "GET", "url.full": f"http://127.0.0.1:{other.port}/seen",
            "server.address": "127.0.0.1", "server.port": other.port, "http.response.status_code": 200}
        assert f"00-{TRACE}-{out['span_id']}-01" in answer.body.decode()


def test_output_of_guests(hello):
    with otlp.Collector() as collector, whorl.Server.start("-f", hello, env=to(collector)) as server:
        server.get("/log")
        logs = collector.logs(1)
        work = next(span for span in collector.spans(2) if span["kind"] == 1)
        assert {(log["trace_id"], log["span_id"]) for log in logs} == {(work["trace_id"], work["span_id"])}
        assert all(otlp.attributes(log)["component_id"] == "multi" for log in logs)
        texts = [log["body"]["string"] for log in logs]
        assert [otlp.attributes(event)["app_log"] for event in work["events"]] == texts
    with otlp.Collector() as collector, whorl.Server.start(
            "-f", hello, env=to(collector, SPIN_DISABLE_LOG_TO_TRACING="1")) as server:
        server.get("/log")
        collector.logs(1)
        assert not any(span["events"] for span in collector.spans(2))


def test_metrics_of_spin(hello):
    with otlp.Collector() as collector, whorl.Server.start("-f", hello, env=to(collector)) as server:
        for _ in range(3):
            server.get("/status/200")

        def has_three(metrics: dict) -> bool:
            points = metrics.get("spin.request_count", {"sum": {"points": []}})["sum"]["points"]
            return any(point["int"] == 3 for point in points)

        metrics = collector.metrics(has_three)
        (point,) = metrics["spin.request_count"]["sum"]["points"]
        assert otlp.attributes(point) == {"trigger_type": "http", "app_id": "test", "component_id": "multi"}
        assert metrics["spin.request_count"]["sum"]["temporality"] == 2
        for name in ("spin.component_cpu_time", "spin.component_memory_used", "spin.component_memory_used_on_init"):
            (point,) = metrics[name]["histogram"]["points"]
            assert (point["count"], sum(point["buckets"])) == (3, 3)
            assert len(point["buckets"]) == len(point["bounds"]) + 1
            assert otlp.attributes(point) == {"component_id": "multi"}


def test_what_waits_is_sent_at_the_end_and_tried_again(hello):
    slow = {name: "600000" for name in FAST}
    with otlp.Collector([503, 429]) as collector, whorl.Server.start(
            "-f", hello, env=to(collector) | slow | {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2"}) as server:
        server.get("/status/200")
        assert server.stop() == 0
        assert len(collector.spans(2)) == 2
        assert all(headers["api-key"] == "hunter2" for headers in collector.headers)
        assert "hunter2" not in server.err.text


def test_a_collector_that_is_away_changes_nothing_for_clients(hello):
    env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces?key=hunter2", "OTEL_EXPORTER_OTLP_TIMEOUT": "100"} | FAST
    with whorl.Server.start("-f", hello, "--metrics-listen", "127.0.0.1:0", env=env) as server:
        assert server.get("/status/200").status == 200
        assert server.err.wait_for(r"spans did not get to http://127\.0\.0\.1:1/v1/traces: ")
        assert server.stop() == 0
        assert "hunter2" not in server.err.text


def test_other_protocols_are_refused(hello):
    result = whorl.run("up", "-f", hello, "--listen", "127.0.0.1:0",
                       env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    assert (result.returncode, "http/json OTLP protocol is not supported" in result.stderr) == (1, True), result.stderr


GRPC = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


def test_all_signals_over_grpc(hello):
    with otlp.GrpcCollector() as collector, whorl.Server.start(
            "-f", hello, env=to(collector, OTEL_EXPORTER_OTLP_HEADERS="api-key=hunter2") | GRPC) as server:
        server.get("/log")
        spans = {span["name"]: span for span in collector.spans(2)}
        assert set(spans) == {"GET /...", "execute_wasm_component multi"}
        logs = collector.logs(1)
        assert {log["trace_id"] for log in logs} == {spans["GET /..."]["trace_id"]}
        assert "spin.request_count" in collector.metrics(lambda metrics: "spin.request_count" in metrics)
        assert all(headers["api-key"] == "hunter2" and 0 < headers["time_remaining"] <= 10 for headers in collector.headers)
        assert "hunter2" not in server.err.text


def test_one_signal_over_grpc_and_the_others_not(hello):
    with otlp.GrpcCollector() as called, otlp.Collector() as posted, whorl.Server.start("-f", hello, env=FAST | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": posted.url, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": called.url,
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"}) as server:
        server.get("/log")
        assert posted.spans(2) and called.logs(1)
        assert {call.split()[0] for call in called.calls} == {"/v1/logs"}


def test_calls_that_failed_are_made_again_where_that_helps(hello):
    slow = {name: "600000" for name in FAST}
    with otlp.GrpcCollector("14", "retry:8:0.05") as collector, whorl.Server.start(
            "-f", hello, env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.url} | slow | GRPC) as server:
        server.get("/status/200")
        assert server.stop() == 0
        assert len(collector.spans(2)) == 2
        assert [call.split()[1] for call in collector.calls] == ["14", "retry:8:0.05", "0"]


@pytest.mark.parametrize("status", ["3", "7", "8", "12", "16"])
def test_calls_that_were_refused_for_good_are_not(hello, status):
    with otlp.GrpcCollector(status) as collector, whorl.Server.start(
            "-f", hello, env={"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.url} | FAST | GRPC) as server:
        server.get("/status/200")
        assert server.err.wait_for(rf"2 of 2 spans did not get to http://\S+: the call ended with status {status} "
                                   r"\(not now: it is said with an ä and 100 %\)"), server.err.text
        server.get("/status/200")
        assert len(collector.spans(2)) == 2


def test_a_collector_that_does_not_speak_http2(hello):
    with otlp.Collector() as collector, whorl.Server.start("-f", hello, env=to(
            collector, OTEL_EXPORTER_OTLP_TIMEOUT="300") | GRPC) as server:
        assert server.get("/status/200").status == 200
        assert server.err.wait_for(r"spans did not get to http://127\.0\.0\.1:\d+/opentelemetry\.proto\.collector\.trace"), \
            server.err.text
        assert server.stop() == 0


def test_without_an_endpoint_nothing_is_injected(app):
    with whorl.Server.start("-f", app(FETCH, "fetch"), env={"OTEL_SDK_DISABLED": ""}) as server, \
            whorl.Server.start("-f", whorl.guest("multi")) as other:
        url = f"http://127.0.0.1:{other.port}/seen"
        answer = server.get("/fetch", [("x-url", url), ("traceparent", f"00-{TRACE}-{PARENT}-01")])
        assert b"traceparent" not in answer.body


OTEL = """
[[trigger.http]]
route = "/..."
component = "otel"
[component.otel]
source = "otel.wasm"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
"""


@pytest.fixture
def guest(app):
    """A server whose guest records itself, with a collector."""
    with otlp.Collector() as collector, whorl.Server.start(
            "-f", app(OTEL, "otel"), "--experimental-wasi-otel", env=to(collector)) as server:
        yield server, collector


def by_name(spans: list[dict]) -> dict[str, dict]:
    return {span["name"]: span for span in spans}


def test_spans_of_guests_are_below_the_hosts(guest):
    """Spin's nested-spans: both spans in the trace of the request, below execute_wasm_component."""
    server, collector = guest
    server.get("/nested")
    spans = by_name(collector.spans(4))
    work, outside, inside = (spans[name] for name in ("execute_wasm_component otel", "outer_func", "inner_func"))
    assert len({span["trace_id"] for span in spans.values()}) == 1
    assert (outside["parent"], inside["parent"]) == (work["span_id"], outside["span_id"])
    assert {span["scope"] for span in (outside, inside)} == {"guest-scope"}
    assert outside["resource"] == {"service.name": "spin"}


def test_the_hosts_spans_are_below_those_that_a_guest_has_open(guest):
    """Spin's host-guest-host."""
    server, collector = guest
    with whorl.Server.start("-f", whorl.guest("multi")) as other:
        assert server.get("/fetch", [("x-authority", f"127.0.0.1:{other.port}")]).body == b"done"
    spans = by_name(collector.spans(4))
    assert spans["guest"]["parent"] == spans["execute_wasm_component otel"]["span_id"]
    assert spans["GET"]["parent"] == spans["guest"]["span_id"]


def test_a_span_with_everything(guest):
    """Spin's setting-attributes, events and links."""
    server, collector = guest
    server.get("/all")
    spans = by_name(collector.spans(3))
    span, work = spans["everything"], spans["execute_wasm_component otel"]
    assert otlp.attributes(span) == {"foo": "baz", "qux": ["qaz", "thud"], "number": -7, "real": 0.5, "yes": True}
    assert [(event["name"], event["time"], otlp.attributes(event)) for event in span["events"]] == [
        ("basic-event", 1700000000 * 10**9 + 1, {}), ("event-with-attributes", 1700000000 * 10**9 + 2, {"foo": True})]
    (link,) = span["links"]
    assert (link["trace_id"], link["span_id"], otlp.attributes(link)) == (work["trace_id"], work["span_id"], {"foo": "bar"})
    assert (span["status"], span["kind"]) == ({"message": "why", "code": 2}, 1)
    assert [span[f"dropped_{what}"] for what in ("attributes", "events", "links")] == [1, 2, 3]


def test_the_context_that_guests_see(guest):
    server, collector = guest
    answer = server.get("/outer", [("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "v=1,w=2")]).body.decode()
    work = by_name(collector.spans(2))["execute_wasm_component otel"]
    assert answer == f"{TRACE} {work['span_id']} sampled local v=1 w=2"
    # A span that is never ended is none, and the next request knows nothing of it.
    server.get("/open")
    assert {span["name"] for span in collector.spans(4)} == {"GET /...", "execute_wasm_component otel"}
    assert server.get("/outer").status == 200


def test_log_records_of_guests(guest):
    server, collector = guest
    server.get("/log")
    (log,) = collector.logs(1)
    assert (log["body"], log["severity"], log["severity_text"], log["event_name"], log["time"], log["scope"]) == (
        {"string": "said"}, 13, "WARN", "happened", 1700000000 * 10**9 + 5, "guest-scope")
    assert otlp.attributes(log) == {"foo": "bar"}


def test_metrics_of_guests(guest):
    server, collector = guest
    assert server.get("/metrics").body == b"taken"
    metrics = collector.metrics(lambda found: "guest.count" in found)
    (count,) = metrics["guest.count"]["sum"]["points"]
    assert (count["int"], otlp.attributes(count), metrics["guest.count"]["sum"]["temporality"]) == (42, {"foo": "bar"}, 2)
    assert metrics["guest.count"]["sum"]["is_monotonic"] and metrics["guest.count"]["unit"] == "1"
    (exemplar,) = count["exemplars"]
    assert (exemplar["int"], exemplar["span_id"], exemplar["trace_id"]) == (3, "00000000000000a1", TRACE)
    (height,) = metrics["guest.height"]["gauge"]["points"]
    assert height["double"] == 0.5
    (size,) = metrics["guest.size"]["histogram"]["points"]
    assert (size["count"], size["sum"], size["buckets"], size["bounds"], size["min"]) == (3, 9.0, [1, 0, 2], [1.0, 2.0], -1.0)
    (spread,) = metrics["guest.spread"]["exponential"]["points"]
    assert (spread["scale"], spread["positive"], spread["zero_threshold"], spread["max"]) == (
        -2, {"offset": -1, "counts": [1, 0, 2]}, 0.25, 8.0)
    assert metrics["guest.count"]["resource"] == {"service.name": "theirs"}


def test_guests_that_emit_without_end(guest):
    server, collector = guest
    assert server.get("/many").status == 500  # they were not started
    assert server.err.wait_for("Trying to end a span that was not started")
    server.get("/large")
    assert server.get("/nested").status == 200
    assert "inner_func" in {span["name"] for span in collector.spans(8)}


def test_without_an_exporter_calls_do_nothing(app):
    with whorl.Server.start("-f", app(OTEL, "otel"), "--experimental-wasi-otel") as server:
        assert server.err.wait_for("no OTEL_EXPORTER_OTLP_ENDPOINT")
        assert server.get("/outer").body == b"0" * 32 + b" " + b"0" * 16 + b" not local"
        assert server.get("/metrics").body == b"taken"
        for path in ("/nested", "/all", "/log", "/many"):
            assert server.get(path).status == 200


def test_wasi_otel_is_not_offered_unasked(app):
    result = whorl.run("up", "-f", app(OTEL, "otel"), "--listen", "127.0.0.1:0")
    assert (result.returncode, "wasi:otel/" in result.stderr) == (1, True), result.stderr


CHAIN = """
[[trigger.http]]
route = "/..."
component = "fetch"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = ["http://multi.spin.internal"]
[[trigger.http]]
route = { private = true }
component = "multi"
[component.multi]
source = "multi.wasm"
"""


def test_a_component_that_another_one_calls_has_its_span(app):
    """As in Spin: no server span, execute_wasm_component below the caller's client span."""
    with otlp.Collector() as collector, whorl.Server.start("-f", app(CHAIN, "fetch", "multi"), env=to(collector)) as server:
        answer = server.get("/x", [("x-url", "http://multi.spin.internal/log"), ("traceparent", f"00-{TRACE}-{PARENT}-01")])
        assert answer.status == 200
        spans = by_name(collector.spans(4))
        assert set(spans) == {"GET /...", "execute_wasm_component fetch", "GET", "execute_wasm_component multi"}
        caller, call, callee = (spans[name] for name in (
            "execute_wasm_component fetch", "GET", "execute_wasm_component multi"))
        assert {span["trace_id"] for span in spans.values()} == {TRACE}
        assert (call["parent"], callee["parent"], callee["kind"]) == (caller["span_id"], call["span_id"], 1)
        assert otlp.attributes(callee) == {"component_id": "multi"}
        # What the callee prints belongs to its own span.
        assert {(log["trace_id"], log["span_id"]) for log in collector.logs(1)} == {(TRACE, callee["span_id"])}
        points = collector.metrics(lambda found: len(found.get("spin.request_count", {"sum": {"points": []}})["sum"]["points"]) == 2)
        assert {otlp.attributes(point)["component_id"] for point in points["spin.request_count"]["sum"]["points"]} == {"fetch", "multi"}
