"""The Redis trigger against a real server: alone, beside HTTP, with a server that goes away."""

import signal
import subprocess
import time

import p3_guests
import pytest
import real_servers
import whorl

MANIFEST = """
[application.trigger.redis]
address = "{{{{ server }}}}"
[variables]
server = {{ default = "redis://127.0.0.1:{port}" }}
[[trigger.redis]]
channel = "jobs"
component = "worker"
[[trigger.redis]]
channel = "more"
address = "redis://127.0.0.1:{port}"
component = "worker"
[component.worker]
source = "inbound_redis.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{port}"]
environment = {{ ADDRESS = "redis://127.0.0.1:{port}" }}
"""
HTTP = """
[[trigger.http]]
route = "/..."
component = "hello"
[component.hello]
source = "hello.wasm"
"""


class Listening(whorl.Server):
    """A program that serves no HTTP: it has started when its channels are printed."""

    @staticmethod
    def start(*arguments, env={}):
        import os
        process = subprocess.Popen([whorl.program(), "up", *map(str, arguments)], env=os.environ | env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
        started = out.wait_for(r"Active Channels on .*\n(\t.*\n)+", 60)
        server = Listening(process, 0, out, err)
        if not started:
            server.stop(signal.SIGKILL)
            raise AssertionError(out.text + err.text)
        return server


@pytest.fixture
def redis():
    with real_servers.Redis() as server:
        yield server


def wait_until(condition, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def subscribers(redis, channel="jobs"):
    return int(redis.cli("PUBSUB", "NUMSUB", channel).split()[1])


def handled(redis):
    return int(redis.cli("GET", "handled").strip() or 0)


def test_messages(app, redis):
    folder = app(MANIFEST.format(port=redis.port), "inbound_redis")
    with Listening.start("-f", folder) as server:
        assert server.out.text == (f"Active Channels on {redis.address}:\n\t{redis.address}/jobs: [worker]\n"
                                   f"\t{redis.address}/more: [worker]\n")
        wait_until(lambda: subscribers(redis) == 1 and subscribers(redis, "more") == 1)
        for i in range(200):
            redis.cli("PUBLISH", "jobs" if i % 2 else "more", f"set key-{i}") if i < 20 else None
        redis.cli("EVAL", "for i=20,999 do redis.call('PUBLISH','jobs','set key-'..i) end", "0")
        wait_until(lambda: handled(redis) == 1000)
        assert redis.cli("GET", "key-7") == "set key-7\n"
        assert redis.cli("GET", "key-999") == "set key-999\n"
        assert int(redis.cli("DBSIZE")) == 1001
        for text in ("fail", "trap", ""):
            redis.cli("PUBLISH", "jobs", text)
        redis.cli("PUBLISH", "jobs", "set last")
        wait_until(lambda: redis.cli("GET", "last") == "set last\n")
        assert server.err.wait_for("component `worker`, MESSAGE jobs: ")
        assert server.stop() == 0


def test_a_module_of_2022(app, redis):
    manifest = MANIFEST.replace("inbound_redis.wasm", "old_redis.wasm").format(port=redis.port)
    with Listening.start("-f", app(manifest, "old_redis")) as server:
        wait_until(lambda: subscribers(redis) == 1)
        for i in range(50):
            redis.cli("PUBLISH", "jobs", f"message {i}")
        wait_until(lambda: redis.cli("GET", "seen").strip() == "50")
        assert redis.cli("GET", "message 7") == "message 7\n"
        for text in ("fail", "trap", "last"):
            redis.cli("PUBLISH", "jobs", text)
        assert server.err.wait_for("component `worker`, MESSAGE jobs: .*unreachable")
        wait_until(lambda: redis.cli("GET", "seen").strip() == "51")
        assert server.stop() == 0


def test_many_at_once(app, redis):
    with Listening.start("-f", app(MANIFEST.format(port=redis.port), "inbound_redis")):
        wait_until(lambda: subscribers(redis) == 1)
        begin = time.monotonic()
        redis.cli("EVAL", "for i=1,100 do redis.call('PUBLISH','jobs','slow '..i) end", "0")
        wait_until(lambda: handled(redis) == 100)
        assert time.monotonic() - begin < 10  # one after the other they would take 20 s


def test_beside_http_and_drained(app, redis):
    folder = app(MANIFEST.format(port=redis.port) + HTTP, "inbound_redis", "hello")
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/").status == 200
        wait_until(lambda: subscribers(redis) == 1)
        redis.cli("EVAL", "for i=1,50 do redis.call('PUBLISH','jobs','slow '..i) end", "0")
        time.sleep(0.1)
        assert server.stop() == 0
        assert handled(redis) == 50  # what had begun was ended in order


def test_a_server_that_goes_away_and_comes_back(app, redis):
    with Listening.start("-f", app(MANIFEST.format(port=redis.port), "inbound_redis")) as server:
        for round in range(3):
            wait_until(lambda: subscribers(redis) == 1)
            redis.cli("PUBLISH", "jobs", f"set round-{round}")
            wait_until(lambda: redis.cli("GET", f"round-{round}") != "\n")
            redis.stop()
            assert server.err.wait_for(f"(disconnected from {redis.address}(.|\n)*){{{round + 1}}}")
            redis.start()
        begin = time.monotonic()
        wait_until(lambda: subscribers(redis) == 1)
        assert time.monotonic() - begin < 2


def test_a_server_that_is_not_there_yet(app, redis):
    redis.stop()
    secret = "s3cr3t-canary"
    folder = app(MANIFEST.format(port=redis.port), "inbound_redis")
    with Listening.start("-f", folder, "--variable", f"server=redis://u:{secret}@127.0.0.1:{redis.port}") as server:
        assert server.err.wait_for("Redis trigger failed to connect to redis://127.0.0.1")
        assert secret not in server.err.text + server.out.text


@pytest.mark.parametrize("change, message", [
    (('channel = "jobs"\n', ""), "missing field `channel`"),
    (('channel = "jobs"', 'queue = "jobs"'), "unknown field `queue`"),
    (('"{{{{ server }}}}"', '"http://x"'), "the scheme of a Redis address is redis or rediss"),
    (("inbound_redis.wasm", "hello.wasm"), "component does not export a Redis interface"),
])
def test_what_is_wrong(app, change, message):
    folder = app(MANIFEST.replace(*change).format(port=1), "inbound_redis", "hello")
    ended = whorl.run("up", "-f", folder)
    assert ended.returncode == 1
    assert message in ended.stderr


def test_a_handler_of_wasi_0_3(tmp_path, redis):
    """It exports spin:redis/inbound-redis@3.0.0 and sets a key through spin:redis@3.0.0."""
    component = p3_guests.build(tmp_path, "inbound3")
    (tmp_path / "inbound_redis.wasm").write_bytes(component.read_bytes())
    folder = whorl.manifest(tmp_path, MANIFEST.format(port=redis.port))
    with Listening.start("-f", folder):
        message = f"{redis.address} from-0.3"
        wait_until(lambda: subscribers(redis) == 1)
        redis.cli("PUBLISH", "jobs", message)
        wait_until(lambda: redis.cli("GET", "from-0.3").strip() == message)
