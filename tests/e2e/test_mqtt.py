"""MQTT as guests see it, against a real mosquitto and against servers that misbehave."""

import concurrent.futures
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import bad_servers
import fake_names
import pytest
import real_servers
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "mqtt"
[component.mqtt]
source = "mqtt.wasm"
allowed_outbound_hosts = ["mqtt://127.0.0.1:*", "mqtts://localhost:*", "mqtts://127.0.0.1:*", "ssl://localhost:*"]
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


def listening(broker, topic, count):
    """mosquitto_sub, once it has subscribed."""
    if not shutil.which("mosquitto_sub"):
        pytest.skip("NO SERVER: mosquitto_sub is not installed (Debian package mosquitto-clients)")
    words = ["stdbuf", "-oL", "mosquitto_sub", "-h", "localhost", "-p", str(broker.port), "-t", topic, "-q", "2", "-C", str(count), "-v", "-d"]
    if broker.certificate:
        words += ["--cafile", str(broker.certificate)]
    listener = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    for line in listener.stdout:
        if "SUBACK" in line or "Subscribed" in line:
            break
    return listener


def heard(listener):
    """What it was told."""
    with listener:
        return sorted(line for line in listener.communicate(timeout=20)[0].splitlines()
                      if line and not line.startswith(("Client ", "Subscribed")))


@pytest.fixture(scope="module")
def secure():
    with real_servers.Mosquitto(tls=True, password="s3cr3t-canary") as broker:
        yield broker


def test_tls(tmp_path, secure):
    """A broker whose certificate is for localhost and 127.0.0.1: every quality, more than one record's worth, by both schemes."""
    shutil.copy(whorl.guest("mqtt"), tmp_path / "mqtt.wasm")
    login = {"user": "user", "password": "s3cr3t-canary"}
    big = "x" * 100_000
    with whorl.Server.start("-f", whorl.manifest(tmp_path, MANIFEST), env={"SSL_CERT_FILE": str(secure.certificate)}) as server:
        for address in (f"mqtts://localhost:{secure.port}?client_id=a", f"mqtts://127.0.0.1:{secure.port}?client_id=a",
                        f"ssl://localhost:{secure.port}?client_id=a"):
            for _ in range(3):
                assert ask(server, address, "0 a/b zero", "1 a/c one two", "2 a/d 3", f"2 big {big}", **login) == ["ok"] * 4
        # The client library is handed a context of ours: there must be one OpenSSL in the process, for both.
        with open(f"/proc/{server.process.pid}/maps") as maps:
            found = set(re.findall(r"\S*/lib(?:ssl|crypto)\.so\S*", maps.read()))
        assert sorted(path.rsplit("/", 1)[1] for path in found) == ["libcrypto.so.3", "libssl.so.3"]
        # One for each of the three, and none for each message.
        assert secure.connections() <= 3
        assert ask(server, f"mqtts://localhost:{secure.port}?client_id=a", "1 a x", user="user", password="wrong") == [
            "open error 2 Connection Refused: not authorised."]
        # A plain word to a port of TLS is cut by the broker.
        assert "open error 2" in ask(server, f"mqtt://127.0.0.1:{secure.port}?client_id=a", "1 a x", **login)[0]
        assert "s3cr3t-canary" not in server.err.text + server.out.text


def test_what_is_published_over_tls_arrives(tmp_path):
    shutil.copy(whorl.guest("mqtt"), tmp_path / "mqtt.wasm")
    with real_servers.Mosquitto(tls=True) as broker, whorl.Server.start(
            "-f", whorl.manifest(tmp_path, MANIFEST), env={"SSL_CERT_FILE": str(broker.certificate)}) as server:
        listener = listening(broker, "a/#", 3)
        assert ask(server, f"mqtts://localhost:{broker.port}?client_id=a", "0 a/b zero", "1 a/c one two", "2 a/d 3") == ["ok"] * 3
        assert heard(listener) == ["a/b zero", "a/c one two", "a/d 3"]


def test_tls_that_cannot_be_trusted(server, secure, tmp_path):
    """An unknown root, a certificate for another name, servers that speak no TLS or nothing at all: refused, and no login sent."""
    def refused(running, address):
        return ask(running, address, "1 a x", user="user", password="s3cr3t-canary")

    untrusted = refused(server, f"mqtts://localhost:{secure.port}?client_id=a")
    assert untrusted == ["open error 2 TLS: the certificate is not accepted: self-signed certificate"]
    assert refused(server, "mqtts://localhost:1?client_id=a") == ["open error 2 Connection refused (os error 111)"]
    with bad_servers.BadServer(bad_servers.garbage) as bad:
        assert refused(server, f"mqtts://localhost:{bad.port}?client_id=a") == ["open error 2 TLS: the handshake failed"]
    with real_servers.Mosquitto() as plain:
        assert refused(server, f"mqtts://localhost:{plain.port}?client_id=a")[0].startswith("open error 2 ")
    denied = "mqtts://example.com:8883?client_id=a"
    assert refused(server, denied) == [f"open error 2 address {denied} is not permitted"]
    # Under a name that the certificate does not have.
    shutil.copy(whorl.guest("mqtt"), tmp_path / "mqtt.wasm")
    text = MANIFEST.replace('"mqtts://localhost:*"', '"mqtts://*:*"')
    names = fake_names.FakeNames(tmp_path, "broker.test=127.0.0.1")
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text),
                            env=names.env | {"SSL_CERT_FILE": str(secure.certificate)}) as other:
        assert refused(other, f"mqtts://broker.test:{secure.port}?client_id=a") == [
            "open error 2 TLS: the certificate is not accepted: hostname mismatch"]


def test_the_name_that_is_sent(tmp_path, secure):
    """Brokers behind one address are told apart by the name in the handshake; an address is no name (RFC 6066 §3)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(secure.certificate, secure.certificate.with_suffix(".key"))
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    shutil.copy(whorl.guest("mqtt"), tmp_path / "mqtt.wasm")
    with socket.create_server(("127.0.0.1", 0)) as listener, whorl.Server.start(
            "-f", whorl.manifest(tmp_path, MANIFEST), env={"SSL_CERT_FILE": str(secure.certificate)}) as server:
        def shake_hands():
            for _ in range(2):
                peer, _ = listener.accept()
                with context.wrap_socket(peer, server_side=True) as channel:
                    assert channel.recv(100).startswith(b"\x10")  # CONNECT

        thread = threading.Thread(target=shake_hands)
        thread.start()
        for host in ("localhost", "127.0.0.1"):
            assert "error" in ask(server, f"mqtts://{host}:{listener.getsockname()[1]}?client_id=a", "1 a x")[0]
        thread.join()
    assert names == ["localhost", None]


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
