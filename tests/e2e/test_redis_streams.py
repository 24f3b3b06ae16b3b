"""The Redis trigger's own modes against a real server: channels in order, and streams whose messages are acknowledged.

WHORL_BROKER_RESTARTS says how often the broker is ended in the test of lost messages; 100 is its full size.
"""

import os
import random
import signal
import subprocess
import time

import pytest
import real_servers
import whorl

RESTARTS = int(os.environ.get("WHORL_BROKER_RESTARTS", "5"))
STREAM = """
[application.trigger.redis]
address = "redis://127.0.0.1:{port}"
[[trigger.redis]]
stream = "jobs"
component = "worker"
lease_seconds = 1
{more}
[component.worker]
source = "redis_worker.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{port}"]
environment = {{ ADDRESS = "redis://127.0.0.1:{port}" }}
"""
GROUP = "test-worker"


class DurableRedis(real_servers.Redis):
    """A server that has written what it has acknowledged."""

    def command(self):
        return [*super().command(), "--appendonly", "yes", "--appendfsync", "always"]

    def is_ready(self):
        """It has read what it had written, too."""
        return super().is_ready() and self.cli("PING") == "PONG\n"


class Listening(whorl.Server):
    """A program that serves no HTTP: it has started when what it listens to is printed."""

    @staticmethod
    def start(*arguments, env={}):
        process = subprocess.Popen([whorl.program(), "up", *map(str, arguments)], env=os.environ | env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
        if not out.wait_for(r"Active (Channels|Streams) on .*\n(\t.*\n)+", 60):
            process.kill()
            process.wait()
            raise AssertionError(out.text + err.text)
        return Listening(process, 0, out, err)


@pytest.fixture
def redis():
    with DurableRedis() as server:
        yield server


def wait_until(condition, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def start(app, redis, more=""):
    return Listening.start("-f", app(STREAM.format(port=redis.port, more=more), "redis_worker"))


def add(redis, *messages, stream="jobs", field="payload"):
    for message in messages:
        redis.cli("XADD", stream, "*", field, message)


def add_many(redis, begin, end, word="push"):
    script = f"for i={begin},{end - 1} do redis.call('XADD','jobs','*','payload','{word} '..i) end return 'added'"
    assert redis.cli("EVAL", script, "0") == "added\n"


def log(redis):
    return redis.cli("LRANGE", "log", "0", "-1").split()


def pending(redis):
    return int(redis.cli("XPENDING", "jobs", GROUP).split("\n")[0])


def dead(redis, stream="jobs:dead"):
    return redis.cli("XRANGE", stream, "-", "+").split("\n")


def test_entries_are_handled_and_acknowledged(app, redis):
    add(redis, "push before")
    with start(app, redis) as server:
        assert server.out.text == f"Active Streams on {redis.address}:\n\t{redis.address}/jobs: [worker]\n"
        add_many(redis, 0, 1000)
        wait_until(lambda: len(log(redis)) == 1001)
        assert sorted(log(redis)) == sorted(["before", *map(str, range(1000))])
        wait_until(lambda: pending(redis) == 0)
        assert server.stop() == 0
    # It has left the group.
    assert redis.cli("XINFO", "CONSUMERS", "jobs", GROUP).strip() == ""


def test_what_fails_is_tried_again_and_then_given_up(app, redis):
    with start(app, redis, 'max_attempts = 3') as server:
        add(redis, "flaky often", "fail me", "trap me", "push fine")
        wait_until(lambda: redis.cli("XLEN", "jobs:dead").strip() == "2")
        wait_until(lambda: pending(redis) == 0)
        assert sorted(log(redis)) == ["fine", "often"]
        assert redis.cli("GET", "often").strip() == "3"
        entries = dead(redis)
        assert "fail me" in entries and "trap me" in entries
        for name, value in (("whorl-stream", "jobs"), ("whorl-group", GROUP), ("whorl-attempts", "3")):
            assert entries[entries.index(name) + 1] == value
        assert server.err.wait_for(r"jobs: entry \d+-\d+ was given up after 3 attempts: it failed; it is in jobs:dead")


@pytest.mark.parametrize("setting, place", [('dead_letter = "grave"', "grave"), ('dead_letter = ""', None)])
def test_where_they_go(app, redis, setting, place):
    with start(app, redis, f'max_attempts = 1\n{setting}') as server:
        add(redis, "fail me")
        assert server.err.wait_for("was given up after 1 attempts")
        wait_until(lambda: pending(redis) == 0)
        if place:
            assert "fail me" in dead(redis, place)
        assert redis.cli("EXISTS", "jobs:dead").strip() == "0"


def test_entries_without_a_message_and_other_fields(app, redis):
    with start(app, redis, 'field = "job"') as server:
        add(redis, "push wrong")
        redis.cli("XADD", "jobs", "*", "a", "1", "job", "push right", "payload", "push wrong")
        wait_until(lambda: log(redis) == ["right"])
        assert server.err.wait_for("was given up after 1 attempts: it has no message")
        wait_until(lambda: pending(redis) == 0)


def test_order_within_a_stream(app, redis):
    with start(app, redis, "ordered = true") as server:
        add(redis, "push 0", "slow 1", "push 2", "flaky 3", "push 4", "slow 5")
        add_many(redis, 6, 200)
        wait_until(lambda: len(log(redis)) == 200)
        assert log(redis) == [str(i) for i in range(200)]
        assert server.stop() == 0


def test_order_survives_a_consumer_that_dies(app, redis):
    with start(app, redis, "ordered = true") as first:
        add(redis, "push 0", "hang 1", "push 2", "push 3")
        wait_until(lambda: redis.cli("GET", "1").strip() == "1")
        first.stop(signal.SIGKILL)
    with start(app, redis, "ordered = true"):
        wait_until(lambda: len(log(redis)) == 4)
        assert log(redis) == ["0", "1", "2", "3"]


def test_order_within_a_channel(app, redis):
    manifest = STREAM.replace('stream = "jobs"', 'channel = "jobs"\nordered = true').replace("lease_seconds = 1", "")
    with Listening.start("-f", app(manifest.format(port=redis.port, more=""), "redis_worker")) as server:
        wait_until(lambda: redis.cli("PUBSUB", "NUMSUB", "jobs").split()[1] == "1")
        redis.cli("EVAL", "for i=0,99 do redis.call('PUBLISH','jobs',(i%7==0 and 'slow ' or 'push ')..i) end", "0")
        wait_until(lambda: len(log(redis)) >= 10)  # the broker wrote them in one piece
        assert server.stop() == 0  # what was received is handled first
        assert log(redis) == [str(i) for i in range(100)]


def test_what_a_killed_consumer_had_is_handled_by_the_next(app, redis):
    with start(app, redis) as first:
        add(redis, *[f"hang h{i}" for i in range(20)])
        wait_until(lambda: all(redis.cli("GET", f"h{i}").strip() == "1" for i in range(20)))
        assert pending(redis) == 20
        first.stop(signal.SIGKILL)
    with start(app, redis):
        begin = time.monotonic()
        wait_until(lambda: len(log(redis)) == 20)
        assert time.monotonic() - begin < 5
        assert sorted(log(redis)) == sorted(f"h{i}" for i in range(20))
        wait_until(lambda: pending(redis) == 0)


def test_a_slow_component_keeps_what_it_has(app, redis):
    """Two consumers; entries that take longer than the lease are handled once all the same."""
    guest = app(STREAM.format(port=redis.port, more=""), "redis_worker")
    with Listening.start("-f", guest), Listening.start("-f", guest):
        add(redis, "hang long")
        wait_until(lambda: redis.cli("GET", "long").strip() == "1")
        time.sleep(3.5)  # several leases
        assert redis.cli("GET", "long").strip() == "1"
        add_many(redis, 0, 500)
        wait_until(lambda: len(log(redis)) == 500)
        assert sorted(map(int, log(redis))) == list(range(500))


def test_a_stop_ends_in_order_what_has_begun(app, redis):
    with start(app, redis) as server:
        add_many(redis, 0, 600, "slow")
        wait_until(lambda: len(log(redis)) > 10)
        assert server.stop() == 0
        done = log(redis)
        assert len(done) == len(set(done))
        assert pending(redis) == 0  # nothing was taken and left
    with start(app, redis):
        wait_until(lambda: len(log(redis)) == 600)
        assert sorted(map(int, log(redis))) == list(range(600))  # each exactly once


def test_nothing_is_lost_when_the_broker_restarts(app, redis):
    """The broker is killed again and again while entries are added and handled."""
    seed = int(os.environ.get("WHORL_SEED", random.randrange(1 << 32)))
    print(f"seed {seed}")
    rng = random.Random(seed)
    added = 0
    with start(app, redis, "max_attempts = 1000") as server:
        for _ in range(RESTARTS):
            size = rng.randrange(50, 150)
            add_many(redis, added, added + size, rng.choice(["push", "push", "slow"]))
            added += size
            time.sleep(rng.random() * 0.15)
            redis.stop()
            time.sleep(rng.random() * 0.1)
            redis.start()
        wait_until(lambda: len(set(log(redis))) == added, 60)
        handled = log(redis)
        assert set(handled) == {str(i) for i in range(added)}
        wait_until(lambda: pending(redis) == 0)
        assert redis.cli("EXISTS", "jobs:dead").strip() == "0"
        print(f"{RESTARTS} restarts, {added} entries, 0 lost, {len(handled) - added} handled twice")
        assert server.stop() == 0


def test_a_group_that_is_gone_is_made_again(app, redis):
    with start(app, redis):
        add(redis, "push 1")
        wait_until(lambda: log(redis) == ["1"])
        redis.cli("FLUSHALL")
        add(redis, "push 2")
        wait_until(lambda: log(redis) == ["2"])


def test_a_key_that_is_no_stream(app, redis):
    redis.cli("SET", "jobs", "x")
    with start(app, redis) as server:
        assert server.err.wait_for(r"Redis trigger failed to connect to redis://127.0.0.1:\d+: WRONGTYPE")
        redis.cli("DEL", "jobs")
        add(redis, "push 1")
        wait_until(lambda: log(redis) == ["1"])
        assert server.stop() == 0


@pytest.mark.parametrize("change, message", [
    (('stream = "jobs"', 'stream = "jobs"\nchannel = "x"'), "`channel` and `stream` exclude each other"),
    (('stream = "jobs"', 'channel = "jobs"'), "are for a `stream`"),
    (("lease_seconds = 1", "lease_seconds = 0"), "`lease_seconds` is to be from 1 to 86400, not 0"),
    (("lease_seconds = 1", 'ordered = "yes"'), 'invalid type for `ordered`: string "yes", expected a boolean'),
])
def test_what_is_wrong(app, change, message):
    folder = app(STREAM.replace(*change).format(port=1, more=""), "redis_worker")
    ended = whorl.run("up", "-f", folder)
    assert ended.returncode == 1
    assert message in ended.stderr
