"""Disks that lose their power, fill up, or fail: what was acknowledged is there, nothing is broken, and a server
lives through it. `kill -9` (test_crash.py) shows nothing of syncs; this does.

WHORL_CRASHES says how many disks are looked at; all of them:

    WHORL_CRASHES=1000000 pytest -s tests/e2e/test_disk.py -k power
"""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import tempfile
import threading

import disk
import durable
import pytest
import whorl

CRASHES = int(os.environ.get("WHORL_CRASHES", "250"))
FILES = {"kv": durable.KEY_VALUE, "sql": durable.SQLITE}
SEED = int(os.environ.get("WHORL_SEED", random.randrange(1 << 32)))


@pytest.fixture
def scratch():
    """A folder in memory where there is one: thousands of disks are made there."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="whorl-disks-", dir=place) as folder:
        yield pathlib.Path(folder)


def record_stores(folder, store):
    """Writes of several clients, with a stop (the log is merged into the file), a kill and new starts between them."""
    log = disk.Log(folder)
    clients = [durable.Client(store, number, SEED, largest=9000) for number in range(3)]
    for part, ending in enumerate((signal.SIGTERM, signal.SIGKILL, signal.SIGTERM)):
        with whorl.Server.start("-f", folder, "--quiet", env=log.env()) as server:
            if store == "sql":
                durable.create_table(server)

            def write(client):
                with server.connect() as connection:
                    for _ in range(4 if part else 8):
                        done = client.step(connection)
                        assert done, server.err.text
                        log.acknowledge(done.to_text())

            threads = [threading.Thread(target=write, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            server.process.send_signal(ending)
            server.process.wait(20)
    assert sum(client.total for client in clients) == 3 * 16
    return log


def lost_in(state, store, folder):
    """What was acknowledged and is not in what is recovered from that disk; "broken" when nothing can be."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    state.write_to(folder)
    file = folder / FILES[store]
    try:
        found = durable.contents(store, file) if file.exists() else {}
    except (sqlite3.DatabaseError, AssertionError) as broken:
        return f"broken: {broken}"
    wanted = {}
    for text in state.acknowledged:
        write = durable.Write.from_text(text)
        wanted[write.key] = write.value
    # Keys are written once or twice: a later value than the acknowledged one is fine too.
    return [key for key, value in wanted.items() if int(found.get(key, "0.").split(".")[0]) < int(value.split(".")[0])] or None


@pytest.mark.parametrize("store", FILES)
def test_loss_of_power_and_stores(tmp_path, scratch, store):
    folder = durable.make(tmp_path / "app")
    log = record_stores(folder, store)
    looked = 0
    for state in disk.crashes(log, SEED, most=CRASHES):
        lost = lost_in(state, store, scratch / "disk")
        assert lost is None, f"{state.at}: {lost}"
        looked += 1
    print(f"{store}: {len(log.records())} records, {looked} disks, all recovered")
    # Were syncs worth nothing, these disks would show it: the check can fail.
    assert any(lost_in(state, store, scratch / "disk")
               for state in disk.crashes(log, SEED, most=60, syncs_count=False))
    # And the program itself recovers the last of them.
    with whorl.Server.start("-f", durable.make(scratch / "again"), "--state-dir", make_last(log, scratch), "--quiet") as server:
        for text in state.acknowledged[-5:]:
            write = durable.Write.from_text(text)
            answer = (server.get(f"/v2/get/default/{write.key}").body.decode() if store == "kv" else
                      server.post("/v2/default", f"SELECT value FROM t WHERE key = '{write.key}'".encode()).body.decode())
            assert write.value in answer, server.err.text


def make_last(log, scratch):
    """A disk that has lost what was not synced at the very end; the folder with the stores."""
    device = disk.Disk(log)
    for record in log.records():
        device.feed(record)
    device.state("the end", "synced", random.Random(SEED)).write_to(scratch / "last")
    return scratch / "last" / ".spin"


def test_loss_of_power_and_the_code_cache(tmp_path, scratch):
    """An entry that has its name is whole, whatever was lost."""
    cache = tmp_path / "cache" / "code"
    cache.mkdir(parents=True, mode=0o700)
    log = disk.Log(cache)
    for name in ("echo", "hello"):
        with whorl.Server.start("-f", whorl.guest(name), env=log.env() | {"WHORL_CACHE_DIR": str(cache.parent)}):
            pass
    whole = {path.name: path.read_bytes() for path in cache.iterdir()}
    assert sum(name.endswith(".code") for name in whole) >= 2
    looked = 0
    partial = []
    for state in disk.crashes(log, SEED, most=4 * CRASHES):
        for name, content in state.files.items():
            assert name.startswith(".tmp-") or content == whole[name], f"{name} {state.at}"
        partial.append(state)
        looked += 1
    for state in random.Random(SEED).sample(partial, 6):  # the program goes on with them
        place = scratch / "cache" / "code"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, mode=0o700)
        state.write_to(place)
        with whorl.Server.start("-f", whorl.guest("echo"), env={"WHORL_CACHE_DIR": str(place.parent)}) as server:
            assert server.post("/", b"x").body == b"x", state.at
            assert "is not used" not in server.err.text, state.at
    print(f"code cache: {len(log.records())} records, {looked} disks, every entry whole")


PLUGIN = """#!/bin/sh
case "$*" in
*--help-args-only* | *--launch-metadata-only*) exit 1 ;;
esac
cp "${SPIN_LOCKED_URL#file://}" "$RECORD"
"""


def test_loss_of_power_and_state_files(tmp_path, scratch):
    """The lock file that triggers of others get, and what `build` keeps: the old content or the new, whole."""
    folder = tmp_path / "app"
    whorl.manifest(folder, '[[trigger.timer]]\ncomponent = "hello"\n[component.hello]\nsource = "hello.wasm"\n'
                           '[component.hello.build]\ncommand = "true"\n[component.hello.profile.fast.build]\ncommand = "true"\n')
    shutil.copy(whorl.guest("hello"), folder / "hello.wasm")
    plugin = tmp_path / "data" / "plugins" / "trigger-timer" / "trigger-timer"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    work = tmp_path / "app" / "work"
    work.mkdir()
    log = disk.Log(folder)
    env = log.env() | {"SPIN_DATA_DIR": str(tmp_path / "data"), "RECORD": str(tmp_path / "lock.json")}
    kept = {}
    for profile in ("fast", None, "fast"):
        ended = whorl.run("build", "-f", folder, *(["--profile", profile] if profile else []), env=env)
        assert ended.returncode == 0, ended.stderr
        for path in folder.rglob("*"):
            if path.is_file():
                kept.setdefault(str(path.relative_to(folder)), set()).add(path.read_bytes())
    ended = whorl.run("up", "-f", folder, "--temp", work, env=env)
    assert ended.returncode == 0, ended.stderr
    kept["work/spin.lock"] = {(tmp_path / "lock.json").read_bytes()}
    seen = set()
    looked = 0
    for state in disk.crashes(log, SEED, most=4 * CRASHES):
        looked += 1
        for name, content in state.files.items():
            if name in kept and not name.endswith(".wasm"):
                seen.add(name)
                assert content in kept[name], f"{name} {state.at}: {content[:100]}"
    assert seen == {".spin/last-build.txt", "work/spin.lock"}
    print(f"state files {sorted(seen)}: {len(log.records())} records, {looked} disks, every file whole")


@pytest.mark.parametrize("trouble", [name for name in disk.TROUBLES if name not in ("none", "stutter")])
def test_a_disk_that_fails(tmp_path, trouble):
    """Guests get errors of their interfaces, the server lives, and goes on when the disk does."""
    folder = durable.make(tmp_path / "app")
    bad = disk.Trouble(folder)
    clients = [durable.Client(store, 0, SEED) for store in FILES]
    with whorl.Server.start("-f", folder, env=bad.env()) as server, server.connect() as connection:
        durable.create_table(server)
        for client in clients:
            for _ in range(3):
                assert client.step(connection), server.err.text
        for _ in range(3):
            bad.be(trouble)
            for client in clients:
                for _ in range(4):
                    refused = client.next()
                    client.unknown.setdefault(refused.key, set()).add(refused.value)
                    answer = refused.send(connection)
                    assert answer.startswith(("error", "open error")), (client.store, answer)
            # Readers do not write.
            key, value = next(iter(clients[0].acknowledged.items()))
            bad.be("none")
            assert server.get(f"/v2/get/default/{key}").body.decode() == value
            for client in clients:
                for _ in range(3):
                    assert client.step(connection), server.err.text
        assert server.stop() == 0
    for client in clients:
        client.check(durable.contents(client.store, folder / FILES[client.store]), trouble)


def test_writes_that_do_less(tmp_path):
    """A disk may take a part of what it is given; the rest follows."""
    folder = durable.make(tmp_path / "app")
    bad = disk.Trouble(folder)
    bad.be("stutter")
    clients = [durable.Client(store, 0, SEED) for store in FILES]
    with whorl.Server.start("-f", folder, env=bad.env()) as server, server.connect() as connection:
        durable.create_table(server)
        for client in clients:
            for _ in range(20):
                assert client.step(connection), server.err.text
    for client in clients:
        client.check(durable.contents(client.store, folder / FILES[client.store]), "stutter")


@pytest.mark.parametrize("trouble", [name for name in disk.TROUBLES if name != "none"])
def test_a_disk_that_fails_under_the_code_cache(tmp_path, trouble):
    """The program runs without the entry, and never with a wrong one."""
    cache = tmp_path / "cache" / "code"
    cache.mkdir(parents=True, mode=0o700)
    bad = disk.Trouble(cache)
    bad.be(trouble)
    env = bad.env() | {"WHORL_CACHE_DIR": str(cache.parent)}
    with whorl.Server.start("-f", whorl.guest("echo"), env=env) as server:
        assert server.post("/", b"x").body == b"x"
        assert ("is not stored" in server.err.text) == (trouble != "stutter"), server.err.text
    assert [path.name for path in cache.glob("*.code")] == [] or trouble == "stutter"
    assert list(cache.glob(".tmp-*")) == []
    bad.be("none")
    for _ in range(2):
        with whorl.Server.start("-f", whorl.guest("echo"), env=env) as server:
            assert server.post("/", b"x").body == b"x"
            assert "code cache entry" not in server.err.text, server.err.text
    assert list(cache.glob("*.code"))
