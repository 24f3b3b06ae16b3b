"""A service of WASI 0.3.2, of the bindings alone (tests/guests/rust/wasi3): later versions of 0.3 are served as 0.3.0.

It gives body and trailers back to the host without a look at them, in its answer and in a request of its own.
"""

import os

import pytest
import toolchains
import whorl


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    component = toolchains.built("rust-wasi3", tmp_path_factory.mktemp("rust"))
    text = f"""[[trigger.http]]
route = "/..."
component = "wasi3"
[component.wasi3]
source = "{component}"
allowed_outbound_hosts = ["http://127.0.0.1:*"]
"""
    with whorl.Server.start("-f", whorl.manifest(tmp_path_factory.mktemp("app"), text)) as running:
        yield running


@pytest.mark.parametrize("path", ["/echo", "/through"])
def test_a_long_body_comes_back(server, path):
    body = os.urandom(1_000_000)
    with server.connect() as connection:
        connection.send(head(server, path, f"Content-Length: {len(body)}") + body)
        answer = connection.read_body(connection.head())
    assert (answer.status, answer.complete, answer.body == body) == (200, True, True), server.err.text


@pytest.mark.parametrize("path", ["/echo", "/through"])
def test_a_body_and_its_trailers_come_back_while_they_are_sent(server, path):
    with server.connect() as connection:
        connection.send(head(server, path, "TE: trailers\r\nTransfer-Encoding: chunked") + b"3\r\none\r\n")
        assert connection.head().status == 200
        assert connection.line() == "3" and connection.take(5) == b"one\r\n"
        connection.send(b"3\r\ntwo\r\n0\r\nx-sum: 12\r\n\r\n")
        assert connection.line() == "3" and connection.take(5) == b"two\r\n"
        assert [connection.line() for _ in range(3)] == ["0", "x-sum: 12", ""]


def head(server: whorl.Server, path: str, more: str) -> bytes:
    """A request that says where it came, as its component asks there again."""
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{more}\r\n\r\n".encode()
