"""Rust guests of WASI 0.3 made with the Spin SDK (tests/guests/rust/sdk7): what its users write works as they expect."""

import os
import threading
import time

import pytest
import toolchains
import whorl

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def component(tmp_path_factory):
    return toolchains.built("rust-sdk7", tmp_path_factory.mktemp("rust"))


@pytest.fixture(scope="module")
def server(component, tmp_path_factory):
    text = ""
    for name in ("one", "two"):
        text += f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n'
        text += f'[component.{name}]\nsource = "{component}"\n'
        text += 'allowed_outbound_hosts = ["http://two.spin.internal", "http://self"]\n'
    text += '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n'
    with whorl.Server.start("-f", whorl.manifest(tmp_path_factory.mktemp("app"), text)) as running:
        yield running


def test_hello(server):
    answer = server.get("/hello?there")
    assert (answer.status, answer.body) == (200, b"Rust SDK 7 /hello?there\n")


def test_a_body_comes_back_while_it_is_sent(server):
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        assert connection.head().status == 200
        assert connection.line() == "3" and connection.take(5) == b"one\r\n"
        connection.send(b"3\r\ntwo\r\n")
        assert connection.line() == "3" and connection.take(5) == b"two\r\n"
        connection.send(b"0\r\n\r\n")
        assert connection.line() == "0"


def test_a_large_body_comes_back_whole(server):
    body = os.urandom(MIB)

    def send(connection):
        connection.send(f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    with server.connect() as connection:
        sender = threading.Thread(target=send, args=(connection,))
        sender.start()
        assert connection.response().body == body
        sender.join()


def test_slow_chunks_arrive_one_by_one(server):
    with server.connect() as connection:
        connection.request("GET", "/slow/4")
        assert connection.head().status == 200
        times = []
        for i in range(4):
            assert connection.line() == "8"
            assert connection.take(10) == f"chunk {i}\n\r\n".encode()
            times.append(time.monotonic())
        assert times[-1] - times[0] >= 0.04, "three waits of 20 ms lie between the first and the last chunk"


def test_events(server):
    answer = server.get("/events/3")
    assert answer.header("content-type") == "text/event-stream"
    assert answer.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("authority", ["two.spin.internal", "self.alt"])
def test_ten_requests_at_once(server, authority):
    answer = server.get(f"/fan/10/{authority}")
    assert (answer.status, answer.body) == (200, b"10"), server.err.text


def test_what_is_not_granted_is_an_error(server):
    assert server.get("/fan/3/elsewhere.example").body == b"0"


def test_the_guest_sees_that_its_client_went_away(server):
    with server.connect() as connection:
        connection.request("GET", "/slow/1000")
        connection.head()
    assert server.err.wait_for("the client is gone\n")
