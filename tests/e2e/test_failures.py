"""Guests that trap, loop, wait, bomb or misuse the interface: what the client gets, and that others go on."""

import threading
import time

import pytest
import whorl

LIMITS = ("--max-request-cpu", "300ms", "--max-response-delay", "2s", "--threads", "2")


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited")
    (folder / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    text = '[[trigger.http]]\nroute = "/..."\ncomponent = "culprit"\n[component.culprit]\nsource = "multi.wasm"\n'
    with whorl.Server.start("-f", whorl.manifest(folder, text), *LIMITS) as server:
        yield server


def assert_alive(server):
    assert server.get("/status/200").status == 200


def test_a_trap_is_a_500_and_the_log_says_who_why_and_where(limited):
    response = limited.get("/trap")
    assert (response.status, response.body) == (500, b"")
    assert limited.err.wait_for("unreachable")
    assert limited.err.wait_for("outer_function_that_traps")
    assert "culprit" in limited.err.text
    assert_alive(limited)


def test_a_stack_overflow_is_a_500(limited):
    assert limited.get("/deep").status == 500
    assert_alive(limited)


def test_a_trap_after_the_head_cuts_the_body(limited):
    with limited.connect() as connection:
        connection.request("GET", "/trap-late")
        response = connection.response()
        assert (response.status, response.body, response.complete) == (200, b"the beginning", False)
        assert connection.is_closed()
    assert_alive(limited)


@pytest.mark.parametrize("path", ["/loop", "/loop-calls"])
def test_a_guest_that_never_returns_is_ended_by_its_budget(limited, path):
    response = limited.get(path)
    assert (response.status, response.body) == (504, b"")
    assert limited.err.wait_for("max-request-cpu"), "the message names the limit"
    assert_alive(limited)


def test_a_loop_after_the_head_cuts_the_body(limited):
    response = limited.get("/loop-late")
    assert (response.status, response.body, response.complete) == (200, b"the beginning", False)
    assert_alive(limited)


def test_a_guest_that_waits_too_long_is_ended_by_its_delay(limited):
    response = limited.get("/sleep/60000")
    assert response.status == 504
    assert limited.err.wait_for("max-response-delay")
    assert_alive(limited)


def test_a_long_stream_is_not_ended_by_the_delay(limited):
    response = limited.get("/drip/60")  # 3 s, each byte within the delay
    assert (response.body, response.complete) == (b"." * 60, True)


def test_neighbours_are_served_while_guests_loop(tmp_path):
    """Guests without end on two shards; their budgets are far longer than what the neighbours need."""
    with whorl.Server.start("-f", whorl.guest("multi"), "--max-request-cpu", "2s", "--threads", "2") as server:
        loops = [server.connect(timeout=180) for _ in range(4)]
        for connection in loops:
            connection.request("GET", "/loop")
        answered = 0
        for _ in range(40):  # new connections, so that both shards get some
            assert server.get("/status/200", timeout=10).status == 200
            answered += 1
        assert answered == 40
        assert [connection.response().status for connection in loops] == [504] * 4


def test_memory_has_a_limit(limited):
    assert limited.get("/bomb", timeout=60).status in (500, 504)
    assert_alive(limited)


@pytest.mark.parametrize("guest,statuses", [
    ("silent", {500}),
    ("bad_handle", {500}),
    ("error_code", {500, 502, 403}),
])
def test_a_guest_without_an_answer(guest, statuses):
    with whorl.Server.start("-f", whorl.guest(guest)) as server:
        for _ in range(3):
            response = server.get("/")
            assert response.status in statuses and response.body == b""


def test_a_response_set_before_a_trap(tmp_path):
    """The head was handed over, so the client may see it, but never a complete answer."""
    with whorl.Server.start("-f", whorl.guest("set_then_trap")) as server:
        for _ in range(3):
            response = server.get("/")
            assert response.status == 500 or (response.status == 201 and not response.complete)


def test_a_component_that_is_full_answers_503_and_its_neighbour_goes_on(tmp_path):
    (tmp_path / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    text = (
        '[[trigger.http]]\nroute = "/sleep/..."\ncomponent = "slow"\n[component.slow]\nsource = "multi.wasm"\n'
        '[[trigger.http]]\nroute = "/..."\ncomponent = "other"\n[component.other]\nsource = "multi.wasm"\n'
    )
    options = ("--max-component-instances", "2", "--max-queued-requests", "0", "--threads", "2")
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text), *options) as server:
        held = [server.connect(timeout=60) for _ in range(2)]
        for connection in held:
            connection.request("GET", "/sleep/3000")
        time.sleep(0.5)
        refused = server.get("/sleep/0")
        assert (refused.status, refused.header("retry-after")) == (503, "1")
        assert server.err.wait_for("--max-component-instances")
        assert server.get("/status/200").status == 200
        assert [connection.response().status for connection in held] == [200, 200]
        assert server.get("/sleep/0").status == 200


def test_many_failures_at_once_leave_the_server_whole(limited):
    statuses = []

    def ask(path):
        statuses.append(limited.get(path, timeout=60).status)

    threads = [threading.Thread(target=ask, args=(path,)) for path in ["/trap", "/loop", "/deep", "/status/200"] * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(statuses)) == [200, 500, 504]
    assert statuses.count(200) == 8
    assert_alive(limited)


def test_failed_requests_leave_no_memory_behind(limited):
    for _ in range(50):
        limited.get("/trap")
    before = limited.status_kib("VmRSS")
    for _ in range(500):
        limited.get("/trap")
    time.sleep(0.1)
    assert limited.status_kib("VmRSS") - before < 4096
