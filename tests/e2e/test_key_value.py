"""Key-value stores as guests see them: three interfaces over one file, which Spin can read and write too."""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

import pytest
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "stores"
[component.stores]
source = "stores.wasm"
key_value_stores = ["default"]
"""
TABLE = """CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
PRIMARY KEY (store, key))"""


@pytest.fixture
def folder(app):
    return app(MANIFEST, "stores")


@pytest.fixture
def server(folder):
    with whorl.Server.start("-f", folder) as running:
        yield running


def ask(server, path, body=None):
    response = server.get(path) if body is None else server.post(path, body)
    assert response.status == 200, (path, response.body, server.err.text)
    return response.body.decode()


@pytest.mark.parametrize("interface", ["v1", "v2", "wasi"])
def test_functions(server, interface):
    def do(op, key="", body=None):
        return ask(server, f"/{interface}/{op}/default/{key}", body)

    missing = "error 4" if interface == "v1" else "none"
    assert do("get", "bar") == missing
    assert do("exists", "bar") == "false"
    assert do("delete", "bar") == "ok"
    assert do("keys") == ""
    assert do("set", "bar", b"baz") == "ok"
    assert do("get", "bar") == "baz"
    assert do("exists", "bar") == "true"
    assert do("set", "bar", b"") == "ok"
    assert do("get", "bar") == ""
    assert do("set", "", b"of the empty key") == "ok"
    assert do("get", "") == "of the empty key"
    big = b"x" * 1_000_000
    assert do("set", "big", big) == "ok"
    assert do("get", "big").encode() == big
    assert sorted(do("keys").split("\n")) == sorted(["", "", "bar", "big"])  # the first is the empty key
    for key in ("bar", "big", ""):
        assert do("delete", key) == "ok"
    assert do("get", "bar") == missing


def test_what_is_particular(server):
    assert ask(server, "/v1/closed/default/x") == "error 3"  # invalid-store
    assert ask(server, "/wasi/cursor/default/") == "error 2 list_keys: cursor not supported"
    assert ask(server, "/wasi/set-many/default/first", b"v") == "ok"
    assert ask(server, "/wasi/get-many/default/first") == "first=v\nsecond=v\n"
    assert ask(server, "/wasi/delete-many/default/first") == "ok"
    assert ask(server, "/wasi/get-many/default/first") == ""
    assert ask(server, "/wasi/increment/default/n") == "5"
    assert ask(server, "/wasi/increment/default/n") == "10"
    assert ask(server, "/wasi/set/default/n", b"abc") == "ok"
    assert ask(server, "/wasi/increment/default/n") == "error 2 the value has 3 bytes; a number has 8"
    assert ask(server, "/wasi/swap-twice/default/c", b"new") == "swapped new"
    assert ask(server, "/wasi/get/default/c") == "new"


def test_only_what_was_granted(server):
    for interface, denied in (("v1", "2"), ("v2", "2"), ("wasi", "1")):
        for label in ("other", "", "Default"):
            assert ask(server, f"/{interface}/get/{label}/k") == f"open error {denied}"


def test_label_that_is_not_configured(app):
    folder = app(MANIFEST.replace('["default"]', '["default", "special"]'), "stores")
    ended = whorl.run("up", "-f", folder, "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert 'unknown key_value_stores label "special" for component "stores"' in ended.stderr


def test_state_stays_and_is_where_it_was_asked_for(folder, tmp_path):
    with whorl.Server.start("-f", folder) as server:
        ask(server, "/v2/set/default/k", b"1")
    assert (folder / ".spin" / "sqlite_key_value.db").exists()
    with whorl.Server.start("-f", folder) as server:
        assert ask(server, "/v2/get/default/k") == "1"
    with whorl.Server.start("-f", folder, "--state-dir", tmp_path / "elsewhere") as server:
        assert ask(server, "/v2/get/default/k") == "none"
        ask(server, "/v2/set/default/k", b"2")
    assert (tmp_path / "elsewhere" / "sqlite_key_value.db").exists()
    with whorl.Server.start("-f", folder, "--state-dir", "") as server:  # in memory
        assert ask(server, "/v2/get/default/k") == "none"
        ask(server, "/v2/set/default/k", b"3")
        assert ask(server, "/wasi/get/default/k") == "3"


def test_files_of_the_layout_are_read_and_written(folder):
    (folder / ".spin").mkdir()
    file = folder / ".spin" / "sqlite_key_value.db"
    with sqlite3.connect(file) as other:
        other.execute(TABLE)
        other.execute("INSERT INTO spin_key_value VALUES('default', 'theirs', ?)", (b"written by another",))
    other.close()
    with whorl.Server.start("-f", folder) as server:
        assert ask(server, "/v2/get/default/theirs") == "written by another"
        ask(server, "/v2/set/default/ours", b"x")
        with sqlite3.connect(file) as other:  # while it is in use
            assert other.execute("SELECT value FROM spin_key_value WHERE key='ours'").fetchall() == [(b"x",)]
            other.execute("UPDATE spin_key_value SET value = ? WHERE key = 'ours'", (b"y",))
        other.close()
        assert ask(server, "/v2/get/default/ours") == "y"


def test_kill_loses_nothing_acknowledged(folder):
    acknowledged = []
    for round in range(3):
        with whorl.Server.start("-f", folder) as server:
            def client(number):
                done = []
                with server.connect() as connection:
                    for i in range(100_000):
                        key = f"{round}-{number}-{i}"
                        try:
                            connection.request("POST", f"/v2/set/default/{key}", body=key.encode())
                            response = connection.response("POST")
                        except (whorl.Cut, OSError):
                            return done
                        if response.status != 200 or response.body != b"ok":
                            return done
                        done.append(key)
                        if number == 0 and i == 30 + round:
                            server.process.send_signal(signal.SIGKILL)
                return done

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                results = list(pool.map(client, range(8)))
            server.process.wait()
            acknowledged += [key for done in results for key in done]
    assert len(acknowledged) > 90
    with whorl.Server.start("-f", folder) as server:
        with server.connect() as connection:
            for key in acknowledged:
                connection.request("GET", f"/v2/get/default/{key}")
                assert connection.response().body == key.encode()


def test_broken_file(folder):
    (folder / ".spin").mkdir()
    (folder / ".spin" / "sqlite_key_value.db").write_bytes(b"no database" * 1000)
    with whorl.Server.start("-f", folder) as server:
        assert ask(server, "/v2/get/default/k") == "error 3 the store cannot be opened"
        assert "file is not a database" in server.err.text
        assert "sqlite_key_value.db" in server.err.text


def test_spin_shares_the_file(folder):
    """Real Spin reads what we wrote, and we what it wrote."""
    spin = os.environ.get("WHORL_PEER_SPIN")
    guests = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests")) / "capabilities"
    if not spin or not guests.exists():
        pytest.skip("NO PEER: WHORL_PEER_SPIN names no program, or there are no prebuilt guests")
    for name in ("capabilities.wasm", "spin.toml"):
        shutil.copy(guests / name, folder / ("peer.toml" if name == "spin.toml" else name))
    with whorl.Server.start("-f", folder) as server:
        ask(server, "/v2/set/default/k", b"from whorl")
    process = subprocess.Popen([spin, "up", "-f", "peer.toml", "--listen", "127.0.0.1:13970", "--find-free-port"],
                               cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        match = whorl.Output(process.stdout).wait_for(r"Serving http://127\.0\.0\.1:(\d+)", 60)
        assert match
        port = int(match.group(1))
        assert whorl.exchange(port, "GET", "/kv/get").body == b"Some(10)"
        assert whorl.exchange(port, "GET", "/kv/set").body == b"set"
    finally:
        process.terminate()
        process.wait()
    with whorl.Server.start("-f", folder) as server:
        assert ask(server, "/v2/get/default/k") == "value-of-32-bytes-0123456789abcdef"


def test_visits_example(app):
    folder = app(MANIFEST.replace("stores.wasm", "visits.wasm"), "visits")
    for first in (1, 4):
        with whorl.Server.start("-f", folder) as server:
            for i in range(first, first + 3):
                assert server.get("/a").body == f"/a was asked for {i} times\n".encode()
