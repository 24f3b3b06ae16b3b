"""Instances that serve several requests, by the flags that Spin has for it; without them every request has its own.

The guest is tests/guests/rust/sdk7: it counts the requests of its instance and says how many are inside at once.
"""

import concurrent.futures
import os
import re
import subprocess
import threading
import time

import pytest
import rude
import toolchains
import whorl
from p3_guests import build

COUNT, AT_ONCE, IDLE = "--max-instance-reuse-count", "--max-instance-concurrent-reuse-count", "--idle-instance-timeout"


@pytest.fixture(scope="module")
def component(tmp_path_factory):
    return toolchains.built("rust-sdk7", tmp_path_factory.mktemp("rust"))


def serve(component, *flags, **options):
    """On a busy machine a second passes between two requests."""
    kept = () if IDLE in flags else (IDLE, "60s")
    return whorl.Server.start("-f", component, "--threads", "1", *flags, *kept, **options)


def counts(server, requests):
    return [int(server.get("/count").body) for _ in range(requests)]


def at_once(server, path, requests):
    with concurrent.futures.ThreadPoolExecutor(requests) as pool:
        return list(pool.map(lambda _: server.get(path), range(requests)))


def test_every_request_has_its_own_instance_by_default(component):
    with serve(component, IDLE, "10s") as server:
        assert set(counts(server, 5)) == {1}


@pytest.mark.parametrize(
    "flags,expected",
    [
        ((COUNT, "3"), [1, 2, 3] * 3),
        ((COUNT, "3", AT_ONCE, "1"), [1, 2, 3] * 3),
        ((COUNT, "1", AT_ONCE, "16"), [1] * 9),
        ((COUNT, "0"), [1] * 9),
        ((COUNT, "3..4"), [1, 2, 3] * 3),
        ((AT_ONCE, "1"), list(range(1, 129)) + [1, 2]),
        ((COUNT, "200"), list(range(1, 151))),
    ],
)
def test_an_instance_serves_as_many_requests_as_the_flag_says(component, flags, expected):
    with serve(component, *flags) as server:
        assert counts(server, len(expected)) == expected


def test_numbers_are_drawn_from_a_range(component):
    with serve(component, COUNT, "2..6") as server:
        seen = counts(server, 300)
        runs = [a for a, b in zip(seen, seen[1:]) if b == 1]
        assert set(runs) == {2, 3, 4, 5}, "each number of requests after which an instance was dropped"


@pytest.mark.parametrize("limit,clients,met", [(4, 4, 4), (4, 8, 4), (1, 3, 1), (16, 16, 16)])
def test_requests_run_at_once_in_one_instance(component, limit, clients, met):
    with serve(component, COUNT, "1000", AT_ONCE, str(limit)) as server:
        server.get("/count")
        answers = at_once(server, f"/meet/{met}", clients)
        assert {(answer.status, answer.body) for answer in answers} == {(200, b"%d" % met)}, server.err.text


def test_more_at_once_than_an_instance_has_fibers_for(component):
    with serve(component, COUNT, "1000", AT_ONCE, "1000") as server:
        assert {answer.status for answer in at_once(server, "/meet/1", 300)} == {200}, server.err.text[-2000:]


def test_an_idle_instance_is_dropped(component):
    with serve(component, COUNT, "100", IDLE, "300ms") as server:
        assert counts(server, 3) == [1, 2, 3]
        time.sleep(1)
        assert counts(server, 2) == [1, 2]
    with serve(component, COUNT, "100", IDLE, "0") as server:
        assert counts(server, 2) == [1, 1]
    with serve(component, COUNT, "100", IDLE, "5..9s") as server:
        assert counts(server, 1) == [1]
        time.sleep(1.5)
        assert counts(server, 1) == [2]


def test_a_trap_ends_all_requests_of_its_instance_and_no_others(component):
    with serve(component, COUNT, "1000", AT_ONCE, "4") as server:
        assert counts(server, 2) == [1, 2]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(server.get, "/meet/9") for _ in range(3)]
            time.sleep(0.2)
            fifth = pool.submit(server.get, "/trap/4")
            assert fifth.result().status == 500
            assert {answer.result().status for answer in waiting} == {500}
        assert server.err.wait_for("and 3 more requests of its instance")
        assert counts(server, 2) == [1, 2], "a new instance"


def test_a_body_that_streams_is_cut_by_anothers_trap(component):
    with serve(component, COUNT, "1000") as server:
        with server.connect() as connection:
            connection.request("GET", "/slow/1000")
            head = connection.head()
            assert head.status == 200
            assert server.get("/trap/0").status == 500
            assert not connection.read_body(head).complete


def test_streams_side_by_side(component):
    body = os.urandom(3 << 20)

    def echo(server):
        with server.connect() as connection:
            head = f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            sender = threading.Thread(target=connection.send, args=(head + body,))
            sender.start()
            response = connection.response()
            sender.join()
            return response.body == body

    with serve(component, COUNT, "1000") as server:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda _: echo(server), range(8))) == [True] * 8
        assert server.get("/count").body == b"1"


def test_a_guest_that_computes_gets_no_more_requests(component):
    with serve(component, COUNT, "1000", "--max-request-cpu", "1s") as server:
        assert counts(server, 1) == [1]
        looping = threading.Thread(target=lambda: answers.append(server.get("/loop").status))
        answers = []
        looping.start()
        time.sleep(0.3)
        assert counts(server, 2) == [1, 2], "of another instance"
        looping.join()
        assert answers == [504]
        assert counts(server, 1) == [3]


def test_every_request_has_a_budget_of_its_own(component):
    with serve(component, COUNT, "1000", "--max-request-cpu", "300ms") as server:
        for _ in range(3):
            assert server.get("/loop").status == 504
        assert counts(server, 2) == [1, 2]


@pytest.mark.parametrize("flags", [(), (COUNT, "100")])
def test_a_request_that_takes_too_long(component, flags):
    with serve(component, "--request-timeout", "300ms", *flags) as server:
        began = time.monotonic()
        assert at_once(server, "/meet/9", 1)[0].status == 504
        assert 0.25 < time.monotonic() - began < 2
        assert server.get("/count").body == b"1"
        assert server.get("/later/0").body == b"now"


def test_what_a_guest_began_goes_on_while_its_instance_lives(component):
    with serve(component, COUNT, "100") as server:
        assert server.get("/later/200").body == b"now"
        assert server.err.wait_for("later\n")


def test_a_request_that_nothing_can_answer(tmp_path):
    hostile = build(tmp_path, "hostile3")
    with serve(hostile, COUNT, "100", AT_ONCE, "1") as server:
        assert server.post("/deadlock", b"body").status == 500, "nobody can come who would wake it"
        assert server.err.wait_for("deadlock detected")
    with serve(hostile, COUNT, "100", "--max-response-delay", "300ms") as server:
        assert server.post("/deadlock", b"body").status == 504, "somebody could have come"


def test_who_wants_to_be_alone_is(tmp_path):
    """multi3 waits in mid-stack while it is exclusive: others of its instance would wait for it."""
    alone = build(tmp_path, "multi3")

    def drip_and_count(server):
        with server.connect() as connection:
            connection.request("GET", "/drip/8")
            connection.head()
            began = time.monotonic()
            number = int(server.get("/count").body)
            took = time.monotonic() - began
            assert len(connection.read_body(whorl.Response(200, "", [("transfer-encoding", "chunked")])).body) == 8 * 9
            return number, took

    with serve(alone, COUNT, "100") as server:
        assert server.get("/count").body == b"1"
        number, took = drip_and_count(server)
        assert number == 1 and took < 0.2, "another instance answered at once"
    with serve(alone, COUNT, "100", env={"SPIN_MAX_INSTANCE_COUNT": "1"}) as server:
        assert server.get("/count").body == b"1"
        number, took = drip_and_count(server)
        assert number == 2 and took > 0.2, "there is only one: it was waited for"


def test_components_call_each_other_and_themselves(component, tmp_path):
    text = ""
    for name in ("one", "two"):
        text += f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n[component.{name}]\nsource = "{component}"\n'
        text += 'allowed_outbound_hosts = ["http://*.spin.internal", "http://self"]\n'
    text += '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n'
    with serve(whorl.manifest(tmp_path, text), COUNT, "10") as server:
        for _ in range(5):
            for authority in ("two.spin.internal", "one.spin.internal", "self.alt"):
                assert server.get(f"/fan/10/{authority}").body == b"10", server.err.text


def test_the_host_outlives_random_clients(component, tmp_path):
    paths = ["/count", "/echo", "/slow/3", "/events/2", "/meet/2", "/trap/1", "/later/20", "/loop", "/fan/5/two.spin.internal"]
    text = ""
    for name in ("one", "two"):
        text += f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n[component.{name}]\nsource = "{component}"\n'
        text += 'allowed_outbound_hosts = ["http://*.spin.internal"]\n'
    text += '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n'
    limits = ("--max-request-cpu", "100ms", "--max-response-delay", "1s", IDLE, "1ms..50ms")
    with serve(whorl.manifest(tmp_path, text), COUNT, "1..40", AT_ONCE, "1..9", *limits, "--quiet", env={"MALLOC_PERTURB_": "165"}) as server:
        seed = rude.run(server, paths)
        assert server.process.poll() is None, f"seed {seed}"
        assert server.get("/count").status == 200, f"seed {seed}"
        assert server.stop() == 0, f"seed {seed}"


def test_guests_of_0_2_are_not_shared():
    with whorl.Server.start("-f", whorl.guest("counter"), COUNT, "100") as server:
        assert {server.get("/").body for _ in range(5)} == {server.get("/").body}


def test_a_stop_lets_requests_end_and_drops_the_rest(component):
    with serve(component, COUNT, "100") as server:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(server.get, "/slow/20")
            time.sleep(0.1)
            assert server.stop() == 0
            assert answer.result().complete


def test_a_hostile_guest_is_no_worse_for_it(tmp_path):
    component = build(tmp_path, "hostile3")
    ways = ("/leak", "/never-read", "/never-write", "/cancel", "/early", "/deadlock", "/flood")
    # A body whose writer was leaked ends with the instance.
    limits = ("--max-request-cpu", "300ms", "--max-response-delay", "1s", IDLE, "100ms")
    with serve(component, COUNT, "20", AT_ONCE, "1", *limits) as server:
        for _ in range(2):
            for path in ways:
                server.post(path, b"body")
        assert server.get("/good").status == 200
        assert server.stop() == 0


WRONG = [
    (COUNT, "x", "invalid digit found in string"),
    (COUNT, "3..3", 'there is nothing in the range "3..3"'),
    (COUNT, "-1", "invalid digit found in string"),
    (AT_ONCE, "5..2", 'there is nothing in the range "5..2"'),
    (IDLE, "5..2s", 'there is nothing in the range "5..2s"'),
    ("--request-timeout", "5m", "expected integer suffixed by"),
]


@pytest.mark.parametrize("flag,value,reason", WRONG)
def test_values_that_are_none(flag, value, reason):
    done = whorl.run("up", "-f", whorl.guest("echo"), f"{flag}={value}")
    assert done.returncode == 2 and reason in done.stderr


def spin_counts(spin, component, flags, requests, tmp_path):
    folder = whorl.manifest(tmp_path, f'[[trigger.http]]\nroute = "/..."\ncomponent = "a"\n[component.a]\nsource = "{component}"\n')
    process = subprocess.Popen(
        [spin, "up", "-f", folder / "spin.toml", "--listen", "127.0.0.1:0", "--quiet", IDLE, "60s", *flags],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = next(int(found[1]) for line in process.stdout if (found := re.search(r"Serving http://127\.0\.0\.1:(\d+)", line)))
        return [int(whorl.exchange(port, "GET", "/count").body) for _ in range(requests)]
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("flags,requests", [((COUNT, "3"), 9), ((COUNT, "1"), 4), ((COUNT, "4..5", AT_ONCE, "1"), 9), ((AT_ONCE, "1"), 131)])
def test_the_same_flags_count_the_same_in_spin(component, flags, requests, tmp_path):
    spin = os.environ.get("WHORL_PEER_SPIN")
    if not spin:
        pytest.skip("WHORL_PEER_SPIN names no Spin")
    with serve(component, *flags) as server:
        assert counts(server, requests) == spin_counts(spin, component, flags, requests, tmp_path)
