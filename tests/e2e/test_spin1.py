"""Guests of Spin 1: modules of 2022 as they were built then, and the buffered HTTP of their time."""

import os
import pathlib

import pytest
import whorl

SUITES = pathlib.Path(os.environ.get("WHORL_SUITES", whorl.ROOT.parent / "shared" / "suites"))
LEGACY = SUITES / "spin" / "tests" / "testcases" / "legacy-apps-test"
REDIRECT = SUITES / "spin" / "docs" / "modules" / "redirect.wasm"
needs_legacy = pytest.mark.skipif(not LEGACY.exists(), reason=f"NO SUITE: {LEGACY} (WHORL_SUITES)")
needs_redirect = pytest.mark.skipif(not REDIRECT.exists(), reason=f"NO SUITE: {REDIRECT} (WHORL_SUITES)")


@needs_legacy
def test_the_modules_of_2022_answer_as_they_did(tmp_path):
    with whorl.Server.start("-f", LEGACY / "spin.toml", "--state-dir", tmp_path) as server:
        for route, text in [
            ("golang", b"Hello Fermyon!\n"),
            ("rust", b"Hello, Fermyon"),
            ("javascript", b"Hello from JS-SDK"),
            ("typescript", b"Hello from TS-SDK"),
        ]:
            for _ in range(3):  # instances that were put back too
                answer = server.get(f"/{route}")
                assert (answer.status, answer.body) == (200, text), route


@needs_redirect
def test_the_redirect_of_tinygo(tmp_path):
    folder = whorl.manifest(tmp_path, f"""[[trigger.http]]
route = "/..."
component = "redirect"
[component.redirect]
source = "{REDIRECT}"
variables = {{ destination = "/there" }}
""")
    with whorl.Server.start("-f", folder) as server:
        answer = server.get("/x")
        assert (answer.status, answer.header("location")) == (302, "/there")


MANIFEST = """[[trigger.http]]
route = "/base/..."
component = "old"
[[trigger.http]]
route = "/target"
component = "hello"
[component.old]
source = "old.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["http://self"]
variables = { v = "value" }
[component.hello]
source = "hello.wasm"
"""


@pytest.fixture
def old(app):
    with whorl.Server.start("-f", app(MANIFEST, "old", "hello")) as server:
        yield server


def ask(server, what: str, body: bytes = b"", method: str = "POST"):
    return whorl.exchange(server.port, method, f"/base/{what}", [("x-a", "b")], body)


def test_what_a_handler_is_given(old):
    lines = ask(old, "request?q=1", b"abc").body.decode().splitlines()
    assert lines[0] == "method 1 uri /base/request?q=1 params 0 body 3 abc"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert headers["x-a"] == "b"
    assert headers["spin-path-info"] == "/request"
    assert "host" in headers
    assert "connection" not in headers


@pytest.mark.parametrize("method, status", [("GET", 200), ("OPTIONS", 200), ("TRACE", 405), ("get", 405)])
def test_methods(old, method, status):
    assert ask(old, "request", method=method).status == status


@pytest.mark.parametrize("what, status", [("status/600", 600), ("status/99", 500), ("status/601", 500), ("nothing", 200)])
def test_answers(old, what, status):
    answer = ask(old, what)
    assert (answer.status, answer.complete) == (status, True)


@pytest.mark.parametrize(
    "what, text",
    [
        ("config/v", "value"),
        ("config/unknown", "error "),
        ("kv/k", "value of k"),
        ("kv-no-such/k", "error 2"),
        ("http/target", "200 Hello, World! You asked for /target"),
        ("http-denied", "error 1"),
        ("http-invalid", "error 1"),
        ("redis", "error 1"),
        ("pg", "error 1"),
    ],
)
def test_imports_of_their_own_names(old, what, text):
    assert ask(old, what).body.decode().strip().startswith(text)


def test_a_body_that_is_cut_short(old):
    with old.connect() as connection:
        connection.send(b"POST /base/request HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        connection.socket.shutdown(1)
        assert connection.is_closed() or connection.head().status == 400
    assert ask(old, "request").status == 200
