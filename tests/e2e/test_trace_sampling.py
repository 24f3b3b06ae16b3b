"""How many traces are recorded: all while they are few, and no more than the bound when they are many (ADR 56)."""

import http.client
import time

import otlp
import pytest
import whorl
from test_otel import FAST, PARENT, TRACE, hello, to  # noqa: F401
from test_telemetry import METRICS, scrape, until

LEFT_OUT = "whorl_traces_left_out_total"


def ask(server, count: int, path: str = "/status/200", **fields: str) -> float:
    """Requests on one connection. How long they took, seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    begin = time.monotonic()
    for _ in range(count):
        connection.request("GET", path, headers=fields)
        connection.getresponse().read()
    connection.close()
    return time.monotonic() - begin


def start(hello, collector, **more: str):  # noqa: F811
    return whorl.Server.start("-f", hello, "--metrics-listen", "127.0.0.1:0", "--threads", "2",
                              env=to(collector, OTEL_BSP_MAX_QUEUE_SIZE="100000", **more))


def port_of_metrics(server) -> int:
    return int(server.err.wait_for(METRICS).group(1))


def exported(port: int, count: int) -> dict[str, float]:
    """The counters, once so many spans have got to the collector."""
    return until(lambda: (m := scrape(port))['whorl_otlp_exported_total{signal="traces"}'] >= count and m)


def test_few_requests_are_all_traced(hello):  # noqa: F811
    with otlp.Collector() as collector, start(hello, collector) as server:
        port = port_of_metrics(server)
        ask(server, 300)
        seen = exported(port, 600)
        assert (seen[f'{LEFT_OUT}{{of="new"}}'], seen[f'{LEFT_OUT}{{of="caller"}}']) == (0, 0)
        assert len({span["trace_id"] for span in collector.spans(600)}) == 300


def test_no_more_than_the_bound(hello):  # noqa: F811
    with otlp.Collector() as collector, start(
            hello, collector, OTEL_TRACES_SAMPLER="parentbased_rate_limited", OTEL_TRACES_SAMPLER_ARG="20") as server:
        port = port_of_metrics(server)
        took = ask(server, 500)
        most = 20 * (took + 1) + 1
        seen = until(lambda: (m := scrape(port))[f'{LEFT_OUT}{{of="new"}}'] >= 500 - most and m)
        assert server.err.wait_for(r"\d+ traces were left out: 20 new ones a second are recorded, 100 that callers record "
                                   r"\(OTEL_TRACES_SAMPLER=parentbased_always_on records all")
        # What fails is recorded all the same, under a bound of its own.
        took = ask(server, 100, "/trap")
        recorded = int(500 - seen[f'{LEFT_OUT}{{of="new"}}'])
        assert 20 <= recorded <= most
        spans = collector.spans(2 * recorded + 2 * 20)
        failed = [span for span in spans if span["kind"] == 2 and otlp.attributes(span)["http.response.status_code"] == 500]
        assert 20 <= len(failed)
        assert {otlp.attributes(span)["url.path"] for span in failed} == {"/trap"}
        assert all(span["status"]["code"] == 2 and otlp.attributes(span)["error.type"] == "unreachable" for span in failed)
        # Each counted once: recorded or left out.
        total = until(lambda: (m := scrape(port))[f'{LEFT_OUT}{{of="new"}}'] + m['whorl_otlp_exported_total{signal="traces"}'] / 2
                      == 600 and m)
        assert 100 - (total[f'{LEFT_OUT}{{of="new"}}'] - seen[f'{LEFT_OUT}{{of="new"}}']) <= 40 * (took + 1) + 2


def test_what_callers_decided_is_kept(hello):  # noqa: F811
    with otlp.Collector() as collector, start(
            hello, collector, OTEL_TRACES_SAMPLER="parentbased_rate_limited", OTEL_TRACES_SAMPLER_ARG="2") as server:
        port = port_of_metrics(server)
        ask(server, 50)  # no room for new ones any more
        until(lambda: scrape(port)[f'{LEFT_OUT}{{of="new"}}'] > 0)
        ask(server, 10, "/status/201", traceparent=f"00-{TRACE}-{PARENT}-01")
        ask(server, 10, "/status/202", traceparent=f"00-{TRACE}-{PARENT}-00")
        took = ask(server, 200, "/status/203", traceparent=f"00-{TRACE}-{PARENT}-01")
        of_callers = until(lambda: (m := scrape(port)[f'{LEFT_OUT}{{of="caller"}}']) >= 200 - 10 * (took + 1) - 1 and m)
        assert of_callers <= 200

        def count(spans: list[dict], status: int) -> int:
            return sum(otlp.attributes(span).get("http.response.status_code") == status for span in spans if span["kind"] == 2)

        spans = until(lambda: (found := collector.spans(2)) and count(found, 201) == 10 and found)
        assert count(spans, 202) == 0


@pytest.mark.parametrize("sampler", ["always_on", "parentbased_always_on"])
def test_all_of_them_where_that_is_asked_for(hello, sampler):  # noqa: F811
    with otlp.Collector() as collector, start(hello, collector, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG="1") as server:
        port = port_of_metrics(server)
        ask(server, 1500)
        ask(server, 500, traceparent=f"00-{TRACE}-{PARENT}-01")
        seen = exported(port, 4000)
        assert seen['whorl_otlp_dropped_total{signal="traces"}'] == 0
        assert not any(name.startswith(LEFT_OUT) for name in seen)
