"""Outgoing HTTP/2 of guests, to servers that others have written: nginx and nghttpd."""

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
