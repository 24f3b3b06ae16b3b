"""Outgoing HTTP/2 of guests, to servers that others have written, nginx and nghttpd, and to one that wants HTTP/1.1."""

import socket
import ssl
import struct
import threading

import pytest
import real_servers
import whorl

READ_TIMEOUT, PROTOCOL = 9, 35
MANIFEST = """
[[trigger.http]]
route = "/..."
component = "fetch"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = ["*://*:*"]
"""


class Nginx(real_servers.RealServer):
    """Says which protocol a request came by, and on which connection; `/early` answers before a body is read."""

    scheme = "https"

    def prepare(self) -> None:
        self.certificate, key = real_servers.make_certificate(self.folder)
        (self.folder / "big").write_bytes(b"0123456789" * 500_000)
        directive = "ssl http2" if self.options.get("http2", True) else "ssl"
        (self.folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {self.folder}/body; client_max_body_size 100m;
  keepalive_requests {self.options.get("requests", 1000)}; http2_max_concurrent_streams {self.options.get("streams", 128)};
  server {{
    listen 127.0.0.1:{self.port} {directive};
    ssl_certificate {self.certificate}; ssl_certificate_key {key};
    location / {{ add_header x-connection $connection; return 200 "$server_protocol $request_method $http_te"; }}
    location /big {{ root {self.folder}; }}
  }}
}}
""")

    def command(self) -> list[str]:
        return [real_servers.find_program("nginx", "nginx-light"), "-c", f"{self.folder}/nginx.conf", "-p",
                str(self.folder)]


class Nghttpd(real_servers.RealServer):
    """HTTP/2 without TLS, by prior knowledge; gives bodies back, with a trailer."""

    scheme = "http"

    def command(self) -> list[str]:
        (self.folder / "index.html").write_text("index")
        return [real_servers.find_program("nghttpd", "nghttp2-server"), "--no-tls", "--echo-upload", "--trailer=x-sum: 7",
                "-d", str(self.folder), "-a", "127.0.0.1", str(self.port)]


class WantsHttp1:
    """Offers HTTP/2 during the handshake of TLS, and answers its first request with a goodbye that wants HTTP/1.1, which it
    speaks where it is asked so. Knows what it was offered, and which requests came by HTTP/1.1."""

    HTTP_1_1_REQUIRED = 13
    H2, HTTP1 = b"\x02h2\x08http/1.1", b"\x08http/1.1"  # as they stand in a ClientHello

    def __init__(self, folder):
        self.certificate, key = real_servers.make_certificate(folder)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.offers: list[bytes] = []
        self.requests: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            accepted.settimeout(20)
            threading.Thread(target=self._talk, args=(accepted,), daemon=True).start()

    def _talk(self, accepted: socket.socket) -> None:
        hello = accepted.recv(8192, socket.MSG_PEEK)
        self.offers.append(self.H2 if self.H2 in hello else self.HTTP1 if self.HTTP1 in hello else b"")
        with self._context.wrap_socket(accepted, server_side=True) as connection:
            (self._say_goodbye if connection.selected_alpn_protocol() == "h2" else self._answer)(connection.makefile("rwb"))

    def _say_goodbye(self, stream) -> None:
        stream.write(struct.pack(">HBBBI", 0, 0, 4, 0, 0))  # SETTINGS
        stream.flush()
        assert stream.read(24).startswith(b"PRI * HTTP/2.0")
        while True:
            high, low, kind, _, _ = struct.unpack(">BHBBI", stream.read(9))
            stream.read(high << 16 | low)
            if kind == 1:
                break
        stream.write(struct.pack(">HBBBIII", 0, 8, 7, 0, 0, 0, self.HTTP_1_1_REQUIRED))
        stream.flush()
        stream.read()  # until the client goes

    def _answer(self, stream) -> None:
        while line := stream.readline():
            self.requests.append(line.rstrip())
            length = 0
            while (field := stream.readline().strip()):
                name, _, value = field.lower().partition(b":")
                length = int(value) if name == b"content-length" else length
            stream.read(length)
            stream.write(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nold")
            stream.flush()


@pytest.fixture
def manifest(app):
    return app(MANIFEST, "fetch")


def fetch(server, url, body=None, **headers):
    lines = [("x-url", url)] + [(name.replace("_", "-"), str(value)) for name, value in headers.items()]
    if body is None:
        return server.get("/", lines)
    return server.post("/", body, [*lines, ("x-body", "1")])


def trusting(nginx: Nginx) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(nginx.certificate)}


def test_a_server_that_offers_http2_is_spoken_to_so(manifest):
    with Nginx() as nginx, whorl.Server.start("-f", manifest, "--threads", "1", env=trusting(nginx)) as server:
        answers = [fetch(server, f"{nginx.address}/{i}") for i in range(50)]
        assert {(answer.status, answer.body) for answer in answers} == {(200, b"HTTP/2.0 GET ")}
        assert {answer.header("up-x-connection") for answer in answers} == {answers[0].header("up-x-connection")}
        assert nginx.connections() == 1
        assert fetch(server, f"{nginx.address}/", x_method="DELETE").body == b"HTTP/2.0 DELETE "
        assert fetch(server, f"{nginx.address}/", x_method="HEAD").body == b""
        assert fetch(server, f"{nginx.address}/", b"x" * 200_000).body == b"HTTP/2.0 POST "
        assert fetch(server, f"{nginx.address}/big").body == b"0123456789" * 500_000
        assert nginx.connections() == 1


def test_a_server_that_does_not_is_spoken_to_as_ever(manifest):
    with Nginx(http2=False) as nginx, whorl.Server.start("-f", manifest, env=trusting(nginx)) as server:
        for _ in range(5):
            assert fetch(server, f"{nginx.address}/").body == b"HTTP/1.1 GET "


def test_a_server_that_says_goodbye_every_few_requests(manifest):
    """nginx ends a connection by GOAWAY after so many requests."""
    with Nginx(requests=7) as nginx, whorl.Server.start("-f", manifest, "--threads", "1", env=trusting(nginx)) as server:
        answers = [fetch(server, f"{nginx.address}/") for _ in range(100)]
        assert {answer.status for answer in answers} == {200}
        assert len({answer.header("up-x-connection") for answer in answers}) > 10


def test_pools_heal_when_a_server_comes_back(manifest):
    with Nginx() as nginx, whorl.Server.start("-f", manifest, "--threads", "1", env=trusting(nginx)) as server:
        for _ in range(3):
            assert fetch(server, f"{nginx.address}/").status == 200
            nginx.stop()
            assert fetch(server, f"{nginx.address}/").status == 502
            nginx.start()
        assert fetch(server, f"{nginx.address}/").status == 200


def test_a_server_that_hangs_costs_its_own_requests_only(manifest):
    with Nginx() as nginx, whorl.Server.start("-f", manifest, "--threads", "1", env=trusting(nginx)) as server:
        assert fetch(server, f"{nginx.address}/").status == 200
        nginx.freeze()
        assert fetch(server, f"{nginx.address}/", x_timeout_ms=200).body == b"error %d" % READ_TIMEOUT
        nginx.thaw()
        assert fetch(server, f"{nginx.address}/").status == 200


def test_by_prior_knowledge_where_it_was_asked_for(manifest):
    with Nghttpd() as upstream:
        authority = f"127.0.0.1:{upstream.port}"
        with whorl.Server.start("-f", manifest, env={"SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE": authority}) as server:
            answer = fetch(server, f"http://{authority}/index.html")
            assert (answer.status, answer.body) == (200, b"index")
            assert "nghttpd" in answer.header("up-server")
            text = b"y" * 300_000
            answer = fetch(server, f"http://{authority}/x", text)
            assert (answer.status, answer.body) == (200, text)
            # The same server by another name: HTTP/1.1, which it does not speak.
            assert fetch(server, f"http://localhost:{upstream.port}/index.html").body == b"error %d" % PROTOCOL
        with whorl.Server.start("-f", manifest) as server:
            assert fetch(server, f"http://{authority}/index.html").body == b"error %d" % PROTOCOL


def test_a_goodbye_that_wants_http1_is_obeyed_and_remembered(manifest, tmp_path):
    with WantsHttp1(tmp_path) as upstream:
        environment = {"SSL_CERT_FILE": str(upstream.certificate)}
        with whorl.Server.start("-f", manifest, "--threads", "1", env=environment) as server:
            # Nothing was done with it, so that it may be made again, whatever its method.
            assert fetch(server, f"{upstream.address}/a", x_method="DELETE").body == b"old"
            assert upstream.offers == [upstream.H2, upstream.HTTP1]
            assert [fetch(server, f"{upstream.address}/{i}", x_method="PATCH").body for i in range(3)] == [b"old"] * 3
            assert upstream.H2 not in upstream.offers[1:]
            assert upstream.requests == [b"DELETE /a HTTP/1.1", *(b"PATCH /%d HTTP/1.1" % i for i in range(3))]
