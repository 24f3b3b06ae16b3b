"""SIGTERM under load: what was accepted is answered.

WHORL_SIGTERMS is how often; the full count is

    WHORL_SIGTERMS=1000 python3 -m pytest tests/e2e/test_drain.py -k under_load
"""

import http.client
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import crowd as bad_clients
import pytest
import real_servers
import whorl


class Visitor(threading.Thread):
    """Asks again and again until the server is gone, on one connection as long as it is kept. @param tls  a context

    As every client with kept connections does (RFC 9112 9.5, 9.6) it looks whether one was ended before it asks on it: a thread
    that gets no CPU may be quiet for longer than a server that stops waits for it. Everything else is a failure."""

    def __init__(self, port, path, tls=None):
        super().__init__(daemon=True)
        self.port, self.path, self.tls = port, path, tls
        self.answered, self.failures = 0, []
        self.shut_out = 0  # the server left during the handshake
        self.ended_quiet = 0  # kept connections that the server ended while nothing was asked on them
        self.leaves = False  # set by others: makes no further request

    def run(self):
        connection = None
        while not self.leaves:
            if connection is not None and self.is_readable(connection.sock):
                connection.close()
                connection = None
                self.ended_quiet += 1
            if connection is None:
                connection = (http.client.HTTPConnection("127.0.0.1", self.port, timeout=20) if self.tls is None else
                              http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.tls))
                try:
                    connection.connect()
                except (ConnectionError, ssl.SSLError) as problem:
                    if self.tls is not None and not isinstance(problem, ConnectionRefusedError):
                        self.shut_out += 1  # without a handshake there is no request
                    return  # not accepted: nobody listens any more
                connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    self.answered += 1
                else:
                    self.failures.append((answer.status, body[:100], str(answer.headers)))
                    return
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as problem:
                self.failures.append(repr(problem))
                return

    @staticmethod
    def is_readable(sock):
        """Between two requests only an end makes it so: tickets come before the first answer."""
        return bool(select.select([sock], [], [], 0)[0])


class Http2Visitor(threading.Thread):
    """The same over HTTP/2, frame by frame: a request is failed that a goodbye has not passed over and that is not answered whole,
    and so is an end without a goodbye."""

    HEADERS, DATA, SETTINGS, GOAWAY = 1, 0, 4, 7
    ENDS, WHOLE, ACK = 1, 4, 1
    STATUS_200 = 0x88  # RFC 7541 appendix A

    def __init__(self, port, path, tls=None):
        super().__init__(daemon=True)
        self.port, self.tls = port, tls
        fields = [(b":method", b"GET"), (b":scheme", b"https" if tls else b"http"), (b":path", path.encode()), (b":authority", b"a.local")]
        self.head = b"".join(bad_clients.h2_literal(*field) for field in fields)
        self.answered, self.shut_out, self.failures = 0, 0, []
        self.ended_quiet = 0  # such an end would be no GOAWAY, and a failure
        self.leaves = False

    def run(self):
        while not self.leaves:
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
            except ConnectionError:
                return  # not accepted: nobody listens any more
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with self.tls.wrap_socket(connection) if self.tls else connection as stream:
                    self.talk(stream)
            except ssl.SSLError:
                self.shut_out += 1
                return
            except (OSError, EOFError) as problem:
                self.failures.append(repr(problem))
                return

    def talk(self, stream):
        stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bad_clients.frame(self.SETTINGS, 0, 0, b""))
        source, last_taken, status = stream.makefile("rb"), 1 << 31, 0
        for number in range(1, 1 << 30, 2):
            if self.leaves or last_taken < number:
                return
            stream.sendall(bad_clients.frame(self.HEADERS, self.ENDS | self.WHOLE, number, self.head))
            ended = False
            while not ended and last_taken >= number:
                kind, flags, of, payload = self.read(source)
                if kind == self.SETTINGS and not flags & self.ACK:
                    stream.sendall(bad_clients.frame(self.SETTINGS, self.ACK, 0, b""))
                elif kind == self.GOAWAY:
                    last_taken = int.from_bytes(payload[:4], "big")
                elif kind == self.HEADERS:
                    status = payload[0]
                elif kind not in (self.DATA, self.SETTINGS, 6, 8):
                    raise EOFError(f"frame {kind} {payload.hex()}")
                ended = of == number and kind in (self.HEADERS, self.DATA) and flags & self.ENDS
            if ended:
                self.answered += status == self.STATUS_200
                if status != self.STATUS_200:
                    raise EOFError(f"status {status:x}")

    @staticmethod
    def read(source):
        head = source.read(9)
        if len(head) < 9:
            raise EOFError("the connection ended without a goodbye, or a request was not answered")
        return head[3], head[4], int.from_bytes(head[5:9], "big"), source.read(int.from_bytes(head[:3], "big"))


def context_for(over, certificate):
    """Of the client; None without TLS."""
    if over in ("http", "h2c"):
        return None
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    context.set_alpn_protocols(["h2" if over == "h2" else "http/1.1"])
    return context


def crowd_over(over, port, certificate):
    kind = Http2Visitor if over.startswith("h2") else Visitor
    return [kind(port, path, context_for(over, certificate)) for path in ("/status/200", "/sleep/30", "/drip/2") for _ in range(3)]


@pytest.mark.parametrize("over", ["http", "tls", "h2c", "h2"])
def test_requests_that_were_accepted_never_fail_under_load(over, tmp_path):
    answered, failures = 0, []
    certificate, key = real_servers.make_certificate(tmp_path)
    flags = ("--tls-cert", certificate, "--tls-key", key) if over in ("tls", "h2") else ()
    times = int(os.environ.get("WHORL_SIGTERMS", "20" if over == "http" else "6"))
    for number in range(times):
        with whorl.Server.start("-f", whorl.guest("multi"), *flags) as server:
            visitors = crowd_over(over, server.port, certificate)
            for visitor in visitors:
                visitor.start()
            time.sleep(0.05 if over == "http" else 0.15)
            assert server.stop() == 0
            for visitor in visitors:
                visitor.join(20)
                assert not visitor.is_alive()
                answered += visitor.answered
                failures += visitor.failures
            assert not failures, f"stop {number}: {failures}\n{server.err.text[-2000:]}"
    assert answered > 0


def test_a_request_that_waits_for_its_component_is_answered():
    """The program serves before everything is ready; a stop in between must not cost the requests that wait."""
    for _ in range(15):
        with whorl.Server.start("-f", whorl.guest("multi")) as server:
            with server.connect() as early:
                early.request("GET", "/status/200")
                server.process.send_signal(signal.SIGTERM)
                assert early.response().status == 200
            assert server.process.wait(20) == 0


def test_http2_clients_are_told_and_answered():
    with whorl.Server.start("-f", whorl.guest("multi")) as server:
        url = f"http://127.0.0.1:{server.port}"
        command = ["curl", "-s", "--http2-prior-knowledge", "-w", "%{response_code} ", f"{url}/drip/20", f"{url}/status/200"]
        client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(0.4)
        server.process.send_signal(signal.SIGTERM)
        # The second request is made on a connection that is going away, or on none.
        assert client.communicate(timeout=20)[0].startswith("." * 20 + "200 ")
        assert server.process.wait(20) == 0


@pytest.mark.parametrize("limit,least,most", [("300ms", 0.2, 2.5), ("0", 0, 2)])
def test_the_deadline_can_be_chosen(limit, least, most):
    with whorl.Server.start("-f", whorl.guest("multi"), env={"WHORL_DRAIN_TIMEOUT": limit}) as server:
        with server.connect() as connection:
            connection.request("GET", "/sleep/60000")
            time.sleep(0.3)
            start = time.monotonic()
            assert server.stop() == 0
            assert least <= time.monotonic() - start < most


def test_a_second_signal_ends_at_once():
    with whorl.Server.start("-f", whorl.guest("multi"), "--drain-timeout", "60s") as server:
        with server.connect() as connection:
            connection.request("GET", "/sleep/60000")
            time.sleep(0.3)
            start = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert server.process.poll() is None
            assert server.stop() == 0
            assert time.monotonic() - start < 5
