"""Redis as guests see it, against a real server and against servers that misbehave."""

import concurrent.futures
import os
import shutil
import signal
import time

import bad_servers
import pytest
import real_servers
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "redis"
[component.redis]
source = "redis.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:*", "rediss://localhost:*"]
"""


@pytest.fixture(scope="module")
def redis():
    with real_servers.Redis() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("redis"), MANIFEST)
    shutil.copy(whorl.guest("redis"), folder / "redis.wasm")
    with whorl.Server.start("-f", folder) as running:
        yield running


def ask(server, address, *commands, version="v2"):
    response = server.post(f"/{version}", "\n".join([address, *commands]).encode(), timeout=60)
    assert response.status == 200, (commands, response.body, server.err.text)
    text = response.body.decode(errors="replace").removesuffix("\n")
    return text.split("\n") if len(commands) > 1 else text


def test_functions(server, redis):
    redis.cli("FLUSHALL")
    assert ask(server, redis.address, "get k", "set k v", "get k", "set k ", "get k") == ["none", "ok", "v", "ok", ""]
    assert ask(server, redis.address, "incr n", "incr n", "del n k nope", "incr n") == ["1", "2", "2", "1"]
    assert ask(server, redis.address, "sadd s a b a", "sadd s c", "srem s a x", "publish c m") == ["2", "1", "1", "ok"]
    assert sorted(ask(server, redis.address, "smembers s").split(" ")) == ["b", "c"]
    assert ask(server, redis.address, "execute SET e 1", "execute APPEND e #23", "execute get e", "execute get nope",
               "execute LRANGE nope 0 -1", "execute EVAL return{1,{'a',{2}},false} 0") == [
                   "+OK", ":3", "123", "nil", "", ":1 a :2 nil"]


def test_functions_of_version_1(server, redis):
    def do(*commands):
        return ask(server, redis.address, *commands, version="v1")

    redis.cli("FLUSHALL")
    assert do("get k", "set k v", "get k", "incr n", "del n k") == ["", "ok", "v", "1", "2"]
    assert do("sadd s a b", "smembers s", "srem s a b", "publish c m")[0::2] == ["2", "2"]
    assert do("execute SET e 1", "execute get e", "execute nope") == ["+OK", "1", "error 1"]
    redis.cli("LPUSH", "list", "x")
    assert do("get list", "incr list") == ["error 1", "error 1"]


def test_what_the_server_refuses(server, redis):
    redis.cli("LPUSH", "list", "x")
    assert ask(server, redis.address, "get list", "execute NOPE", "set k v") == [
        "error 3 WRONGTYPE: Operation against a key holding the wrong kind of value",
        "error 3 An error was signalled by the server - ResponseError: unknown command 'NOPE', with args beginning with: ",
        "ok"]


def test_transactions_are_a_guests_own(server, redis):
    redis.cli("FLUSHALL")
    assert ask(server, redis.address, "execute MULTI", "set a 1", "incr a", "execute EXEC", "get a") == [
        "+OK", "ok", "error 3 Response was of incompatible type - TypeError", "+OK :2", "2"]
    # One that is not ended is gone with its guest; nobody else is in it.
    assert ask(server, redis.address, "execute MULTI", "set b 1") == ["+OK", "ok"]
    assert ask(server, redis.address, "set c 1", "get b") == ["ok", "none"]
    assert ask(server, redis.address, "execute SELECT #3", "set d 3", "get d") == ["+OK", "ok", "3"]
    assert ask(server, redis.address, "get d") == "none"
    assert ask(server, redis.address + "/3", "get d") == "3"


def test_only_what_was_granted(server, redis):
    for address in ("redis://localhost:6379", "rediss://127.0.0.1:1", "redis://127.0.0.1:1@localhost:6379", "nonsense://",
                    "http://127.0.0.1:1", "redis://2130706433:6379", ""):
        assert ask(server, address, "get k") == "open error 0", address
        assert ask(server, address, "get k", version="v1") == "error 1", address
    assert server.err.wait_for("Outbound network destination not allowed: redis://localhost:6379")
    assert server.err.wait_for(r'allowed_outbound_hosts = \["redis://localhost:6379"\]')


def test_blocked_networks(app, redis, tmp_path):
    config = tmp_path / "runtime-config.toml"
    config.write_text('[outbound_networking]\nblock_networks = ["private"]\n')
    folder = app(MANIFEST.replace("redis://127.0.0.1:*", "redis://*:*"), "redis")
    with whorl.Server.start("-f", folder, "--runtime-config-file", config) as server:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            answer = ask(server, f"redis://{host}:{redis.port}", "get k")
            assert answer == "open error 3 the destination's network is blocked"


def test_password_and_secrecy(server):
    secret = "s3cr3t-canary"
    with real_servers.Redis(password=secret) as redis:
        place = f"127.0.0.1:{redis.port}"
        assert ask(server, f"redis://:{secret}@{place}", "set k v", "get k") == ["ok", "v"]
        assert ask(server, f"redis://default:{secret}@{place}/2", "get k") == "none"
        assert ask(server, f"redis://{place}", "get k") == "error 3 NOAUTH: Authentication required."
        answer = ask(server, f"redis://:{secret}x@{place}", "get k")
        assert answer.startswith("open error 3 WRONGPASS") and secret not in answer
    answer = ask(server, f"redis://:{secret}@{place}", "get k")
    assert answer == "open error 3 Connection refused (os error 111)"
    ask(server, f"redis://:{secret}@localhost:1", "get k")
    assert secret not in server.err.text + server.out.text


def test_tls(app, tmp_path):
    with real_servers.Redis(tls=True) as redis:
        folder = app(MANIFEST, "redis")
        address = f"rediss://localhost:{redis.port}"
        with whorl.Server.start("-f", folder, env={"SSL_CERT_FILE": str(redis.certificate)}) as server:
            assert ask(server, address, "set k v", "get k") == ["ok", "v"]
        with whorl.Server.start("-f", folder) as server:
            assert ask(server, address, "get k").startswith("open error 3 TLS: the certificate is not accepted")


def test_a_server_that_dies_and_comes_back(server, redis):
    assert ask(server, redis.address, "set k v") == "ok"
    redis.stop()
    assert ask(server, redis.address, "get k") == "open error 3 Connection refused (os error 111)"
    redis.start()
    begin = time.monotonic()
    assert ask(server, redis.address, "get k") == "none"
    assert time.monotonic() - begin < 1


def test_connections_stay_few(server, redis):
    def client(number):
        with server.connect() as connection:
            for i in range(100):
                transaction = ["execute MULTI", "incr t", "execute EXEC"] if i % 10 == 0 else []
                connection.request("POST", "/v2", body="\n".join([redis.address, "incr n", *transaction]).encode())
                assert connection.response("POST").status == 200

    redis.cli("FLUSHALL")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(16)))
    assert redis.cli("GET", "n") == "1600\n"
    assert redis.cli("GET", "t") == "160\n"
    assert redis.connections() <= 32


@pytest.mark.parametrize("behaviour, first, later", [
    (bad_servers.garbage, None, "the server's answer is no Redis protocol"),
    (bad_servers.closing, None, "the server closed the connection"),
    (bad_servers.endless(b"$999999999999\r\n", b"x"), None, "query result exceeds limit of 134217728 bytes"),
    (bad_servers.endless(b"$134217000\r\n", b"x"), None, "the server's answer is no Redis protocol"),
    (bad_servers.endless(b"*2000000000\r\n", b":1\r\n"), None, "query result exceeds limit of 134217728 bytes"),
    (bad_servers.endless(b"+", b"x"), None, "the server's answer is no Redis protocol"),
])
def test_servers_that_misbehave(server, behaviour, first, later):
    with bad_servers.BadServer(behaviour) as bad:
        address = f"redis://127.0.0.1:{bad.port}"
        for _ in range(3):
            assert ask(server, address, "get k").startswith(f"error 3 {later}")
        assert ask(server, f"redis://:pass@127.0.0.1:{bad.port}", "get k").startswith(f"open error 3 {later}")
        end = time.monotonic() + 10
        while bad.open_connections > 1 and time.monotonic() < end:
            time.sleep(0.01)
        assert bad.open_connections <= 1  # one may be idle: it was opened and nothing was said
    assert server.status_kib("VmRSS") < 1_000_000


def test_thousands_of_failures_leak_nothing(server):
    with bad_servers.BadServer(bad_servers.closing) as bad:
        before = server.open_files()

        def client(number):
            with server.connect() as connection:
                for _ in range(250):
                    connection.request("POST", "/v2", body=f"redis://127.0.0.1:{bad.port}\nget k".encode())
                    assert b"error 3" in connection.response("POST").body

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(8)))
        assert bad.accepted >= 2000
        end = time.monotonic() + 10
        while server.open_files() > before + 16 and time.monotonic() < end:
            time.sleep(0.05)
        assert server.open_files() <= before + 16


@pytest.mark.slow
def test_a_server_that_never_answers(server):
    with bad_servers.BadServer(bad_servers.silent) as bad:
        begin = time.monotonic()
        assert ask(server, f"redis://127.0.0.1:{bad.port}", "get k") == "error 3 the server did not answer in time"
        assert 25 < time.monotonic() - begin < 40
        begin = time.monotonic()
        assert ask(server, f"redis://:p@127.0.0.1:{bad.port}", "get k") == "open error 3 the server did not answer in time"
        assert 8 < time.monotonic() - begin < 15


def test_stopping_while_a_guest_waits(app, redis):
    with bad_servers.BadServer(bad_servers.silent) as bad, whorl.Server.start("-f", app(MANIFEST, "redis")) as server:
        with server.connect() as connection:
            connection.request("POST", "/v2", body=f"redis://127.0.0.1:{bad.port}\nget k".encode())
            while bad.accepted == 0:
                time.sleep(0.01)
            assert server.stop(signal.SIGTERM) == 0


def test_key_value_store(app, redis, tmp_path):
    redis.cli("FLUSHALL")
    config = tmp_path / "runtime-config.toml"
    config.write_text(f'[key_value_store.default]\ntype = "redis"\nurl = "{redis.address}/4"\n'
                      '[outbound_networking]\nblock_networks = ["private"]\n')
    folder = app(MANIFEST.split("[component")[0].replace('"redis"', '"stores"')
                 + '[component.stores]\nsource = "stores.wasm"\nkey_value_stores = ["default"]\n', "stores")
    with whorl.Server.start("-f", folder, "--runtime-config-file", config, "--key-value", "given=1") as server:
        def do(path, body=None):
            response = server.get(path) if body is None else server.post(path, body)
            assert response.status == 200, (path, response.body, server.err.text)
            return response.body.decode()

        assert do("/v2/get/default/given") == "1"
        for interface in ("v1", "v2", "wasi"):
            assert do(f"/{interface}/set/default/k", b"v") == "ok"
            assert do(f"/{interface}/get/default/k") == "v"
            assert do(f"/{interface}/exists/default/k") == "true"
            assert do(f"/{interface}/delete/default/k") == "ok"
            assert do(f"/{interface}/exists/default/k") == "false"
        assert do("/wasi/set-many/default/first", b"v") == "ok"
        assert do("/wasi/get-many/default/first") == "first=v\nsecond=v\n"
        assert sorted(do("/v2/keys/default/").split()) == ["first", "given", "second"]
        assert do("/wasi/delete-many/default/first") == "ok"
        assert do("/wasi/increment/default/n") == "5"
        assert do("/wasi/increment/default/n") == "10"
        assert redis.cli("-n", "4", "GET", "n") == "10\n"
        assert do("/wasi/swap-twice/default/c", b"new") == "swapped new"
        for i in range(3000):
            redis.cli("-n", "4", "SET", f"many-{i}", "x") if i % 1000 == 0 else None
        redis.cli("-n", "4", "EVAL", "for i=1,5000 do redis.call('SET','many-'..i,'x') end", "0")
        assert len([key for key in do("/v2/keys/default/").split() if key.startswith("many-")]) == 5001
        redis.stop()
        assert do("/v2/get/default/k") == "error 3 Connection refused (os error 111)"
        redis.start()
        assert do("/v2/get/default/k") == "none"


def test_capabilities_guest(redis, tmp_path):
    """The prebuilt component of the Rust SDK."""
    guests = os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests")
    source = whorl.pathlib.Path(guests) / "capabilities" / "capabilities.wasm"
    if not source.exists():
        pytest.skip("there are no prebuilt guests")
    shutil.copy(source, tmp_path / "c.wasm")
    folder = whorl.manifest(tmp_path, f"""
[variables]
greeting = {{ default = "hi" }}
[[trigger.http]]
route = "/..."
component = "c"
[component.c]
source = "c.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:*"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
variables = {{ greeting = "{{{{ greeting }}}}" }}
environment = {{ REDIS = "{redis.address}" }}
""")
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/redis/set").body == b"set"
        assert server.get("/redis/get").body.startswith(b"Some(")
