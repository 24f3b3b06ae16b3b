"""What a guest of 0.2 notices of a client that leaves: writes fail, a body is cut; who does neither goes on.

Spin and `wasmtime serve` do the same (measured with this guest as a component, 2026-11-21). For guests of 0.3 see
test_p3.py and test_rust_p3.py.
"""

import time

import pytest
import whorl

HEAD = b"POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s"
NOTICED = [
    ("/write", b"", 0, "it cannot be written\n"),
    ("/read", b"xx", 100, "the body is cut\n"),
    ("/late", b"", 0, "it goes on\n(.|\n)*not written\n"),
    ("/silent", b"", 0, "it goes on\n"),
]


@pytest.fixture
def server():
    with whorl.Server.start("-f", whorl.guest("left")) as running:
        yield running


@pytest.mark.parametrize("path,body,length,line", NOTICED)
def test_what_a_guest_notices(server, path, body, length, line):
    with server.connect() as connection:
        connection.send(HEAD % (path.encode(), length, body))
        if path in ("/write", "/silent"):
            assert connection.head().status == 200
        else:
            time.sleep(0.1)  # the guest has begun
    assert server.err.wait_for(line), server.err.text
    assert server.post("/read", b"xx").body == b"read\n"


def test_a_request_that_is_whole_is_read_whole(server):
    assert server.post("/read", b"x" * 100_000).body == b"read\n"
    assert server.err.wait_for("the body is whole\n")
