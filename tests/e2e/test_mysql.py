"""MySQL as guests see it, against a real MariaDB and against servers that misbehave."""

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
component = "mysql"
[component.mysql]
source = "mysql.wasm"
allowed_outbound_hosts = ["mysql://127.0.0.1:*"]
"""


@pytest.fixture(scope="module")
def mysql():
    with real_servers.MariaDb() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("mysql"), MANIFEST)
    shutil.copy(whorl.guest("mysql"), folder / "mysql.wasm")
    with whorl.Server.start("-f", folder) as running:
        yield running


def address_of(mysql, password="p"):
    return f"mysql://u:{password}@127.0.0.1:{mysql.port}/d"


def ask(server, address, *statements, version="v2"):
    response = server.post(f"/{version}", "\n".join([address, *statements]).encode(), timeout=90)
    assert response.status == 200, (statements, response.body, server.err.text)
    text = response.body.decode(errors="replace").removesuffix("\n")
    return text.split("\n") if len(statements) > 1 else text


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_statements(server, mysql, version):
    def do(*statements):
        return ask(server, address_of(mysql), *statements, version=version)

    assert do(f"!DROP TABLE IF EXISTS {version}", f"!CREATE TABLE {version}(id int AUTO_INCREMENT PRIMARY KEY, v text, n bigint)",
              f"!INSERT INTO {version}(v, n) VALUES('a', 1), (NULL, -2)", f"!(b)INSERT INTO {version}(v) VALUES(?)",
              f"SELECT v, n FROM {version} ORDER BY id", f"(a)SELECT n FROM {version} WHERE v = ?",
              f"SELECT v FROM {version} WHERE false", f"UPDATE {version} SET n = 3") == [
                  "ok", "ok", "ok", "ok", "v,n|11:a,4:1|13:,4:-2|11:b,13:", "n|4:1", "v", ""]
    assert do("SELECT nope") == f"error {2 + (version == 'v1')} Server error: `ERROR 42S22 (1054): Unknown column 'nope' in 'SELECT''" \
        or "Unknown column 'nope'" in do("SELECT nope")
    assert "Statement takes 1 parameters but 0 was supplied." in do("SELECT ?")


def test_all_types(server, mysql):
    address = address_of(mysql)
    ask(server, address, "!DROP TABLE IF EXISTS types", "!CREATE TABLE types(a tinyint, b smallint, c mediumint, d int, e bigint, "
        "f tinyint unsigned, g smallint unsigned, h mediumint unsigned, i int unsigned, j bigint unsigned, k float, l double, "
        "m char(3), n varchar(9), o text, p binary(2), q varbinary(9), r blob, s longblob, t bool)",
        "!INSERT INTO types VALUES(-1, -2, -3, -4, -5, 255, 65535, 7, 4294967295, 18446744073709551615, 0.5, 0.25, 'abc', 'd', "
        "'e\u00fc', 'fg', 'h', 'ij', 'k', true)")
    assert ask(server, address, "SELECT * FROM types").split("|")[1] == (
        "1:-1,2:-2,3:-3,3:-4,4:-5,5:255,6:65535,7:7,7:4294967295,8:18446744073709551615,9:500,10:250,11:abc,11:d,11:e\u00fc,"
        "12:2,12:1,12:2,12:1,1:1")
    assert ask(server, address, "SELECT 1.5 AS x").startswith("error 3 ")  # value-conversion-failed
    assert ask(server, address, "SELECT CAST(NULL AS decimal) AS x") == "x|13:"


def test_transactions_and_what_is_left(server, mysql):
    address = address_of(mysql)
    ask(server, address, "!CREATE TABLE IF NOT EXISTS t(x int)", "!TRUNCATE TABLE t")
    assert ask(server, address, "!START TRANSACTION", "!INSERT INTO t VALUES(1)", "SELECT count(*) AS c FROM t", "!ROLLBACK",
               "SELECT count(*) AS c FROM t") == ["ok", "ok", "c|4:1", "ok", "c|4:0"]
    ask(server, address, "!BEGIN", "!INSERT INTO t VALUES(2)")  # left open: it ends with its guest
    assert ask(server, address, "SELECT count(*) AS c FROM t") == "c|4:0"
    assert ask(server, address, "!SET @a = 'left'", "SELECT @a AS a") == ["ok", "a|11:left"]
    assert ask(server, address, "SELECT @a IS NULL AS a") == "a|3:1"


def test_a_trap_rolls_back_and_leaves_no_connection_behind(server, mysql):
    address = address_of(mysql)
    ask(server, address, "!CREATE TABLE IF NOT EXISTS trapped(x int)", "!TRUNCATE TABLE trapped")

    def ended(number):
        body = "\n".join([address, "!START TRANSACTION", "!INSERT INTO trapped VALUES(1)", "!SET @left = 1", "trap"])
        assert server.post("/v2", body.encode()).status == 500

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(ended, range(300)))
    assert ask(server, address, "SELECT count(*) AS c FROM trapped") == "c|4:0"
    assert ask(server, address, "SELECT @left IS NULL AS a") == "a|3:1"
    assert mysql.connections() <= 20


def test_only_what_was_granted(server):
    for address in ("mysql://spin:spin@localhost:3306/spin_dev", "mysql://u:p@10.0.0.1/d", "nonsense://", ""):
        assert ask(server, address, "SELECT 1") == f"open error 0 address {address} is not permitted"
        assert ask(server, address, "SELECT 1", version="v1") == f"error 1 address {address} is not permitted"
    assert server.err.wait_for("not allowed: mysql://localhost:3306")
    assert "spin:spin" not in server.err.text


def test_password_and_files_of_the_host(server, mysql):
    assert "Access denied for user 'u'" in ask(server, address_of(mysql, "wrong-canary"), "SELECT 1")
    assert ask(server, address_of(mysql), "!LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t").startswith("error")
    assert "canary" not in server.err.text + server.out.text


def test_tls(app):
    """The certificate is checked, against the system's roots and the address; without TLS nothing else would be sent."""
    secret = "s3cr3t-canary"
    with real_servers.MariaDb(tls=True, password=secret) as mysql:
        tls = address_of(mysql, secret) + "?ssl-mode=REQUIRED"
        cipher = "SHOW SESSION STATUS LIKE 'Ssl_version'"
        folder = app(MANIFEST, "mysql")
        with whorl.Server.start("-f", folder, env={"SSL_CERT_FILE": str(mysql.certificate)}) as server:
            assert "TLSv1" in ask(server, tls, cipher)
            assert "TLSv1" not in ask(server, address_of(mysql, secret), cipher)
            wrong = ask(server, address_of(mysql, secret + "x") + "?ssl-mode=REQUIRED", "SELECT 1")
            assert "Access denied for user 'u'" in wrong and secret not in wrong
            assert secret not in server.err.text + server.out.text
        with whorl.Server.start("-f", folder) as server:
            answer = ask(server, tls, "SELECT 1")
            assert answer.startswith("open error 0 ") and "certificate" in answer, answer
            assert secret not in server.err.text + server.out.text + answer
    with real_servers.MariaDb() as plain, whorl.Server.start("-f", folder) as server:  # a server without TLS
        assert ask(server, address_of(plain) + "?ssl-mode=REQUIRED", "SELECT 1").startswith("open error 0 ")


def test_connections_stay_few(server, mysql):
    def client(number):
        with server.connect() as connection:
            for _ in range(40):
                connection.request("POST", "/v2", body=f"{address_of(mysql)}\nSELECT 7 AS x".encode())
                assert connection.response("POST").body == b"x|3:7\n"

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(16)))
    assert mysql.connections() <= 20


def test_a_server_that_dies_and_comes_back(server, mysql):
    assert ask(server, address_of(mysql), "SELECT 7 AS x") == "x|3:7"
    mysql.stop()
    assert ask(server, address_of(mysql), "SELECT 7 AS x").startswith("open error 0 Server error: `ERROR HY000 (2002)")
    mysql.start()
    begin = time.monotonic()
    assert ask(server, address_of(mysql), "SELECT 7 AS x") == "x|3:7"
    assert time.monotonic() - begin < 1


def test_answers_that_are_too_long(server, mysql):
    answer = ask(server, address_of(mysql), "SELECT repeat('x', 1000000) FROM information_schema.collations a")
    assert answer == "error 4 query result exceeds limit of 134217728 bytes"
    assert ask(server, address_of(mysql), "SELECT 7 AS x") == "x|3:7"


def speaking_first(text):
    async def behave(reader, writer):
        writer.write(text)
        await writer.drain()
        writer.close()

    return behave


@pytest.mark.parametrize("greeting", [
    b"", b"garbage that is long enough to be a packet's head" * 100, b"\xff\xff\xff\x00" + b"x" * 100_000,
    b"\x01\x00\x00\x00\x0a"])
def test_servers_that_misbehave(server, greeting):
    """A MySQL server speaks first."""
    with bad_servers.BadServer(speaking_first(greeting)) as bad:
        for _ in range(3):
            assert ask(server, f"mysql://u:canary@127.0.0.1:{bad.port}/d", "SELECT 1").startswith("open error 0 ")
        end = time.monotonic() + 10
        while bad.open_connections > 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert bad.open_connections == 0


@pytest.mark.slow
def test_a_server_that_never_answers(server):
    with bad_servers.BadServer(bad_servers.silent) as bad:
        begin = time.monotonic()
        assert ask(server, f"mysql://u@127.0.0.1:{bad.port}/d", "SELECT 1") == \
            "open error 0 the server did not answer in time"
        assert 8 < time.monotonic() - begin < 15


def test_capabilities_guest(mysql, tmp_path):
    """The prebuilt component of the Rust SDK."""
    guests = os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests")
    source = whorl.pathlib.Path(guests) / "capabilities" / "capabilities.wasm"
    if not source.exists():
        pytest.skip("there are no prebuilt guests")
    shutil.copy(source, tmp_path / "mysql.wasm")
    folder = whorl.manifest(tmp_path, MANIFEST + f'environment = {{ MYSQL = "{address_of(mysql)}" }}\n'
                            'key_value_stores = ["default"]\nsqlite_databases = ["default"]\n')
    with whorl.Server.start("-f", folder) as server:
        body = server.get("/mysql").body
        assert b"42" in body, body
