"""MQTT as guests see it, against a real mosquitto and against servers that misbehave."""

import concurrent.futures
import os
import shutil
import subprocess
import time

import bad_servers
import pytest
import real_servers
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "mqtt"
[component.mqtt]
source = "mqtt.wasm"
allowed_outbound_hosts = ["mqtt://127.0.0.1:*"]
"""


@pytest.fixture(scope="module")
def broker():
    with real_servers.Mosquitto() as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("mqtt"), MANIFEST)
    shutil.copy(whorl.guest("mqtt"), folder / "mqtt.wasm")
    with whorl.Server.start("-f", folder) as running:
        yield running


def ask(server, address, *messages, user="", password=""):
    response = server.post("/", "\n".join([address, user, password, *messages]).encode(), timeout=60)
    assert response.status == 200, (messages, response.body, server.err.text)
    return response.body.decode(errors="replace").removesuffix("\n").split("\n")


def address_of(broker, client="test"):
    return f"mqtt://127.0.0.1:{broker.port}?client_id={client}"


def test_messages_of_every_quality(server, broker):
    if not shutil.which("mosquitto_sub"):
        pytest.skip("NO SERVER: mosquitto_sub is not installed (Debian package mosquitto-clients)")
    with subprocess.Popen(["mosquitto_sub", "-p", str(broker.port), "-t", "a/#", "-q", "2", "-C", "3", "-v"],
                          stdout=subprocess.PIPE, text=True) as listener:
        deadline = time.monotonic() + 10
        while broker.connections() == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        assert ask(server, address_of(broker), "0 a/b zero", "1 a/c one two", "2 a/d 3") == ["ok", "ok", "ok"]
        assert sorted(listener.communicate(timeout=20)[0].splitlines()) == ["a/b zero", "a/c one two", "a/d 3"]


def test_what_is_refused(server, broker):
    assert ask(server, address_of(broker), "1 a/# x", "1 a x")[1] == "ok"
    assert ask(server, address_of(broker), "1 a/# x")[0].startswith("error 3 ")
    for address in ("nonsense://", f"mqtt://127.0.0.1:{broker.port}", "http://127.0.0.1?client_id=x", ""):
        assert ask(server, address, "0 a x") == ["open error 0"]
    denied = "mqtt://localhost:1883?client_id=spintest"
    assert ask(server, denied, "0 a x") == [f"open error 2 address {denied} is not permitted"]
    assert server.err.wait_for("not allowed: mqtt://localhost:1883")


def test_password(server):
    secret = "s3cr3t-canary"
    with real_servers.Mosquitto(password=secret) as broker:
        assert ask(server, address_of(broker), "1 a x", user="user", password=secret) == ["ok"]
        assert ask(server, address_of(broker), "1 a x", user="user", password="wrong")[0].startswith("open error 2 Connection Refused: ")
        assert ask(server, address_of(broker), "1 a x")[0].startswith("open error 2 Connection Refused: ")
    assert secret not in server.err.text + server.out.text


def test_many_guests_with_one_client_id(server, broker):
    def client(number):
        with server.connect() as connection:
            for _ in range(50):
                connection.request("POST", "/", body=f"{address_of(broker)}\n\n\n1 a x".encode())
                assert connection.response("POST").body == b"ok\n"

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(16)))
    assert broker.connections() <= 20


def test_a_broker_that_dies_and_comes_back(server, broker):
    assert ask(server, address_of(broker), "1 a x") == ["ok"]
    broker.stop()
    assert ask(server, address_of(broker), "1 a x") == ["open error 2 Connection refused (os error 111)"]
    broker.start()
    begin = time.monotonic()
    assert ask(server, address_of(broker), "1 a x") == ["ok"]
    assert time.monotonic() - begin < 1


@pytest.mark.parametrize("behaviour", [bad_servers.garbage, bad_servers.closing, bad_servers.endless(b"\x20\xff\xff\xff\x7f", b"x"),
                                       bad_servers.answering(b"\x20\x02\x00\x00", b"\xff" * 100)])
def test_servers_that_misbehave(server, behaviour):
    with bad_servers.BadServer(behaviour) as bad:
        for _ in range(3):
            assert "error" in ask(server, f"mqtt://127.0.0.1:{bad.port}?client_id=x", "1 a x")[0]
        end = time.monotonic() + 15
        while bad.open_connections > 0 and time.monotonic() < end:
            time.sleep(0.01)
        assert bad.open_connections == 0


def test_capabilities_guest(broker, tmp_path):
    """The prebuilt component of the Rust SDK."""
    guests = os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests")
    source = whorl.pathlib.Path(guests) / "capabilities" / "capabilities.wasm"
    if not source.exists():
        pytest.skip("there are no prebuilt guests")
    shutil.copy(source, tmp_path / "mqtt.wasm")
    folder = whorl.manifest(tmp_path, MANIFEST + f'environment = {{ MQTT = "{address_of(broker, "bench")}" }}\n'
                            'key_value_stores = ["default"]\nsqlite_databases = ["default"]\n')
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/mqtt").body == b"published"
