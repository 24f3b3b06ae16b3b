"""Bodies that are longer than any buffer, in both directions, with memory that stays where it was."""

import hashlib
import threading
import time

import pytest
import whorl

MIB = 1 << 20


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def send_and_receive(connection, total: int, headers: bytes = b"") -> tuple[int, str, str]:
    """Sends `total` bytes while reading the answer; returns the answer's size and both digests."""
    piece = pattern(251 * 1024)
    sent, received = hashlib.sha256(), hashlib.sha256()
    connection.send(b"POST / HTTP/1.1\r\nHost: h\r\n%bContent-Length: %d\r\n\r\n" % (headers, total))

    def feed():
        left = total
        while left:
            part = piece[:left]
            connection.send(part)
            sent.update(part)
            left -= len(part)

    feeder = threading.Thread(target=feed)
    feeder.start()
    response, size = connection.head(), 0
    assert response.status == 200
    if response.header("content-length") is not None:
        left = int(response.header("content-length"))
        while left:
            part = connection.take(min(left, 65536))
            received.update(part)
            size += len(part)
            left -= len(part)
    else:
        while length := int(connection.line().split(";")[0], 16):
            received.update(connection.take(length))
            connection.take(2)
            size += length
        connection.fields()
    feeder.join()
    return size, sent.hexdigest(), received.hexdigest()


def test_64_mib_pass_through_the_echo_with_bounded_memory():
    with whorl.Server.start("-f", whorl.guest("echo"), "--threads", "1") as server:
        with server.connect() as connection:
            send_and_receive(connection, MIB)  # pages that any request touches
        before = server.status_kib("VmHWM")
        with server.connect() as connection:
            size, sent, received = send_and_receive(connection, 64 * MIB, b"Content-Type: a/b\r\n")
        assert (size, received) == (64 * MIB, sent)
        assert server.status_kib("VmHWM") - before <= 4096, "KiB more at the peak"


def test_the_content_type_is_passed_on(echo):
    assert echo.post("/", b"x", [("Content-Type", "text/x-test")]).header("content-type") == "text/x-test"


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 1000003])
def test_sizes_around_buffers(echo, size):
    assert echo.post("/", pattern(size)).body == pattern(size)


@pytest.mark.parametrize("size", [1, 2047, 2048, 16064, 65536, 10 * MIB])
def test_big_responses(multi, size):
    assert multi.get(f"/big/{size}").body == pattern(size)


def test_a_slow_reader_stops_the_guest_and_not_the_server():
    """The guest would send 200 MiB; the client reads nothing for a while: no buffer may take it all."""
    with whorl.Server.start("-f", whorl.guest("multi"), "--threads", "1") as server:
        server.get("/big/1000000")
        before = server.status_kib("VmHWM")
        with server.connect(receive_buffer=65536) as slow:
            slow.request("GET", f"/big/{200 * MIB}")
            slow.take(1000)
            for _ in range(20):
                assert server.get("/status/200").status == 200
                time.sleep(0.02)
            assert server.status_kib("VmHWM") - before <= 4096


def test_bytes_arrive_as_the_guest_sends_them(multi):
    with multi.connect() as connection:
        connection.request("GET", "/drip/4")
        connection.head()
        times = []
        for _ in range(4):
            connection.line()
            connection.take(3)
            times.append(time.monotonic())
        assert times[-1] - times[0] >= 0.1, "three waits of 50 ms lie between the first and the last byte"


def test_the_echo_answers_while_the_client_still_sends(echo):
    with echo.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        response = connection.head()
        assert response.status == 200
        assert connection.line() == "3" and connection.take(5) == b"one\r\n"
        connection.send(b"3\r\ntwo\r\n")
        assert connection.line() == "3" and connection.take(5) == b"two\r\n"
        connection.send(b"0\r\n\r\n")
        assert connection.line() == "0"
