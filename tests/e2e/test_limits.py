"""Every limit: the status of what goes beyond it, the log line that names its flag, and its counter."""

import re
import socket
import threading
import time

import pytest
import whorl

METRICS = re.compile(r'^whorl_limit_hits_total\{limit="([^"]+)"\} (\d+)', re.M)


def start(tmp_path, *options: str, config: str = "", text: str | None = None, env: dict[str, str] = {}):
    (tmp_path / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    text = text or '[[trigger.http]]\nroute = "/..."\ncomponent = "a"\n[component.a]\nsource = "multi.wasm"\n'
    more = []
    if config:
        (tmp_path / "rc.toml").write_text(config)
        more = ["--runtime-config-file", tmp_path / "rc.toml"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = whorl.Server.start("-f", whorl.manifest(tmp_path, text), "--metrics-listen", f"127.0.0.1:{port}",
                                *options, *more, env=env)
    server.metrics_port = port
    return server


def hits(server) -> dict[str, int]:
    """Limits that were hit, by flag."""
    text = whorl.exchange(server.metrics_port, "GET", "/metrics").body.decode()
    return {flag: int(count) for flag, count in METRICS.findall(text) if int(count)}


def held(server, path: str, count: int) -> list[whorl.Connection]:
    connections = [server.connect(timeout=60) for _ in range(count)]
    for connection in connections:
        connection.request("GET", path)
    return connections


def under_way(server, count: int, gauge: str = "whorl_events_active") -> None:
    """Waits until so many events are."""
    for _ in range(1000):
        text = whorl.exchange(server.metrics_port, "GET", "/metrics").body.decode()
        if sum(map(int, re.findall(rf"^{gauge}{{.*}} (\d+)", text, re.M))) == count:
            return
        time.sleep(0.01)
    raise AssertionError(text)


def status_of(server, sent: bytes) -> int:
    with server.connect() as connection:
        connection.send(sent)
        return connection.response().status


def ask_loop(server) -> int:
    return server.get("/loop", timeout=60).status


def ask_sleep(server) -> int:
    return server.get("/sleep/60000", timeout=60).status


def ask_body(server) -> int:
    return server.post("/status/200", b"x" * 101).status


def ask_endless_body(server) -> int:
    body = b"".join(b"40\r\n" + b"x" * 64 + b"\r\n" for _ in range(3)) + b"0\r\n\r\n"
    return status_of(server, b"POST /show HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + body)


def ask_head(server) -> int:
    return server.get("/status/200", [("x-long", "x" * 9000)]).status


def ask_half_a_head(server) -> int:
    return status_of(server, b"GET / HTTP/1.1\r\nhost: a\r\n")


def ask_slowly(server) -> int:
    """A byte now and then, of a body that is waited for."""
    with server.connect(timeout=60) as connection:
        connection.send(b"POST /take HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n")
        for _ in range(100):
            time.sleep(0.02)
            try:
                connection.send(b"x")
            except OSError:
                break
        return connection.response().status


def ask_beside_one(server) -> int:
    with held(server, "/sleep/3000", 1)[0] as first:
        under_way(server, 1)
        answer = server.get("/status/200")
        assert answer.status == 200 or answer.header("retry-after") == "1"
        assert first.response().status == 200
        return answer.status


def ask_as_third(server) -> int:
    first, second = held(server, "/sleep/3000", 2)
    under_way(server, 2)
    answer = server.get("/status/200")
    assert answer.header("retry-after") == "1"
    assert [first.response().status, second.response().status] == [200, 200]
    first.close(), second.close()
    return answer.status


LIMITS = [
    # flag, value, what goes beyond it, its status
    ("max-request-cpu", "100ms", ask_loop, 504),
    ("max-response-delay", "200ms", ask_sleep, 504),
    ("max-request-body", "100", ask_body, 413),
    ("max-request-body", "100", ask_endless_body, 413),
    ("http1-max-buf-size", "8192", ask_head, 431),
    ("header-timeout", "300ms", ask_half_a_head, 408),
    ("min-body-rate", "100000", ask_slowly, 408),
    ("max-component-instances", "1", ask_beside_one, 503),
    ("max-client-connections", "2", ask_as_third, 429),
]
ALSO = {"max-component-instances": ("--max-queued-requests", "0"), "min-body-rate": ("--rate-grace", "300ms")}


@pytest.mark.parametrize("flag,value,ask,status", LIMITS, ids=[f"{row[0]}-{row[2].__name__}" for row in LIMITS])
def test_what_goes_beyond_a_flag_is_answered_logged_and_counted(tmp_path, flag, value, ask, status):
    with start(tmp_path, f"--{flag}", value, *ALSO.get(flag, ())) as server:
        assert ask(server) == status
        assert server.err.wait_for(f"--{flag}")
        assert hits(server) == {f"--{flag}": 1}
        assert server.get("/status/200").status == 200


@pytest.mark.parametrize("flag,value,ask,status", LIMITS, ids=[f"{row[0]}-{row[2].__name__}" for row in LIMITS])
def test_the_same_by_environment_and_by_runtime_config(tmp_path, flag, value, ask, status):
    key = flag.replace("-", "_")
    variable = "SPIN_HTTP1_MAX_BUF_SIZE" if flag.startswith("http1") else f"WHORL_{key.upper()}"
    with start(tmp_path, *ALSO.get(flag, ()), env={variable: value}) as server:
        assert ask(server) == status
    if flag.startswith("http1"):
        return  # Spin's, and no key of its runtime config
    with start(tmp_path, *ALSO.get(flag, ()), config=f'[limits]\n{key} = "{value}"\n') as server:
        assert ask(server) == status


def test_the_host_has_so_many_instances(tmp_path):
    with start(tmp_path, env={"SPIN_MAX_INSTANCE_COUNT": "1"}) as server:
        assert ask_beside_one(server) == 503
        assert server.err.wait_for("SPIN_MAX_INSTANCE_COUNT")
        assert hits(server) == {"SPIN_MAX_INSTANCE_COUNT": 1}


def test_a_guest_that_takes_all_memory_is_reported_with_the_flag(tmp_path):
    with start(tmp_path, "--max-instance-memory", str(16 << 20)) as server:
        assert server.get("/bomb", timeout=60).status == 500
        assert server.err.wait_for("--max-instance-memory")
        assert hits(server) == {"--max-instance-memory": 1}


def test_requests_wait_for_others_of_their_component_and_only_so_many(tmp_path):
    options = ("--max-component-instances", "2", "--max-queued-requests", "3", "--threads", "2")
    with start(tmp_path, *options) as server:
        first = held(server, "/sleep/5000", 2)
        under_way(server, 2)
        # Three may wait, whichever come first.
        waiting = held(server, "/status/200", 4)
        under_way(server, 3, "whorl_events_waiting")
        others = [connection.response() for connection in waiting]
        assert sorted(answer.status for answer in others) == [200, 200, 200, 503]
        assert [answer.header("retry-after") for answer in others if answer.status == 503] == ["1"]
        assert server.err.wait_for("--max-queued-requests")
        assert [connection.response().status for connection in first] == [200, 200]
        under_way(server, 0, "whorl_events_waiting")
        assert hits(server) == {"--max-queued-requests": 1}


def test_a_component_has_limits_of_its_own(tmp_path):
    text = (
        '[[trigger.http]]\nroute = "/sleep/..."\ncomponent = "a"\n[component.a]\nsource = "multi.wasm"\n'
        '[[trigger.http]]\nroute = "/..."\ncomponent = "b"\n[component.b]\nsource = "multi.wasm"\n'
    )
    config = '[limits]\nmax_response_delay = "60s"\n[component_limits.a]\nmax_response_delay = "200ms"\n' \
             '[component_limits.none]\nmax_request_cpu = 1\n'
    with start(tmp_path, "--max-response-delay", "50s", config=config, text=text) as server:
        assert server.get("/sleep/60000").status == 504
        assert server.get("/sleep/50").status == 200
        assert server.get("/drip/10").status == 200
        assert server.err.wait_for(r"\[component_limits.none\]: there is no such component")


def test_one_component_leaves_its_neighbours_instances(tmp_path):
    text = (
        '[[trigger.http]]\nroute = "/sleep/..."\ncomponent = "a"\n[component.a]\nsource = "multi.wasm"\n'
        '[[trigger.http]]\nroute = "/..."\ncomponent = "b"\n[component.b]\nsource = "multi.wasm"\n'
    )
    env = {"SPIN_MAX_INSTANCE_COUNT": "8"}
    with start(tmp_path, "--max-queued-requests", "64", "--threads", "1", text=text, env=env) as server:
        greedy = held(server, "/sleep/1500", 20)
        under_way(server, 6)
        for _ in range(20):
            assert server.get("/status/200").status == 200
        assert [connection.response().status for connection in greedy] == [200] * 20
        assert hits(server) == {}


BAD = {
    "loop": ("/loop", {504}),
    "memory": ("/bomb", {500, 504}),
    "trap": ("/trap", {500}),
    "log flood": ("/log-flood", {200, 504}),
}


@pytest.mark.parametrize("neighbours", [1, 4])
@pytest.mark.parametrize("kind", BAD)
def test_a_good_neighbour_is_served_whatever_the_others_do(tmp_path, kind, neighbours):
    path, statuses = BAD[kind]
    names = [f"bad{i}" for i in range(neighbours)]
    text = '[[trigger.http]]\nroute = "/..."\ncomponent = "good"\n[component.good]\nsource = "multi.wasm"\n'
    for name in names:
        text += f'[[trigger.http]]\nroute = "{path}/{name}"\ncomponent = "{name}"\n' \
                f'[component.{name}]\nsource = "multi.wasm"\n'
    options = ("--max-request-cpu", "300ms", "--max-instance-memory", str(64 << 20), "--threads", "2", "--quiet")
    with start(tmp_path, *options, text=text) as server:
        stop = threading.Event()
        seen: list[int] = []

        def misbehave(name: str) -> None:
            while not stop.is_set():
                seen.append(server.get(f"{path}/{name}", timeout=60).status)

        threads = [threading.Thread(target=misbehave, args=(name,)) for name in names for _ in range(2)]
        for thread in threads:
            thread.start()
        while not seen:
            time.sleep(0.01)
        answers = [server.get("/status/200", timeout=60).status for _ in range(100)]
        stop.set()
        for thread in threads:
            thread.join()
        assert answers == [200] * 100
        assert set(seen) <= statuses
        assert server.get("/status/200").status == 200
