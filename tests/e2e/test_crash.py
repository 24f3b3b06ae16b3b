"""`kill -9` while guests write: what was acknowledged is there, and no store is broken.

WHORL_KILLS says how many kills there are of each kind; a run of full size:

    WHORL_KILLS=1000 pytest -s tests/e2e/test_crash.py
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import threading
import time

import durable
import whorl

KILLS = int(os.environ.get("WHORL_KILLS", "8"))
CLIENTS = {"kv": 4, "sql": 3}
FILES = {"kv": durable.KEY_VALUE, "sql": durable.SQLITE}
WRITING_S = 0.002  # how long an entry is being written, about
TRAILER = struct.Struct("<8sQ32s16s")


def test_stores(tmp_path):
    folder = durable.make(tmp_path / "app")
    seed = int(os.environ.get("WHORL_SEED", random.randrange(1 << 32)))
    chance = random.Random(seed)
    clients = [durable.Client(store, number, seed) for store, count in CLIENTS.items() for number in range(count)]
    for number in range(KILLS):
        with whorl.Server.start("-f", folder, "--quiet") as server:
            durable.create_table(server)
            check_through_guests(server, clients, chance, f"kill {number}, seed {seed}")
            kill_while_writing(server, clients, 1 + chance.randrange(300))
        for store in FILES:
            found = durable.contents(store, folder / FILES[store])
            for client in clients:
                if client.store == store:
                    client.check(found, f"kill {number + 1}, seed {seed}")
    counts = {store: sum(client.total for client in clients if client.store == store) for store in FILES}
    print(f"{KILLS} kills, acknowledged writes: {counts['kv']} key-value, {counts['sql']} SQLite; none lost, both files sound")
    assert all(count > 0 for count in counts.values())


def kill_while_writing(server, clients, after):
    """Kills the server when that many writes have been acknowledged in all."""
    left = threading.Semaphore(0)
    threads = [threading.Thread(target=client.run, args=(server, lambda _: left.release())) for client in clients]
    for thread in threads:
        thread.start()
    for _ in range(after):
        assert left.acquire(timeout=60), server.err.text
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    for thread in threads:
        thread.join()


def check_through_guests(server, clients, chance, where):
    """Some of what was acknowledged, as a guest of the server that came up after the kill sees it."""
    with server.connect() as connection:
        for client in clients:
            if client.store == "kv" and client.acknowledged:
                for key in chance.sample(sorted(client.acknowledged), min(5, len(client.acknowledged))):
                    connection.request("GET", f"/v2/get/default/{key}")
                    assert connection.response().body.decode() in {client.acknowledged[key], *client.unknown.get(key, ())}, where


def test_code_cache(tmp_path):
    """Kills while compiled code is made and written; each next start finds nothing broken and answers right."""
    cache = tmp_path / "cache"
    (cache / "code").mkdir(parents=True, mode=0o700)
    plain = whorl.guest("echo").read_bytes()
    module = tmp_path / "echo.wasm"
    seed = int(os.environ.get("WHORL_SEED", random.randrange(1 << 32)))
    chance = random.Random(seed)
    longest = 0.0
    without = 0  # kills after which there was no entry
    for number in range(KILLS):
        # A section that nobody reads makes it another module.
        payload = b"\x04kill" + number.to_bytes(4, "little")
        module.write_bytes(plain + b"\x00" + bytes([len(payload)]) + payload)
        command = [whorl.program(), "up", "--listen", "127.0.0.1:0", "--quiet", "-f", module]
        if number % 10 == 0:
            longest = max(longest, time_to_listen(tmp_path))
        process = subprocess.Popen(command, env=os.environ | {"WHORL_CACHE_DIR": str(cache)}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = entries_in(cache / "code")
        if number % 2 and wait_for_draft(cache / "code", drafts_in(cache / "code"), process):
            delay = chance.random() * WRITING_S
        else:
            delay = chance.random() * longest
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.kill()
        process.wait()
        check_entries(cache / "code", f"kill {number + 1}, seed {seed}")
        without += entries_in(cache / "code") == before
        if number % 4 == 3 or number + 1 == KILLS:
            with whorl.Server.start("-f", module, env={"WHORL_CACHE_DIR": str(cache)}) as server:
                assert server.post("/x", b"same").body == b"same", f"kill {number + 1}, seed {seed}"
                assert "is not used" not in server.err.text, server.err.text
    print(f"{KILLS} kills: {without} before the entry was there, {len(drafts_in(cache / 'code'))} of them while it was written; "
          f"{entries_in(cache / 'code')} entries of compiled code, none wrong")


def drafts_in(folder: pathlib.Path) -> set[str]:
    return {name for name in os.listdir(folder) if name.startswith(".tmp-")}


def wait_for_draft(folder: pathlib.Path, known: set[str], process: subprocess.Popen) -> bool:
    """Until an entry begins to be written: that takes a millisecond or two, which a kill at any time would hardly meet."""
    end = time.monotonic() + whorl.IO_TIMEOUT_S
    before = entries_in(folder)
    while time.monotonic() < end and process.poll() is None and entries_in(folder) == before:
        if drafts_in(folder) - known:
            return True
    return False


def entries_in(folder: pathlib.Path) -> int:
    return len(list(folder.glob("*.code")))


def time_to_listen(tmp_path: pathlib.Path) -> float:
    """Seconds from start to listening with an empty cache."""
    empty = tmp_path / "empty"
    began = time.monotonic()
    with whorl.Server.start("-f", tmp_path / "echo.wasm", env={"WHORL_CACHE_DIR": str(empty)}):
        taken = time.monotonic() - began
    shutil.rmtree(empty)
    return taken


def check_entries(folder: pathlib.Path, where: str) -> None:
    """What has the name of an entry is one from beginning to end; the checksum is left to the program."""
    for entry in folder.glob("*.code"):
        data = entry.read_bytes()
        magic, size, key, _ = TRAILER.unpack(data[-TRAILER.size:])
        assert (magic, size, key.hex()) == (b"WHRLCOD1", len(data) - TRAILER.size, entry.stem), f"{entry}, {where}"
