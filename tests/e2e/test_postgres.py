"""PostgreSQL as guests see it, against a real server and against servers that misbehave."""

import concurrent.futures
import os
import shutil
import time

import bad_servers
import pytest
import real_servers
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "postgres"
[component.postgres]
source = "postgres.wasm"
allowed_outbound_hosts = ["postgres://127.0.0.1:*", "postgres://localhost:*"]
"""


@pytest.fixture(scope="module")
def postgres():
    with real_servers.Postgres(password="s3cr3t-canary", tls=True) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("postgres"), MANIFEST)
    shutil.copy(whorl.guest("postgres"), folder / "postgres.wasm")
    with whorl.Server.start("-f", folder) as running:
        yield running


def address_of(postgres, host="127.0.0.1", password=None, options=""):
    return f"postgres://postgres:{password or postgres.options['password']}@{host}:{postgres.port}/postgres{options}"


def ask(server, address, *statements, version="v4"):
    response = server.post(f"/{version}", "\n".join([address, *statements]).encode(), timeout=90)
    assert response.status == 200, (statements, response.body, server.err.text)
    text = response.body.decode(errors="replace").removesuffix("\n")
    return text.split("\n") if len(statements) > 1 else text


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_statements(server, postgres, version):
    def do(*statements):
        return ask(server, address_of(postgres), *statements, version=version)

    assert do(f"!DROP TABLE IF EXISTS {version}", f"!CREATE TABLE {version}(id serial, v text, n bigint)",
              f"!INSERT INTO {version}(v, n) VALUES('a', 1), (NULL, -2)", f"(b)INSERT INTO {version}(v) VALUES($1)",
              f"!UPDATE {version} SET n = 3", f"SELECT v, n FROM {version} ORDER BY id",
              f"(3)SELECT count(*) AS c FROM {version} WHERE n = $1", f"SELECT v FROM {version} WHERE false") == [
                  "0", "0", "2", "", "3", "v,n|a,3|null,3|b,3", "c|3", "v"]
    assert do("SELECT true::bool, 1::int2, (-2)::int4, 3::int8, 0.5::float4, 0.25::float8, 'x'::varchar, 'y'::bpchar, '\\x0102'::bytea") == \
        "bool,int2,int4,int8,float4,float8,varchar,bpchar,bytea|true,1,-2,3,500,250,x,y,bytes 2"
    assert do("SELECT nope") == 'error 2 ERROR: column "nope" does not exist'
    assert do("", "SELECT 1 AS x; SELECT 2", "SELECT 1 AS x")[1:] == [
        "error 2 ERROR: cannot insert multiple commands into a prepared statement", "x|1"]


def test_all_types(server, postgres):
    row = ask(server, address_of(postgres), "SELECT '6f6b1c2e-0000-4000-8000-000000000001'::uuid, '{\"a\": 1}'::jsonb, "
              "123456789012345678901234.500::numeric, -0.0012::numeric, 'NaN'::numeric, '2024-02-29'::date, '12:34:56.7'::time, "
              "'2024-02-29 12:00:00+02'::timestamptz, '[1,5)'::int4range, '(,7]'::int8range, '[1.5,2]'::numrange, "
              "'{1,NULL}'::int4[], '{2}'::int8[], '{1.5}'::numeric[], '{a,NULL}'::text[], '1 month 2 days'::interval, "
              "'1.2.3.4'::inet, NULL::uuid").split("|")[1]
    assert row == ('6f6b1c2e-0000-4000-8000-000000000001,{"a": 1},123456789012345678901234.500,-0.0012,NaN,tag 9,tag 10,'
                   'tag 11,tag 16,tag 17,tag 18,tag 19,tag 20,tag 21,tag 22,tag 23,tag 25,null')
    assert ask(server, address_of(postgres), "(2024-02-29)SELECT ($1::date + 1)::text AS d", "({1,2})SELECT ($1::int[])[2] AS e") == [
        "d|2024-03-01", "e|2"]


def test_transactions_and_what_is_left(server, postgres):
    address = address_of(postgres)
    ask(server, address, "!CREATE TABLE IF NOT EXISTS t(x int)", "!TRUNCATE t")
    assert ask(server, address, "!BEGIN", "!INSERT INTO t VALUES(1)", "SELECT count(*) FROM t", "!ROLLBACK",
               "SELECT count(*) FROM t") == ["0", "1", "count|1", "0", "count|0"]
    # A transaction that its guest leaves open ends with it.
    ask(server, address, "!BEGIN", "!INSERT INTO t VALUES(2)")
    assert ask(server, address, "SELECT count(*) FROM t") == "count|0"
    assert ask(server, address, "!SET application_name = 'left'", "SHOW application_name") == ["0", "application_name|left"]
    assert ask(server, address, "SHOW application_name") == "application_name|"


def test_a_trap_rolls_back_and_leaves_no_connection_behind(server, postgres):
    address = address_of(postgres)
    ask(server, address, "!CREATE TABLE IF NOT EXISTS trapped(x int)", "!TRUNCATE trapped")

    def ended(number):
        body = "\n".join([address, "!BEGIN", "!INSERT INTO trapped VALUES(1)", "!SET search_path = 'x'", "trap"])
        assert server.post("/v4", body.encode()).status == 500

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(ended, range(300)))
    assert ask(server, address, "SELECT count(*) FROM trapped") == "count|0"
    assert ask(server, address, "SHOW search_path").endswith("public")
    idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
    assert postgres.psql(idle) == "0\n"
    assert postgres.connections() <= 20


def test_only_what_was_granted(server, postgres):
    for host in ("example.com", "10.0.0.1"):
        for version in ("v2", "v4"):
            assert ask(server, f"postgres://u:pw@{host}:5432/d", "SELECT 1", version=version) == \
                f"open error 0 address postgres://{host}:5432 is not permitted"
    assert ask(server, "host=127.0.0.1,example.com user=u", "SELECT 1") == \
        "open error 0 address postgres://example.com:5432 is not permitted"
    assert ask(server, "postgres:///d?host=/tmp&user=u", "SELECT 1") == \
        "open error 0 Unix sockets are not supported on WebAssembly"
    assert "hostaddr is not available" in ask(server, "host=127.0.0.1 hostaddr=10.0.0.1 user=u", "SELECT 1")


def test_password_and_tls(server, postgres, app):
    answer = ask(server, address_of(postgres, password="wrong-canary"), "SELECT 1")
    assert answer == 'open error 0 FATAL:  password authentication failed for user "postgres"'
    assert ask(server, address_of(postgres, options="?sslmode=disable"), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "ssl|false"
    assert ask(server, address_of(postgres), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "ssl|true"
    assert "certificate verify failed" in ask(server, address_of(postgres, options="?sslmode=require"), "SELECT 1")
    with whorl.Server.start("-f", app(MANIFEST, "postgres"), env={"SSL_CERT_FILE": str(postgres.certificate)}) as trusting:
        assert ask(trusting, address_of(postgres, "localhost", options="?sslmode=require"), "SELECT 1 AS x") == "x|1"
    assert "canary" not in server.err.text + server.out.text


def test_connections_stay_few(server, postgres):
    def client(number):
        with server.connect() as connection:
            for _ in range(40):
                connection.request("POST", "/v4", body=f"{address_of(postgres)}\nSELECT 1 AS x".encode())
                assert connection.response("POST").body == b"x|1\n"

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(16)))
    assert postgres.connections() <= 20


def test_a_server_that_dies_and_comes_back(server):
    with real_servers.Postgres() as postgres:
        address = f"postgres://postgres@127.0.0.1:{postgres.port}/postgres?sslmode=disable"
        assert ask(server, address, "SELECT 1 AS x") == "x|1"
        postgres.stop(2)  # SIGINT: connections are cut
        assert ask(server, address, "SELECT 1 AS x") == "open error 0 Connection refused"
        postgres.start()
        begin = time.monotonic()
        assert ask(server, address, "SELECT 1 AS x") == "x|1"
        assert time.monotonic() - begin < 1
        assert ask(server, address, "SELECT pg_terminate_backend(pg_backend_pid())").startswith("error")
        assert ask(server, address, "SELECT 1 AS x") == "x|1"


def test_answers_that_are_too_long(server, postgres):
    for version in ("v2", "v4"):
        assert ask(server, address_of(postgres), "SELECT repeat('x', 200000000)", version=version) == \
            "error 4 query result exceeds limit of 134217728 bytes"
        assert ask(server, address_of(postgres), "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)", version=version) == \
            "error 4 query result exceeds limit of 134217728 bytes"
    assert ask(server, address_of(postgres), "SELECT 1 AS x") == "x|1"


@pytest.mark.parametrize("behaviour", [bad_servers.garbage, bad_servers.closing, bad_servers.endless(b"R\x7f\xff\xff\xff", b"x"),
                                       bad_servers.endless(b"E", b"x")])
def test_servers_that_misbehave(server, behaviour):
    with bad_servers.BadServer(behaviour) as bad:
        for _ in range(3):
            assert ask(server, f"postgres://u:canary@127.0.0.1:{bad.port}/d", "SELECT 1").startswith("open error 0 ")
        end = time.monotonic() + 10
        while bad.open_connections > 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert bad.open_connections == 0


@pytest.mark.slow
def test_a_server_that_never_answers(server):
    with bad_servers.BadServer(bad_servers.silent) as bad:
        begin = time.monotonic()
        assert ask(server, f"postgres://u@127.0.0.1:{bad.port}/d", "SELECT 1") == \
            "open error 0 the server did not answer in time"
        assert 8 < time.monotonic() - begin < 15


def test_capabilities_guest(postgres, tmp_path):
    """The prebuilt component of the Rust SDK."""
    guests = os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests")
    source = whorl.pathlib.Path(guests) / "capabilities" / "capabilities.wasm"
    if not source.exists():
        pytest.skip("there are no prebuilt guests")
    shutil.copy(source, tmp_path / "postgres.wasm")
    folder = whorl.manifest(tmp_path, MANIFEST + f'environment = {{ PG = "{address_of(postgres, options="?sslmode=disable")}" }}\n'
                            'key_value_stores = ["default"]\nsqlite_databases = ["default"]\n')
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/pg").body == b"[[DbValue::Int32(42)]]"
