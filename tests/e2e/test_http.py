"""HTTP/1.1 through a guest: framing both ways, trailers, pipelining, and what is refused."""

import pytest
import whorl


def test_only_protocol_headers_are_added(multi):
    response = multi.get("/big/3")
    assert response.body == b"\0\1\2"
    assert {k.lower() for k, _ in response.headers} <= {"date", "content-length", "transfer-encoding", "connection"}
    assert response.header("date")


def test_head_has_no_body_and_the_connection_stays(multi):
    with multi.connect() as connection:
        connection.request("HEAD", "/big/100000")
        assert connection.response("HEAD").status == 200
        connection.request("GET", "/status/202")
        assert connection.response().status == 202


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO", "get", "PROPFIND"])
def test_any_method_reaches_the_guest(multi, method):
    assert whorl.exchange(multi.port, method, "/show").body.startswith(f"{method} /show\n".encode())


def test_a_chunked_request(multi):
    with multi.connect() as connection:
        connection.send(b"POST /show HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"5\r\nhello\r\n1;ext=1\r\n \r\n0A\r\n0123456789\r\n0\r\n\r\n")
        assert b"\nbody: 16\n" in connection.response().body


def test_a_request_in_single_bytes(multi):
    with multi.connect() as connection:
        for byte in b"POST /show HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            connection.send(bytes([byte]))
        assert b"\nbody: 3\n" in connection.response().body


def test_trailers_of_the_request_reach_the_guest(multi):
    with multi.connect() as connection:
        connection.send(b"POST /show HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
                        b"2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n")
        assert b"\nbody: 2\ntrailer x-sum: 42\n" in connection.response().body


def test_trailers_of_the_guest_reach_the_client(multi):
    response = whorl.exchange(multi.port, "GET", "/trailers", [("TE", "trailers")])
    assert response.body == b"body\n"
    assert response.trailers == [("x-first", "one"), ("x-second", "two")]


def test_trailers_pass_through_the_echo(echo):
    with echo.connect() as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"2\r\nhi\r\n0\r\nx-sum: 42\r\n\r\n")
        response = connection.response()
        assert (response.body, response.trailers) == (b"hi", [("x-sum", "42")])


def test_pipelined_requests_are_answered_in_order(multi):
    paths = [f"/big/{n}" for n in (10, 70000, 0, 1, 5)]
    with multi.connect() as connection:
        connection.send(b"".join(f"GET {p} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for p in paths))
        assert [len(connection.response().body) for _ in paths] == [10, 70000, 0, 1, 5]


def test_pipelined_requests_with_bodies(echo):
    with echo.connect() as connection:
        connection.send(b"".join(
            b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (n, b"x" * n) for n in (3, 0, 9)))
        assert [connection.response().body for _ in range(3)] == [b"xxx", b"", b"x" * 9]


def test_an_answer_before_the_body_is_read(multi):
    with multi.connect() as connection:
        connection.send(b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
        assert connection.response().body == b"done before the body\n"


def test_expect_continue(multi):
    with multi.connect() as connection:
        connection.send(b"POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.head().status == 100
        connection.send(b"ok")
        assert b"\nbody: 2\n" in connection.response().body


def test_http_1_0_closes(multi):
    with multi.connect() as connection:
        connection.send(b"GET /big/5 HTTP/1.0\r\nHost: h\r\n\r\n")
        response = connection.response()
        assert response.body == bytes(range(5))
        assert response.header("transfer-encoding") is None
        assert connection.is_closed()


def test_connection_close_is_honoured(multi):
    with multi.connect() as connection:
        connection.request("GET", "/status/200", [("Connection", "close")])
        assert connection.response().header("connection") == "close"
        assert connection.is_closed()


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 418, 503, 599])
def test_the_guests_status_is_kept(multi, status):
    response = multi.get(f"/status/{status}")
    assert (response.status, response.body, response.complete) == (status, b"", True)


@pytest.mark.parametrize("wanted,request_bytes", [
    (400, b"GARBAGE\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n folded\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"),
    (400, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (414, b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: h\r\n\r\n"),
    (431, b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X-Filler: " + b"a" * 900000 + b"\r\n\r\n"),
])
def test_what_is_refused(multi, wanted, request_bytes):
    with multi.connect() as connection:
        try:
            connection.send(request_bytes)
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server need not read a request to its end to refuse it
        assert connection.response().status == wanted


def test_a_bad_chunk_ends_the_request(multi):
    with multi.connect() as connection:
        connection.send(b"POST /show HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        try:
            response = connection.response()
            assert response.status == 400 or b"broken body" in response.body
        except whorl.Cut:
            pass
        assert connection.is_closed()
    assert multi.get("/status/200").status == 200


def test_a_client_that_leaves_hurts_nobody(multi):
    for data in (b"", b"GET ", b"GET / HTTP/1.1\r\nHost: h\r\n", b"POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
                 b"GET /big/50000000 HTTP/1.1\r\nHost: h\r\n\r\n", b"GET /drip/100 HTTP/1.1\r\nHost: h\r\n\r\n"):
        for _ in range(5):
            with multi.connect() as connection:
                connection.send(data)
    assert multi.get("/status/200").status == 200
