"""Every client of outside servers against servers that fail in every way: the guest gets its interface's error in time,
nothing is left behind. (Servers that come back: the tests of each client.)

WHORL_FAILURES says how many failures of one client in a row must leak nothing; 100000 is its full size.
"""

import concurrent.futures
import contextlib
import dataclasses
import os
import socket
import time
import typing

import bad_servers
import cloud_stores
import pytest
import real_servers
import services
import whorl

FAILURES = int(os.environ.get("WHORL_FAILURES", "1000"))
SECRET = "s3cr3t-canary"
MANIFEST = """
[variables]
token = {{ default = "d" }}
[[trigger.http]]
route = "/..."
component = "client"
[component.client]
source = "client.wasm"
allowed_outbound_hosts = ["*://127.0.0.1:*"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["m"]
variables = {{ message = "{{{{ token }}}}", token = "{{{{ token }}}}" }}
"""
NO_AMBIENT = {"AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclasses.dataclass
class Client:
    guest: str
    path: str
    body: str | None = None  # {port}; None: GET
    config: str = ""  # of the operator; {port}
    deadline_s: float = 15  # of an answer that never comes
    headers: tuple = ()
    environment: typing.Callable = lambda port: {}
    error: str = "error"
    asks_at_start: bool = False

    def request(self, port):
        headers = [(name, value.format(port=port)) for name, value in self.headers]
        body = None if self.body is None else self.body.format(port=port).encode()
        return "GET" if body is None else "POST", self.path, headers, body

    def ask(self, server, port, timeout=120):
        response = whorl.exchange(server.port, *self.request(port), timeout=timeout)
        return response.body.decode(errors="replace")


HTTP_URL = '"http://127.0.0.1:{port}"'
CLIENTS = {
    "redis": Client("redis", "/v2", f"redis://:{SECRET}@127.0.0.1:{{port}}\nget k"),
    "redis-command": Client("redis", "/v2", "redis://127.0.0.1:{port}\nget k", deadline_s=40),
    "redis-tls": Client("redis", "/v2", f"rediss://:{SECRET}@127.0.0.1:{{port}}\nget k"),
    "postgres": Client("postgres", "/v4", f"postgres://u:{SECRET}@127.0.0.1:{{port}}/d\nSELECT 1"),
    "postgres-tls": Client("postgres", "/v4", f"postgres://u:{SECRET}@127.0.0.1:{{port}}/d?sslmode=require\nSELECT 1"),
    "mysql": Client("mysql", "/v2", f"mysql://u:{SECRET}@127.0.0.1:{{port}}/d\nSELECT 1"),
    "mqtt": Client("mqtt", "/", f"mqtt://127.0.0.1:{{port}}?client_id=x\nuser\n{SECRET}\n1 a x"),
    "mqtt-tls": Client("mqtt", "/", f"mqtts://127.0.0.1:{{port}}?client_id=x\nuser\n{SECRET}\n1 a x"),
    "http": Client("fetch", "/", headers=(("x-url", "http://127.0.0.1:{port}/"), ("x-timeout-ms", "3000"))),
    "https": Client("fetch", "/", headers=(("x-url", "https://127.0.0.1:{port}/"), ("x-timeout-ms", "3000"))),
    "redis-store": Client("stores", "/v2/get/default/k", deadline_s=40,
                          config=f'[key_value_store.default]\ntype = "redis"\nurl = "redis://:{SECRET}@127.0.0.1:{{port}}"\n'),
    "cosmos": Client("stores", "/v2/get/default/k", deadline_s=100, config=(
        '[key_value_store.default]\ntype = "azure_cosmos"\nkey = "czNjcjN0LWNhbmFyeQ=="\n'
        f'account = {HTTP_URL}\ndatabase = "d"\ncontainer = "c"\n')),
    "dynamo": Client("stores", "/v2/get/default/k", deadline_s=100, config=(
        f'[key_value_store.default]\ntype = "aws_dynamo"\naccess_key = "a"\nsecret_key = "{SECRET}"\nregion = "r"\ntable = "t"\n'),
        environment=lambda port: NO_AMBIENT | {"AWS_ENDPOINT_URL_DYNAMODB": f"http://127.0.0.1:{port}"}),
    "libsql": Client("sql", "/v2/default", "SELECT 1", deadline_s=125, config=(
        f'[sqlite_database.default]\ntype = "libsql"\nurl = {HTTP_URL}\ntoken = "{SECRET}"\n')),
    "llm": Client("llm", "/v2/infer/m", "hello", deadline_s=25, config=(
        f'[llm_compute]\ntype = "remote_http"\nurl = {HTTP_URL}\nauth_token = "{SECRET}"\ntimeout = "20s"\n')),
    "open-ai": Client("llm", "/v2/embed/m", "hello", deadline_s=25, config=(
        f'[llm_compute]\ntype = "remote_http"\nurl = {HTTP_URL}\nauth_token = "{SECRET}"\napi_type = "open_ai"\ntimeout = "20s"\n')),
    "vault": Client("variables", "/spin/message", deadline_s=30, asks_at_start=True, config=(
        f'[[variables_provider]]\ntype = "vault"\nurl = {HTTP_URL}\ntoken = "{SECRET}"\nmount = "m"\n')),
    "key-vault": Client("variables", "/spin/message", deadline_s=30, asks_at_start=True, config=(
        f'[[variables_provider]]\ntype = "azure_key_vault"\nvault_url = {HTTP_URL}\nclient_id = "c"\nclient_secret = "{SECRET}"\n'
        f'tenant_id = "t"\nauthority_host = {HTTP_URL}\n')),
}


def speaking_first(start, piece):
    async def behave(reader, writer):
        writer.write(start)
        many = piece * (65536 // len(piece))
        while True:
            writer.write(many)
            await writer.drain()

    return behave


# Each begins like an answer of some protocol.
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
FAILURE = {
    "closes at once": bad_servers.hanging_up,
    "closes when asked": bad_servers.closing,
    "garbage": bad_servers.garbage,
    "garbage at once": speaking_first(b"", bytes(range(256))),
    "10 GB of a value": bad_servers.endless(b"$9999999999\r\n", b"x"),
    "10 GB of items": bad_servers.endless(b"*2000000000\r\n", b":1\r\n"),
    "10 GB of a body": bad_servers.endless(HEAD + b"content-length: 10000000000\r\n\r\n{\"a\":\"", b"x"),
    "10 GB of chunks": bad_servers.endless(HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n[\r\n"),
    "10 GB of a head": bad_servers.endless(HEAD, b"x-more: yes\r\n"),
    "10 GB of notices": bad_servers.endless(b"", b"N\x00\x00\x00\x0eSNOTICE\x00\x00\x00"),
    "10 GB of packets": speaking_first(b"\xff\xff\xff\x00\x0a5.5.5\x00", b"x"),
}
SLOW = {"never answers": bad_servers.silent, "drips": bad_servers.dripping(),
        "drips a body": bad_servers.dripping(HEAD + b"content-length: 1000000\r\n\r\n{\"a\":\"")}
# What is no failure, or not this one. A body that goes on is a body: it is the guest's to end.
FINE = {("http", "10 GB of a body"), ("http", "10 GB of chunks"), ("http", "drips a body")}
# A MySQL server speaks first: those that wait to be asked never answer.
FINE |= {("mysql", failure) for failure in FAILURE if failure not in ("closes at once", "garbage at once", "10 GB of packets")}


def wait_until(condition, timeout=15):
    end = time.monotonic() + timeout
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def serve(folder, client, port):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "client.wasm").write_bytes(whorl.guest(client.guest).read_bytes())
    (folder / "rc.toml").write_text(client.config.format(port=port))
    with whorl.Server.start("-f", whorl.manifest(folder, MANIFEST.format()), "--threads", "2", "--runtime-config-file",
                            folder / "rc.toml", env={"RUST_LOG": "warn"} | client.environment(port)) as server:
        yield server


def what_is_wrong(server, client, bad, repeat):
    """Lets a client fail that often. @return "" when all was as it should be"""
    begin, before = time.monotonic(), server.open_files()
    for _ in range(repeat):
        answer = client.ask(server, bad.port)
        if client.error not in answer:
            return f"answered {answer[:200]!r}"
    took = time.monotonic() - begin
    # One may be idle, where a connection is fine until something is said.
    if not wait_until(lambda: bad.open_connections <= 2 and server.open_files() <= before + 8):
        return f"{bad.open_connections} connections, {server.open_files() - before} descriptors left"
    if server.status_kib("VmHWM") > 1_500_000:
        return f"{server.status_kib('VmHWM')} KiB"
    if SECRET in server.out.text + server.err.text + answer:
        return "the secret is shown"
    return "" if took <= repeat * client.deadline_s + 10 else f"took {took:.0f} s"


@pytest.mark.parametrize("name", CLIENTS)
def test_servers_that_fail(tmp_path, name):
    client, wrong = CLIENTS[name], {}
    failures = {failure: how for failure, how in FAILURE.items() if (name, failure) not in FINE}
    with bad_servers.BadServer(bad_servers.hanging_up) as bad:
        with contextlib.ExitStack() as running:
            for failure, bad.behaviour in failures.items():
                if client.asks_at_start:
                    running.close()
                if client.asks_at_start or failure == next(iter(failures)):
                    server = running.enter_context(serve(tmp_path, client, bad.port))
                wrong[failure] = what_is_wrong(server, client, bad, 2)
    assert {failure: why for failure, why in wrong.items() if why} == {}


@pytest.mark.slow
@pytest.mark.parametrize("failure", SLOW)
def test_servers_that_take_their_time(tmp_path, failure):
    def once(item):
        name, client = item
        with bad_servers.BadServer(SLOW[failure]) as bad, serve(tmp_path / name, client, bad.port) as server:
            return what_is_wrong(server, client, bad, 1)

    clients = {name: client for name, client in CLIENTS.items() if (name, failure) not in FINE}
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        wrong = dict(zip(clients, pool.map(once, clients.items())))
    assert {name: why for name, why in wrong.items() if why} == {}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_server_that_is_not_there(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = CLIENTS[name]
    with serve(tmp_path, client, port) as server:
        for _ in range(20 if client.deadline_s < 100 else 2):
            assert client.error in client.ask(server, port)
        assert SECRET not in server.out.text + server.err.text


# All but those that try again, which take a second over each failure, and those that are asked at the start only.
FLOODED = [name for name, client in CLIENTS.items() if name not in ("cosmos", "dynamo") and not client.asks_at_start]


def flood(server, client, port, count, error):
    """That many failing requests over eight connections."""
    request = client.request(port)

    def some(number):
        with server.connect() as connection:
            for _ in range(number):
                connection.request(*request)
                body = connection.response(request[0]).body
                assert error in body, body

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(some, [count // 8] * 8))


@pytest.mark.parametrize("name", FLOODED)
def test_many_failures_leak_nothing(tmp_path, name):
    client = CLIENTS[name]
    with bad_servers.BadServer(bad_servers.hanging_up) as bad, serve(tmp_path, client, bad.port) as server:
        flood(server, client, bad.port, 80, b"error")
        before, memory = server.open_files(), server.status_kib("VmRSS")
        flood(server, client, bad.port, FAILURES, b"error")
        assert bad.accepted >= FAILURES
        assert wait_until(lambda: bad.open_connections == 0)
        assert wait_until(lambda: server.open_files() <= before + 8), server.open_files() - before
        grown = server.status_kib("VmRSS") - memory
        print(f"{name}: {bad.accepted} connections failed, {server.open_files() - before} descriptors and {grown} KiB more")
        assert grown < 32_768


@pytest.mark.parametrize("name, start", [
    ("redis", lambda: real_servers.Redis(password="right")), ("postgres", lambda: real_servers.Postgres(password="right")),
    ("mysql", real_servers.MariaDb), ("mqtt", lambda: real_servers.Mosquitto(password="right"))])
def test_refused_logins_leak_nothing(tmp_path, name, start):
    """A real server that says no: no connection to it is left, and the password is nowhere."""
    client = CLIENTS[name]
    with start() as real, serve(tmp_path, client, real.port) as server:
        flood(server, client, real.port, 16, b"error")
        before = server.open_files()
        flood(server, client, real.port, max(80, FAILURES // 20), b"error")
        assert wait_until(lambda: real.connections() == 0), real.connections()
        assert wait_until(lambda: server.open_files() <= before + 8)
        assert SECRET not in server.out.text + server.err.text + client.ask(server, real.port)


class Echo(services.Service):
    def answer(self, request):
        return 200, {}, b"here"


# Servers that are good after all, and what they let a guest be told. The stand-ins check signatures and tokens.
GOOD = {
    "redis": (real_servers.Redis, CLIENTS["redis-command"], "none"),
    "postgres": (real_servers.Postgres, Client("postgres", "/v4", "postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable\nSELECT 1 AS x"),
                 "x"),
    "mysql": (real_servers.MariaDb, Client("mysql", "/v2", "mysql://u:p@127.0.0.1:{port}/d\nSELECT 1 AS x"), "x"),
    "mqtt": (real_servers.Mosquitto, Client("mqtt", "/", "mqtt://127.0.0.1:{port}?client_id=x\n\n\n1 a x"), "ok"),
    "http": (Echo, CLIENTS["http"], "here"),
    "redis-store": (lambda: real_servers.Redis(password=SECRET), CLIENTS["redis-store"], "none"),
    "cosmos": (lambda: cloud_stores.Cosmos("d", "c", "czNjcjN0LWNhbmFyeQ=="), CLIENTS["cosmos"], "none"),
    "dynamo": (lambda: cloud_stores.Dynamo("t", "a", SECRET, region="r"), CLIENTS["dynamo"], "none"),
    "libsql": (lambda: cloud_stores.Libsql(SECRET), CLIENTS["libsql"], "1|1"),
    "llm": (lambda: services.Models(SECRET), CLIENTS["llm"], "m: hello 3 4"),
    "open-ai": (lambda: services.Models(SECRET), CLIENTS["open-ai"], "500 50"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_service_that_comes_back(tmp_path, name):
    """It works, fails in several ways with connections in the pool, and works again: the first guest that asks then is answered, at once."""
    start, client, expected = GOOD[name]
    with start() as good, bad_servers.BadServer(bad_servers.relaying(good.port)) as bad, serve(tmp_path, client, bad.port) as server:
        assert expected in client.ask(server, bad.port)
        for how in (bad_servers.hanging_up, bad_servers.garbage, bad_servers.closing):
            bad.behaviour = how
            bad.cut()
            assert client.error in client.ask(server, bad.port), how.__name__
            bad.behaviour = bad_servers.relaying(good.port)
            begin = time.monotonic()
            answer = client.ask(server, bad.port)
            assert expected in answer, how.__name__
            assert time.monotonic() - begin < 1, how.__name__
        assert SECRET not in server.out.text + server.err.text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["redis", "postgres", "mysql", "mqtt", "http"])
def test_a_server_that_hangs(tmp_path, name):
    """A real server that is stopped with connections in the pool: each of many guests has its error within the client's time, the server
    has as few connections as before once it goes on, and the next guest is answered at once."""
    start, client, expected = GOOD[name]
    limit_s = {"postgres": 60, "mysql": 60, "http": 3}.get(name, 30) + 15
    with start() if name != "http" else real_servers.Redis() as real, serve(tmp_path, client, real.port) as server:
        if name != "http":
            assert expected in client.ask(server, real.port)
        real.freeze()
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: client.ask(server, real.port), range(16)))
        took = time.monotonic() - begin
        real.thaw()
        # A process of PostgreSQL that already serves a connection is not the one that was stopped.
        assert all(client.error in answer or (name == "postgres" and expected in answer) for answer in answers), answers
        assert took < limit_s
        assert SECRET not in server.out.text + server.err.text
        if name != "http":
            begin = time.monotonic()
            assert expected in client.ask(server, real.port)
            assert time.monotonic() - begin < 1
            assert wait_until(lambda: real.connections() <= 4), real.connections()


def test_the_page_names_them_all():
    """docs/outside-failures.md has a row for each client and for each failure."""
    text = (whorl.ROOT / "docs" / "outside-failures.md").read_text()
    tables = [[line.split("|")[1].strip() for line in part.splitlines()[2:] if line.startswith("|")]
              for part in text.split("\n\n") if part.startswith("| ")]
    assert tables == [list(CLIENTS), [*FAILURE, *SLOW, "is not there", "refuses the login", "hangs"]]
