"""Every way in which a request can end, many times over: afterwards nothing is counted as under way, and every place is free.

Instances of WASI 0.3, made for one request each or shared; over HTTP/1 and HTTP/2.
"""

import concurrent.futures
import contextlib
import re
import socket
import struct
import time

import pytest
import rude
import whorl
from p3_guests import build
from test_telemetry import METRICS, scrape

PLACES = 8
ROUNDS = 12
AWAY, HERE = "/two.spin.internal", "/one.spin.internal"
REUSE = ("--max-instance-reuse-count", "40", "--max-instance-concurrent-reuse-count", "8", "--idle-instance-timeout", "50ms")


# --- HTTP/1 -----------------------------------------------------------------------------------------------------------------

def post(path, body=b"", length=None, more=b""):
    framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    return b"POST %s HTTP/1.1\r\nhost: h\r\n%s\r\n%s\r\n%s" % (path.encode(), framing, more, body)


def get(path, method="GET", more=b""):
    return b"%s %s HTTP/1.1\r\nhost: h\r\n%s\r\n" % (method.encode(), path.encode(), more)


CHUNK = b"3\r\nabc\r\n"
SENT = [
    get("/never")[:20], get("/never"), get("/drip/1000"), get("/big/3000000"), get("/big/3000000", "HEAD"), get("/after"), get("/error"),
    get("/silent"), get("/trap"), get("/late-trap"), get("/loop"), get("/deadlock"), get("/count") * 3, get("/drip/2") + get("/never"),
    get("/trap") + get("/count"), get("/count", more=b"connection: close\r\n"), get("/fan/4" + AWAY), get("/fan/3" + HERE),
    get("/forward/nobody.spin.internal"),
    post("/echo", CHUNK), post("/echo", CHUNK + b"0\r\n\r\n"), post("/echo", CHUNK + b"0\r\nx-t: 1"), post("/echo", CHUNK + b"zz\r\n"),
    post("/echo", b"abc", 10), post("/echo", b"a" * 300_000, 300_000), post("/early", CHUNK), post("/early", b"a" * 1000, 5000),
    post("/count", b"a" * 1000, 5_000_000), post("/trap", CHUNK), post("/never", b"a" * 200_000, 10_000_000),
    post("/late-trap", b"abc", 10), post("/forward" + AWAY, CHUNK), post("/forward" + AWAY, b"a" * 400_000, 500_000),
    post("/forward" + HERE, CHUNK + b"0\r\n\r\n"), post("/relay", CHUNK), post("/echo", b"", 10, b"expect: 100-continue\r\n"),
]


def leave(link, way):
    """Leaves politely, halfway, or with a reset."""
    if way == 1:
        link.shutdown(socket.SHUT_WR)
        link.recv(1000)
    elif way == 2:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def by_http1(port, number):
    data, way, reads = SENT[number % len(SENT)], number // len(SENT) % 3, number // len(SENT) % 2
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as link:
        link.sendall(data)
        link.settimeout(0.05)
        if reads:
            with contextlib.suppress(TimeoutError):
                link.recv(100_000)
        leave(link, way)


# --- HTTP/2 -----------------------------------------------------------------------------------------------------------------

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def head(stream, path, ends, method=b"\x83"):
    """A request's head, its fields as literals: ":method: POST", ":scheme: http", path and authority."""
    block = method + b"\x86" + b"\x04" + bytes([len(path)]) + path.encode() + b"\x01\x01h"
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block)


def by_http2(port, number):
    paths = ["/never", "/drip/1000", "/big/3000000", "/trap", "/late-trap", "/loop", "/echo", "/early", "/after", "/count", "/silent",
             "/forward" + AWAY, "/fan/4" + AWAY, "/relay"]
    path, way = paths[number % len(paths)], number // len(paths) % 6
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as link:
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + head(1, path, way == 0))
        link.settimeout(0.05)
        if way >= 2:
            link.sendall(frame(DATA, 0, 1, b"x" * 1000) + head(3, path, True, b"\x82"))
        if number % 2:
            with contextlib.suppress(TimeoutError):
                link.recv(100_000)
        if way == 3:
            link.sendall(frame(RESET, 0, 1, b"\0\0\0\x08") + frame(RESET, 0, 3, b"\0\0\0\x08") + frame(PING, 0, 0, b"12345678"))
        elif way == 4:
            link.sendall(frame(GOAWAY, 0, 0, b"\0" * 8) + frame(DATA, END_STREAM, 1, b"x"))
        elif way == 5:
            link.sendall(frame(DATA, 0, 3, b"on a stream that has ended"))
        with contextlib.suppress(TimeoutError):
            link.recv(100_000)
        leave(link, number % 3)


# --- afterwards ---------------------------------------------------------------------------------------------------------------

def under_way(port):
    return {name: value for name, value in scrape(port).items()
            if re.match(r"whorl_(events_active|events_waiting|http_requests_active|guests_queued)", name) and value != 0}


def alive(port):
    """Instances that were made and not dropped."""
    seen = scrape(port)
    return sum(value * (1 if "_started_" in name else -1) for name, value in seen.items()
               if name.startswith(("whorl_instances_started_total", "whorl_instances_dropped_total")))


def settles(check, wanted):
    deadline = time.monotonic() + 60
    while (seen := check()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == wanted


def wave(server, by, count):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: by(server.port, number), range(count)))


@pytest.mark.parametrize("reuse", [(), REUSE], ids=["fresh", "shared"])
def test_everything_is_given_back(reuse, tmp_path_factory, tmp_path):
    component = build(tmp_path_factory.mktemp("p3"), "multi3")
    text = ""
    for name in ("one", "two"):
        text += f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n[component.{name}]\nsource = "{component}"\n'
        text += 'allowed_outbound_hosts = ["http://*.spin.internal"]\n'
    text += '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n'
    limits = ("--max-request-cpu", "100ms", "--max-response-delay", "1s", "--max-component-instances", str(PLACES),
              "--max-queued-requests", "100", "--drain-timeout", "600s")
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text), *limits, *reuse, "--quiet",
                            "--metrics-listen", "127.0.0.1:0", env={"MALLOC_PERTURB_": "165"}) as server:
        port = int(server.err.wait_for(METRICS).group(1))
        for by, count in ((by_http1, ROUNDS * len(SENT)), (by_http2, ROUNDS * 14 * 3)):
            wave(server, by, count)
            settles(lambda: under_way(port), {})
        seed = rude.run(server, ["/count", "/echo", "/early", "/forward" + AWAY, "/trap", "/big/300000"])
        settles(lambda: under_way(port), {})
        if reuse:
            settles(lambda: alive(port), 0)
        # As many at once as there may be, each seen to be under way.
        with contextlib.ExitStack() as stack:
            links = [stack.enter_context(server.connect()) for _ in range(PLACES)]
            for link in links:
                link.request("GET", "/drip/1000")
            for link in links:
                assert link.head().status == 200, f"seed {seed}"
            assert scrape(port)['whorl_events_active{component="one"}'] == PLACES
        settles(lambda: under_way(port), {})
        assert server.stop(timeout=60) == 0
