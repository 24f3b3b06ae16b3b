"""SIGTERM under load: what was accepted is answered.

WHORL_SIGTERMS is how often; the full count is

    WHORL_SIGTERMS=1000 python3 -m pytest tests/e2e/test_drain.py -k under_load
"""

import http.client
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
import whorl


class Visitor(threading.Thread):
    """Asks again and again until the server is gone, on one connection as long as it is kept."""

    def __init__(self, port, path):
        super().__init__(daemon=True)
        self.port, self.path = port, path
        self.answered, self.failures = 0, []
        self.leaves = False  # set by others: makes no further request

    def run(self):
        connection = None
        while not self.leaves:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                try:
                    connection.connect()
                except ConnectionError:
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


def test_requests_that_were_accepted_never_fail_under_load():
    answered, failures = 0, []
    for number in range(int(os.environ.get("WHORL_SIGTERMS", "20"))):
        with whorl.Server.start("-f", whorl.guest("multi")) as server:
            visitors = [Visitor(server.port, path) for path in ("/status/200", "/sleep/30", "/drip/2") for _ in range(3)]
            for visitor in visitors:
                visitor.start()
            time.sleep(0.05)
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
