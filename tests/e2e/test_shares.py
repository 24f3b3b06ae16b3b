"""Who has had more than its share of a shard gives way while others are active, whatever its events are (ADR 66)."""

import time

import p3_guests
import pytest
import real_servers
import whorl

BUSY_HTTP = """
[[trigger.http]]
route = "/..."
component = "busy"
[component.busy]
source = "{source}"
"""
BUSY_REDIS = """
[application.trigger.redis]
address = "redis://127.0.0.1:{port}"
[[trigger.redis]]
channel = "jobs"
component = "busy"
[component.busy]
source = "inbound_redis.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{port}"]
environment = {{ ADDRESS = "redis://127.0.0.1:{port}" }}
"""
QUIET = """
[[trigger.http]]
route = "/quiet"
component = "quiet"
[component.quiet]
source = "hello.wasm"
"""
# An event that computes for so long is ahead of the time by four times as much.
BUDGET = ("--max-request-cpu", "20ms", "--threads", "1", "--metrics-listen", "127.0.0.1:0")


class Served:
    def __init__(self, server):
        self.server = server
        self.metrics = int(server.err.wait_for(r"Serving metrics on http://127\.0\.0\.1:(\d+)/metrics\n").group(1))

    def count(self, name, component):
        for line in whorl.exchange(self.metrics, "GET", "/metrics").body.decode().splitlines():
            if line.startswith(f'whorl_{name}{{component="{component}"}} '):
                return int(line.rpartition(" ")[2])
        return 0

    def quiet(self):
        assert self.server.get("/quiet").status == 200


def until_it_gives_way(served, compute, work):
    """Again where this machine let more time pass in between than the busy one was ahead."""
    # What its first event costs is forgotten while the busy one computes.
    served.quiet()
    end = time.monotonic() + 60
    while served.count("events_deferred_total", "busy") == 0:
        assert time.monotonic() < end, "it never gave way"
        compute()
        served.quiet()
        work()
        served.quiet()
    assert served.count("events_deferred_total", "quiet") == 0


@pytest.mark.parametrize("flags", [(), ("--max-instance-reuse-count", "1000")])
def test_requests_of_a_component_that_computes(app, tmp_path, flags):
    if flags:
        guest = p3_guests.build(tmp_path, "multi3")
        folder = app(BUSY_HTTP.format(source="multi3.wasm") + QUIET, "hello")
        (folder / "multi3.wasm").write_bytes(guest.read_bytes())
    else:
        folder = app(BUSY_HTTP.format(source="multi.wasm") + QUIET, "multi", "hello")

    def ask(path, status):
        assert server.get(path).status == status

    with whorl.Server.start("-f", folder, *BUDGET, *flags) as server:
        until_it_gives_way(Served(server), lambda: ask("/loop", 504), lambda: ask("/status/404", 404))


def test_messages_of_a_component_that_computes(app):
    with real_servers.Redis() as redis:
        folder = app(BUSY_REDIS.format(port=redis.port) + QUIET, "inbound_redis", "hello")
        with whorl.Server.start("-f", folder, *BUDGET) as server:
            served = Served(server)

            def publish(text):
                before = served.count("events_total", "busy")
                while redis.cli("PUBLISH", "jobs", text).strip() == "0":
                    time.sleep(0.01)
                while served.count("events_total", "busy") == before or served.count("events_active", "busy") != 0:
                    time.sleep(0.001)

            until_it_gives_way(served, lambda: publish("loop"), lambda: publish("set k"))
            assert redis.cli("GET", "k") == "set k\n"
