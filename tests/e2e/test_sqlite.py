"""SQL databases as guests see them: three interfaces over files that other programs can read and write too."""

import concurrent.futures
import signal
import sqlite3

import pytest
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "sql"
[component.sql]
source = "sql.wasm"
sqlite_databases = ["default"]
"""


@pytest.fixture
def folder(app):
    return app(MANIFEST, "sql")


@pytest.fixture
def server(folder):
    with whorl.Server.start("-f", folder) as running:
        yield running


def ask(server, *statements, version="v2", label="default"):
    response = server.post(f"/{version}/{label}", "\n".join(statements).encode())
    assert response.status == 200, (statements, response.body, server.err.text)
    lines = response.body.decode().split("\n")
    return lines[0] if len(lines) == 1 else lines[:-1] if len(lines) > 2 else lines[0]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_statements(server, version):
    def do(*statements):
        return ask(server, *statements, version=version)

    assert do("CREATE TABLE t(id INTEGER PRIMARY KEY, v)") == ""
    assert do("INSERT INTO t(v) VALUES(1), (-2), (0.5), ('text'), (x'0011'), (NULL)") == ""
    assert do("SELECT v FROM t ORDER BY id") == "v|1|-2|real 500|text|blob 2|null"
    assert do("(bound)SELECT ? AS p, 2") == "p,2|bound,2"
    assert do("SELECT nope") == "error 4 no such column: nope in SELECT nope at offset 7"
    assert do("SELECT ?") == "error 4 Wrong number of parameters passed to query. Got 0, needed 1"
    assert do("ATTACH 'x' AS y") == "error 4 not authorized"
    assert do("BEGIN", "DELETE FROM t", "SELECT count(*) FROM t", "ROLLBACK", "SELECT count(*) AS n FROM t") == [
        "", "", "count(*)|0", "", "n|6"]


def test_what_a_connection_says_of_itself(server):
    ask(server, "CREATE TABLE t(x)")
    assert ask(server, "info", "INSERT INTO t VALUES(1),(2)", "info", version="v3") == ["0,0", "", "2,2"]


def test_only_what_was_granted(server):
    for version in ("v1", "v2", "v3"):
        for label in ("other", "", "Default"):
            assert ask(server, "SELECT 1", version=version, label=label) == "open error 1"


def test_database_that_is_not_defined(app):
    folder = app(MANIFEST.replace('["default"]', '["default", "mystery"]'), "sql")
    ended = whorl.run("up", "-f", folder, "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert "One or more components use SQLite databases which are not defined." in ended.stderr
    assert "- Component sql uses database 'mystery'" in ended.stderr


def test_where_it_is_kept(folder, tmp_path):
    with whorl.Server.start("-f", folder) as server:
        assert 'Storing default SQLite data to "' in server.err.text
        assert '.spin/sqlite_db.db".' in server.err.text
        ask(server, "CREATE TABLE t(x)", "INSERT INTO t VALUES('ours')")
        with sqlite3.connect(folder / ".spin" / "sqlite_db.db") as other:  # while it is in use
            assert other.execute("SELECT x FROM t").fetchall() == [("ours",)]
            other.execute("INSERT INTO t VALUES('theirs')")
        other.close()
        assert ask(server, "SELECT x FROM t") == "x|ours|theirs"
    with whorl.Server.start("-f", folder) as server:
        assert ask(server, "SELECT x FROM t") == "x|ours|theirs"
    with whorl.Server.start("-f", folder, "--state-dir", "") as server:
        assert "Storing default SQLite data to a temporary in-memory database." in server.err.text
        assert ask(server, "CREATE TABLE t(x)", "SELECT count(*) FROM t") == ["", "count(*)|0"]
        assert ask(server, "SELECT count(*) FROM t").startswith("error 4 no such table: t")  # of each connection


def test_a_trap_rolls_back_and_others_go_on(server):
    ask(server, "CREATE TABLE t(x)")
    for _ in range(3):
        response = server.post("/v2/default", b"BEGIN IMMEDIATE\nINSERT INTO t VALUES(1)\ntrap")
        assert response.status == 500 or not response.complete
        assert ask(server, "INSERT INTO t VALUES(2)") == ""
    # One that just leaves its transaction open.
    assert ask(server, "BEGIN", "INSERT INTO t VALUES(3)") == ["", ""]
    assert ask(server, "SELECT group_concat(x) AS x FROM t") == "x|2,2,2"


def test_concurrent_transactions(server):
    ask(server, "CREATE TABLE sums(n)", "INSERT INTO sums VALUES(0)")
    clients, each = 8, 25

    def client(number):
        with server.connect() as connection:
            for _ in range(each):
                statements = b"UPDATE sums SET n = n + 1"
                if number % 2 == 0:
                    statements = b"BEGIN IMMEDIATE\n" + statements + b"\nCOMMIT"
                connection.request("POST", "/v2/default", body=statements)
                response = connection.response("POST")
                assert b"error" not in response.body, response.body

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    assert ask(server, "SELECT n FROM sums") == f"n|{clients * each}"


def test_kill_loses_nothing_acknowledged(folder):
    with whorl.Server.start("-f", folder) as server:
        ask(server, "CREATE TABLE t(x)")
    acknowledged = []
    for round in range(3):
        with whorl.Server.start("-f", folder) as server:
            def client(number):
                done = []
                with server.connect() as connection:
                    for i in range(100_000):
                        key = f"{round}-{number}-{i}"
                        try:
                            connection.request("POST", "/v2/default", body=f"INSERT INTO t VALUES('{key}')".encode())
                            response = connection.response("POST")
                        except (whorl.Cut, OSError):
                            return done
                        if response.status != 200 or response.body != b"\n":
                            return done
                        done.append(key)
                        if number == 0 and i == 30 + round:
                            server.process.send_signal(signal.SIGKILL)
                return done

            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                acknowledged += [key for done in pool.map(client, range(8)) for key in done]
            server.process.wait()
    assert len(acknowledged) > 90
    with whorl.Server.start("-f", folder) as server:
        there = set(ask(server, "SELECT x FROM t").split("|"))
        assert set(acknowledged) <= there
