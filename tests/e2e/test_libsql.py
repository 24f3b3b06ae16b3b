"""SQL databases of libSQL servers, over a stand-in that runs the statements with SQLite."""

import cloud_stores
import pytest
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "sql"
[component.sql]
source = "sql.wasm"
sqlite_databases = ["default", "local"]
"""
TOKEN = "libsql-t0ken"


@pytest.fixture
def database():
    with cloud_stores.Libsql(TOKEN) as service:
        yield service


def config(folder, url, token=TOKEN):
    (folder / "rc.toml").write_text(
        f'[sqlite_database.default]\ntype = "libsql"\nurl = "{url}"\ntoken = "{token}"\n'
        '[sqlite_database.local]\ntype = "spin"\n')
    return "--runtime-config-file", folder / "rc.toml"


@pytest.fixture
def server(app, tmp_path, database):
    with whorl.Server.start("-f", app(MANIFEST, "sql"), *config(tmp_path, database.url), env={"RUST_LOG": "warn"}) as running:
        yield running
        running.stop()
        assert TOKEN not in running.out.text + running.err.text


def ask(server, *statements, version="v2", label="default"):
    response = server.post(f"/{version}/{label}", "\n".join(statements).encode(), timeout=60)
    assert response.status == 200, (statements, response.body, server.err.text)
    lines = response.body.decode().split("\n")
    return lines[0] if len(lines) == 1 else lines[:-1] if len(lines) > 2 else lines[0]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_statements(server, database, version):
    def do(*statements):
        return ask(server, *statements, version=version)

    assert do("CREATE TABLE t(id INTEGER PRIMARY KEY, v)") == ""
    assert do("INSERT INTO t(v) VALUES(1), (-2), (0.5), ('text'), (x'0011'), (NULL)") == ""
    assert do("SELECT v FROM t ORDER BY id") == "v|1|-2|real 500|text|blob 2|null"
    assert do("(bound)SELECT ? AS p, 2") == "p,2|bound,2"
    assert do("SELECT nope") == "error 4 SQLite error: no such column: nope"
    assert not database.streams
    assert do("BEGIN", "DELETE FROM t", "SELECT count(*) AS n FROM t", "ROLLBACK", "SELECT count(*) AS n FROM t") == [
        "", "", "n|0", "", "n|6"]
    assert do("BEGIN", "DELETE FROM t WHERE id = 1", "SELECT nope", "COMMIT", "SELECT count(*) AS n FROM t") == [
        "", "", "error 4 SQLite error: no such column: nope", "", "n|5"]
    assert ask(server, "SELECT 1 AS x", label="local") == "x|1"


def test_what_a_connection_says_of_itself(server):
    ask(server, "CREATE TABLE t(x)")
    assert ask(server, "info", "INSERT INTO t VALUES(1),(2)", "info", "SELECT 1 AS x", "info", version="v3") == [
        "0,0", "", "2,2", "x|1", "2,2"]


def test_a_transaction_that_is_left_open_is_rolled_back(server, database):
    ask(server, "CREATE TABLE t(x)")
    assert ask(server, "BEGIN", "INSERT INTO t VALUES(1)") == ["", ""]
    server.post("/v2/default", b"BEGIN\nINSERT INTO t VALUES(2)\ntrap")
    for _ in range(50):
        answer = ask(server, "SELECT count(*) AS n FROM t")
        if not database.streams:
            break
    assert answer == "n|0"
    assert not database.streams


def test_a_stream_that_the_server_has_ended(server, database):
    ask(server, "CREATE TABLE t(x)")

    def expire(_):
        for stream in database.streams.values():
            stream.close()
        database.streams.clear()
        return 400, {}, {"message": "The stream has expired", "code": "STREAM_EXPIRED"}

    database.trouble = [None, expire]
    assert ask(server, "BEGIN", "INSERT INTO t VALUES(1)", "SELECT count(*) AS n FROM t") == [
        "", "error 4 the database answered with status 400: The stream has expired; the transaction is rolled back", "n|0"]


@pytest.mark.parametrize("step, message", [
    (503, "the database answered with status 503"),
    ("cut", "the service's answer was cut"),
    (lambda _: (200, {}, b"<html>"), "the database's answer has another form than expected"),
    (lambda _: (200, {}, {"baton": None, "results": [{"type": "ok", "response": {"type": "execute", "result": {
        "cols": [{"name": "a"}], "rows": [[]]}}}]}), "the database's answer has another form than expected"),
])
def test_a_server_in_trouble(server, database, step, message):
    database.trouble = [step]
    assert ask(server, "INSERT INTO nosuch VALUES(1)") == f"error 4 {message}"
    assert len(database.seen) == 1  # what may have been done is not done twice
    assert ask(server, "SELECT 1 AS x") == "x|1"


def test_a_wrong_token(app, tmp_path, database):
    flags = config(tmp_path, database.url, "wr0ng-token")
    with whorl.Server.start("-f", app(MANIFEST, "sql"), *flags, env={"RUST_LOG": "warn"}) as server:
        assert ask(server, "SELECT 1") == "error 4 the database answered with status 401: Unauthorized: Bearer ***"
        assert server.stop() == 0
        assert "wr0ng-token" not in server.out.text + server.err.text


def test_statements_at_the_start(app, tmp_path, database):
    (tmp_path / "m.sql").write_text("CREATE TABLE t(x);\nINSERT INTO t VALUES(1);\nINSERT INTO t VALUES(2);\n")
    flags = ("-f", app(MANIFEST, "sql"), *config(tmp_path, database.url))
    with whorl.Server.start(*flags, "--sqlite", "@m.sql", "--sqlite", "INSERT INTO t VALUES(3)", cwd=tmp_path) as server:
        assert ask(server, "SELECT sum(x) AS s FROM t") == "s|6"
    ended = whorl.run("up", *flags, "--listen", "127.0.0.1:0", "--sqlite", "bogus", cwd=tmp_path)
    assert ended.returncode == 1
    assert "failed to execute following sql statement against default database: 'bogus'" in ended.stderr
    assert TOKEN not in ended.stderr
