"""Sockets of WASI 0.2 against real peers: what is granted works, what is not is refused before a packet leaves."""

import concurrent.futures
import socket
import threading

import pytest
import whorl

DENIED = 1
REFUSED = 14
NO_SUCH_NAME = 20
TOO_MANY_SOCKETS = 10


class Peer:
    """Answers in capitals, over TCP once all is there and over UDP at the same port; remembers who came."""

    def __init__(self):
        self.seen = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for serve in (self.serve_tcp, self.serve_udp):
            threading.Thread(target=serve, daemon=True).start()

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            self.seen.append("tcp")
            with connection:
                data = b""
                while piece := connection.recv(4096):
                    data += piece
                connection.sendall(data.upper())

    def serve_udp(self):
        while True:
            try:
                data, sender = self.udp.recvfrom(4096)
            except OSError:
                return
            self.seen.append("udp")
            if sender:
                self.udp.sendto(data.upper(), sender)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in (self.tcp, self.udp):
            each.close()


@pytest.fixture
def peer():
    with Peer() as running:
        yield running


@pytest.fixture
def serve(app):
    def start(*grants):
        quoted = ", ".join(f'"{grant}"' for grant in grants)
        return whorl.Server.start("-f", app(f"""[[trigger.http]]
route = "/..."
component = "sockets"
[component.sockets]
source = "sockets.wasm"
allowed_outbound_hosts = [{quoted}]
""", "sockets"))

    return start


def test_tcp(serve, peer):
    with serve(f"tcp://127.0.0.1:{peer.port}") as server:
        for _ in range(3):
            answer = server.get(f"/tcp/{peer.port}")
            assert (answer.status, answer.body) == (200, b"PING"), server.err.text


def test_udp(serve, peer):
    # Binding takes a grant as well, as it does for Spin; the guest binds to any port.
    with serve("udp://127.0.0.1:0..1", f"udp://127.0.0.1:{peer.port}") as server:
        for _ in range(3):
            answer = server.get(f"/udp/{peer.port}")
            assert (answer.status, answer.body) == (200, f"1 from {peer.port}: PING".encode()), server.err.text


@pytest.mark.parametrize("grant", [
    None, "tcp://127.0.0.1:1", "udp://127.0.0.1:1", "*://127.0.0.2:{port}", "http://127.0.0.1:{port}", "tcp://localhost:{port}",
    "tcp://[::1]:{port}", "redis://*:*", "http://self", "*://10.0.0.0/8:*",
])
def test_what_is_not_granted_is_refused(serve, peer, grant):
    with serve(*([grant.format(port=peer.port)] if grant else [])) as server:
        for kind, step in (("tcp", "start-connect"), ("udp", "start-bind")):
            answer = server.get(f"/{kind}/{peer.port}")
            assert (answer.status, answer.body.decode()) == (502, f"{step} {DENIED}"), server.err.text
    assert peer.seen == []


@pytest.mark.parametrize("grant", ["udp://127.0.0.1:0..2", "udp://127.0.0.0/30:0..2"])
def test_a_datagram_goes_only_where_it_is_granted(serve, peer, grant):
    with serve(grant) as server:
        assert server.get(f"/udp/{peer.port}").body.decode() == f"send {DENIED}", server.err.text
    assert peer.seen == []


def test_one_protocol_does_not_grant_the_other(serve, peer):
    with serve(f"tcp://127.0.0.1:{peer.port}") as server:
        assert server.get(f"/udp/{peer.port}").body.decode() == f"start-bind {DENIED}"
    with serve(f"udp://127.0.0.1:{peer.port}") as server:
        assert server.get(f"/tcp/{peer.port}").body.decode() == f"start-connect {DENIED}"
    assert peer.seen == []


def test_nobody_there(serve, peer):
    peer.tcp.close()
    with serve("*://127.0.0.1:*") as server:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        assert server.get(f"/tcp/{port}").body.decode() == f"finish-connect {REFUSED}"


def test_names_are_looked_up_only_where_a_grant_says_them(serve):
    with serve("tcp://localhost:80") as server:
        assert server.get("/lookup/localhost").body == b"found"
        assert server.get("/lookup/elsewhere.example").body.decode() == f"resolve {NO_SUCH_NAME}"
    with serve("*://*:*") as server:
        assert server.get("/lookup/localhost").status in (200, 502)


def test_sockets_of_all_guests_are_limited(app, tmp_path):
    """max_socket_connections counts over all threads, and a place is free again when its guest has ended."""
    (tmp_path / "rc.toml").write_text("[outbound_networking]\nmax_socket_connections = 3\n")
    held = []
    with socket.create_server(("127.0.0.1", 0), backlog=64) as peer:
        port = peer.getsockname()[1]
        folder = app(f"""[[trigger.http]]
route = "/..."
component = "sockets"
[component.sockets]
source = "sockets.wasm"
allowed_outbound_hosts = ["tcp://127.0.0.1:{port}"]
""", "sockets")
        with whorl.Server.start("-f", folder, "--threads", "4", "--runtime-config-file", tmp_path / "rc.toml") as server:
            for _ in range(3):  # rounds
                with concurrent.futures.ThreadPoolExecutor(3) as pool:
                    waiting = [pool.submit(server.get, f"/tcp/{port}") for _ in range(3)]
                    held = [peer.accept()[0] for _ in range(3)]
                    for _ in range(8):  # whichever thread they come to
                        refused = server.get(f"/tcp/{port}")
                        assert (refused.status, refused.body) == (502, f"start-connect {TOO_MANY_SOCKETS}".encode())
                    for each in held:
                        each.sendall(b"PONG")
                        each.close()
                    assert [each.result().body for each in waiting] == [b"PONG"] * 3
