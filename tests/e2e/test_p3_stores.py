"""The asynchronous interfaces of spin:redis@3, mqtt@3, mysql@3, postgres@4.2 and sqlite@3.1, against real servers.

The guest is tests/guests/p3/c/stores3.c: a body's first line is the address, the second a statement.
"""

import pytest
import real_servers
import whorl
from p3_guests import build

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "stores"
[component.stores]
source = "stores3.wasm"
sqlite_databases = ["default"]
allowed_outbound_hosts = ["redis://127.0.0.1:*", "mqtt://127.0.0.1:*", "mysql://127.0.0.1:*", "postgres://127.0.0.1:*"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("stores"), MANIFEST)
    component = build(folder, "stores3")
    if component.parent != folder:
        (folder / "stores3.wasm").write_bytes(component.read_bytes())
    with whorl.Server.start("-f", folder) as running:
        yield running


def ask(server, store, address, statement=""):
    response = server.post(f"/{store}", f"{address}\n{statement}".encode(), timeout=60)
    assert response.status == 200, (response.body, server.err.text)
    return response.body.decode()


def test_redis(server):
    with real_servers.Redis() as redis:
        wrong = "error: WRONGTYPE: Operation against a key holding the wrong kind of value"
        assert ask(server, "redis", redis.address, "hello") == f"hello counted 16 added 2 wrong {wrong} waits popped 7"
        assert redis.cli("GET", "text").strip() == "hello"
        assert ask(server, "redis", redis.address, "x") == f"x counted 32 added 0 wrong {wrong} waits popped 7"
    assert ask(server, "redis", "redis://127.0.0.1:1", "x").startswith("error: ")
    assert ask(server, "redis", "redis://example.com", "x") == "error: invalid address"


def test_mqtt(server):
    with real_servers.Mosquitto() as broker:
        assert ask(server, "mqtt", f"{broker.address}?client_id=one", "text") == "sent 3"
    assert ask(server, "mqtt", "mqtt://127.0.0.1:1?client_id=one", "x").startswith("error: connection failed: ")
    assert "is not permitted" in ask(server, "mqtt", "mqtt://example.com?client_id=one", "x")


def test_mysql(server):
    with real_servers.MariaDb(password="p") as database:
        address = f"mysql://u:p@127.0.0.1:{database.port}/d"
        rows = "SELECT seq AS a, 'x' AS b FROM seq_1_to_10"
        assert ask(server, "mysql", address, rows) == "a,b, 1 2 3 4 5 6 7 8 9 10 whole"
        assert ask(server, "mysql", address, "SELECT 1 AS a FROM seq_1_to_10 WHERE 1 = 0") == "a, whole"
        assert ask(server, "mysql", address, "SELECT nothing").startswith("error: 2 ")
    assert ask(server, "mysql", "mysql://example.com/x", "SELECT 1") == (
        "error: 0 address mysql://example.com/x is not permitted"
    )


def test_postgres(server):
    with real_servers.Postgres(password="p") as database:
        address = f"postgres://postgres:p@127.0.0.1:{database.port}/postgres"
        rows = "SELECT generate_series(1, 5)::int4"
        assert ask(server, "postgres", address, rows) == "1 2 3 4 5 whole " * 3 + "ran 2 built"
        assert ask(server, "postgres", address, "SELECT nothing").startswith("error: 2 42703" * 3)
    assert ask(server, "postgres", "postgres://u@example.com/x", "SELECT 1").startswith("error: 0 address ")


def test_sqlite(server):
    ask(server, "sqlite", "default", "CREATE TABLE IF NOT EXISTS t (a INTEGER)")
    ask(server, "sqlite", "default", "INSERT INTO t VALUES (1), (2), (3), (4), (5)")
    assert ask(server, "sqlite", "default", "SELECT a FROM t ORDER BY a LIMIT 5") == "1 2 3 4 5 whole"
    assert ask(server, "sqlite", "default", "SELECT b FROM t").startswith("error: no such column")
    assert ask(server, "sqlite", "other", "SELECT 1") == "error: 1"


def test_answers_that_nobody_reads_are_bounded(server):
    """They are in the host's memory, and cost the guest a handle each."""
    assert ask(server, "sqlite-keep", "default", "SELECT zeroblob(1000000)") == "kept 64"
    response = server.post("/sqlite-keep", b"default\nSELECT zeroblob(60000000)", timeout=60)
    assert response.status == 500
    server.err.wait_for("the host keeps more than 256 MiB of lists and arguments for the guest")
