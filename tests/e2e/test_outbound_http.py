"""Outgoing HTTP of guests: grants, transfer, failures, self requests, chaining, TLS."""

import contextlib
import http.server
import socket
import ssl
import subprocess
import threading

import pytest
import whorl

# Numbers of the cases of wasi:http/types.error-code.
DNS_ERROR, PROHIBITED, REFUSED, CONNECT_TIMEOUT, READ_TIMEOUT = 1, 4, 6, 8, 9
LIMIT, TLS, DENIED, URI, PROTOCOL = 11, 12, 15, 19, 35


class Upstream:
    """A real HTTP server on a free port, with a record of what it was asked."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = b""
                trailers = []
                if self.headers.get("transfer-encoding") == "chunked":
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    while (line := self.rfile.readline().strip()):
                        trailers.append(line.decode())
                elif length := self.headers.get("content-length"):
                    body = self.rfile.read(int(length))
                seen.append((self.command, self.path, list(self.headers.items()), body, trailers))
                self.send_response(201)
                self.send_header("X-Upstream", "yes")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                if self.command != "HEAD":
                    for piece in (body[i:i + 50_000] for i in range(0, len(body), 50_000)):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.write(b"0\r\nx-sum: %d\r\n\r\n" % len(body))

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def upstream():
    with Upstream() as server:
        yield server


def manifest(hosts):
    quoted = ", ".join(f'"{host}"' for host in hosts)
    return f"""
[variables]
port = {{ default = "1" }}
[[trigger.http]]
route = "/..."
component = "fetch"
[[trigger.http]]
route = {{ private = true }}
component = "back"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = [{quoted}]
[component.back]
source = "fetch.wasm"
"""


@contextlib.contextmanager
def serve(app, *hosts, options=(), env=None):
    with whorl.Server.start("-f", app(manifest(hosts), "fetch"), *options, env=env or {}) as server:
        yield server


def fetch(server, url, body=None, **headers):
    lines = [("x-url", url)] + [(name.replace("_", "-"), str(value)) for name, value in headers.items()]
    if body is None:
        return server.get("/", lines)
    return server.post("/", body, [*lines, ("x-body", "1")])


def test_a_request_as_the_upstream_sees_it(app, upstream):
    origin = f"http://127.0.0.1:{upstream.port}"
    with serve(app, origin) as server:
        got = fetch(server, f"{origin}/p/q?x=%20y")
        assert (got.status, got.header("up-x-upstream"), got.body) == (201, "yes", b"")
        assert got.header("up-transfer-encoding") is None
        method, path, headers, body, _ = upstream.seen[0]
        assert (method, path, body) == ("GET", "/p/q?x=%20y", b"")
        assert headers == [("host", f"127.0.0.1:{upstream.port}"), ("x-from", "guest")]
        fetch(server, f"{origin}/", x_method="DELETE")
        assert upstream.seen[1][0] == "DELETE"
        fetch(server, f"{origin}/", x_method="HEAD")
        assert upstream.seen[2][0] == "HEAD"


def test_bodies_and_trailers_both_ways(app, upstream):
    origin = f"http://127.0.0.1:{upstream.port}"
    text = bytes(range(256)) * 8000  # 2 MB
    with serve(app, origin) as server:
        got = fetch(server, f"{origin}/", text)
        assert (got.status, got.complete) == (201, True)
        assert got.body == text
        assert got.trailers == [("up-x-sum", str(len(text)))]
        assert ("transfer-encoding", "chunked") in upstream.seen[0][2]
        got = fetch(server, f"{origin}/", b"hello", x_length=5)
        assert got.body == b"hello"
        assert ("content-length", "5") in upstream.seen[1][2]
        with server.connect() as connection:
            connection.send(
                b"POST / HTTP/1.1\r\nHost: a\r\nx-body: 1\r\nx-url: " + origin.encode() +
                b"/\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n")
            assert connection.response().body == b"abc"
        assert upstream.seen[2][4] == ["x-t: 1"]


@pytest.mark.parametrize("grant, allowed", [
    ("http://127.0.0.1:{port}", True),
    ("http://127.0.0.1:*", True),
    ("*://*:*", True),
    ("*://127.0.0.0/8:{port}", True),
    ("http://127.0.0.1:1..65535", True),
    ("http://127.0.0.1:{{{{ port }}}}", True),
    ("https://127.0.0.1:{port}", False),
    ("http://127.0.0.1", False),
    ("http://127.0.0.2:{port}", False),
    ("http://localhost:{port}", False),
    ("http://self", False),
    ("redis://127.0.0.1:{port}", False),
])
def test_grants(app, upstream, grant, allowed):
    with serve(app, grant.format(port=upstream.port), options=("--variable", f"port={upstream.port}")) as server:
        got = fetch(server, f"http://127.0.0.1:{upstream.port}/")
        if allowed:
            assert got.status == 201
        else:
            assert (got.status, got.body) == (502, b"error %d" % DENIED)
            assert not upstream.seen


def test_what_the_operator_is_told(app):
    with serve(app) as server:
        assert fetch(server, "http://example.com/x?secret=1").body == b"error %d" % DENIED
        assert fetch(server, "https://example.com:8443/").body == b"error %d" % DENIED
        assert fetch(server, "/x").body == b"error %d" % DENIED
        assert server.err.wait_for(r"Outbound network destination not allowed: http://self\n")
        text = server.err.text
        assert "Outbound network destination not allowed: http://example.com\n" in text
        assert ("Warning: A component tried to make an outbound network connection to disallowed destination "
                "'https://example.com:8443'.\nTo allow this request, add 'allowed_outbound_hosts = "
                "[\"https://example.com:8443\"]' to the manifest component section.\n") in text
        assert ("Warning: A component tried to make an HTTP request to its own app but it does not have "
                "permission.\n") in server.err.text
        assert "secret" not in server.err.text


def test_failures(app):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with serve(app, "*://*:*") as server:
        assert fetch(server, f"http://127.0.0.1:{port}/").body == b"error %d" % REFUSED
        assert fetch(server, "http://no-such-host.invalid/").body == b"error %d" % DNS_ERROR
        assert fetch(server, "ftp://127.0.0.1/").body == b"handle error %d" % PROTOCOL
        assert fetch(server, "http://u@127.0.0.1/").body == b"error %d" % URI


@contextlib.contextmanager
def raw_server(script):
    """Runs script(connection) for each connection, one after another."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def run():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        script(connection)
        threading.Thread(target=run, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(4096)):
        data += piece
    return data


def test_servers_that_misbehave(app):
    answers = [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"]

    def script(connection):
        read_head(connection)
        connection.sendall(answers.pop(0))

    with raw_server(script) as port, serve(app, "*://*:*") as server:
        assert fetch(server, f"http://127.0.0.1:{port}/").body == b"error %d" % PROTOCOL
        assert fetch(server, f"http://127.0.0.1:{port}/").body == b"error %d" % PROTOCOL
        assert fetch(server, f"http://127.0.0.1:{port}/").body == b"ab[cut]"


def test_timeouts(app):
    def script(connection):
        head = read_head(connection)
        if b"/slow" in head:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")
        connection.recv(1)

    with raw_server(script) as port, serve(app, "*://*:*") as server:
        assert fetch(server, f"http://127.0.0.1:{port}/", x_timeout_ms=50).body == b"error %d" % READ_TIMEOUT
        assert fetch(server, f"http://127.0.0.1:{port}/slow", x_timeout_ms=50).body == b"ab[cut]"
        assert fetch(server, f"https://127.0.0.1:{port}/", x_timeout_ms=50).body == b"error %d" % CONNECT_TIMEOUT


def test_a_request_that_nobody_waits_for_any_more_is_ended(app):
    ended = threading.Event()
    arrived = threading.Event()

    def script(connection):
        read_head(connection)
        arrived.set()
        connection.settimeout(20)
        if connection.recv(1) == b"":
            ended.set()

    with raw_server(script) as port, serve(app, "*://*:*", options=("--max-response-delay", "600")) as server:
        with server.connect() as connection:
            connection.request("GET", "/", [("x-url", f"http://127.0.0.1:{port}/"), ("x-forever", "1")])
            assert connection.head().status == 200
            assert arrived.wait(20)
            assert not ended.is_set()
        # The client is gone, but the guest has not noticed. It is ended with the program.
        assert server.stop() == 0
        assert ended.wait(20)


def test_own_application(app):
    with serve(app, "http://self") as server:
        own = f"127.0.0.1:{server.port}"
        for url in ("/.well-known/spin/health", "http://self.alt/.well-known/spin/health",
                    "https://self.alt/.well-known/spin/health"):
            got = fetch(server, url)
            assert (got.status, got.body) == (200, b"OK"), url
        assert fetch(server, f"http://{own}/.well-known/spin/health").body == b"error %d" % DENIED


def test_chaining(app, upstream):
    hosts = ("http://back.spin.internal", f"http://127.0.0.1:{upstream.port}")
    with serve(app, *hosts) as server:
        # "back" has no grant of its own: the answer to what it tries shows that it ran.
        with server.connect() as connection:
            connection.request("GET", "/", [("x-url", "http://back.spin.internal/p")])
            got = connection.response()
        assert got.status == 500  # it was given no x-url, so it traps; the caller passes that on
        assert fetch(server, "http://fetch.spin.internal/").body == b"error %d" % DENIED
        assert fetch(server, "https://back.spin.internal/").body == b"error %d" % DENIED
    with serve(app, "*://*:*") as server:
        got = fetch(server, "http://nobody.spin.internal/")
        assert got.status == 500
        assert server.err.wait_for("unknown routing destination 'nobody'")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem",
                    "-out", folder / "cert.pem"], check=True, capture_output=True)
    return folder


def tls_context(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_tls(app, certificate):
    text = b"x" * 300_000
    with Upstream(tls_context(certificate)) as upstream:
        trusting = {"SSL_CERT_FILE": str(certificate / "cert.pem")}
        with serve(app, "https://*:*", env=trusting) as server:
            for host in ("127.0.0.1", "localhost"):
                got = fetch(server, f"https://{host}:{upstream.port}/", text)
                assert (got.status, got.body) == (201, text), host
        with serve(app, "https://*:*", "http://*:*") as server:
            assert fetch(server, f"https://127.0.0.1:{upstream.port}/").body == b"error %d" % TLS
            got = fetch(server, f"http://127.0.0.1:{upstream.port}/")
            assert got.body == b"error %d" % PROTOCOL


def test_roots_for_some_components_and_hosts(app, certificate, tmp_path):
    config = tmp_path / "runtime-config.toml"
    config.write_text(f"""[[client_tls]]
component_ids = ["fetch"]
hosts = ["localhost"]
ca_roots_file = "{certificate / 'cert.pem'}"
""")
    with Upstream(tls_context(certificate)) as upstream:
        with serve(app, "https://*:*", options=("--runtime-config-file", config)) as server:
            assert fetch(server, f"https://localhost:{upstream.port}/").status == 201
            assert fetch(server, f"https://127.0.0.1:{upstream.port}/").body == b"error %d" % TLS


def test_no_connections_allowed(app, upstream, tmp_path):
    config = tmp_path / "runtime-config.toml"
    config.write_text("[outbound_http]\nmax_connections = 0\n")
    with serve(app, "http://*:*", options=("--runtime-config-file", config)) as server:
        assert fetch(server, f"http://127.0.0.1:{upstream.port}/").body == b"error %d" % LIMIT


def test_a_certificate_for_another_host_is_refused(app, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other",
                    "-addext", "subjectAltName=DNS:other.test", "-keyout", tmp_path / "key.pem",
                    "-out", tmp_path / "cert.pem"], check=True, capture_output=True)
    with Upstream(tls_context(tmp_path)) as upstream:
        with serve(app, "https://*:*", env={"SSL_CERT_FILE": str(tmp_path / "cert.pem")}) as server:
            assert fetch(server, f"https://localhost:{upstream.port}/").body == b"error %d" % TLS


def test_client_certificates(app, certificate, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=guest",
                    "-keyout", tmp_path / "guest-key.pem", "-out", tmp_path / "guest.pem"], check=True, capture_output=True)
    config = tmp_path / "runtime-config.toml"
    text = f'[[client_tls]]\ncomponent_ids = ["fetch"]\nhosts = ["localhost"]\nca_roots_file = "{certificate / "cert.pem"}"\n'
    context = tls_context(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(tmp_path / "guest.pem")
    with Upstream(context) as upstream:
        url = f"https://localhost:{upstream.port}/"
        # Paths are against the config file.
        config.write_text(text + 'client_cert_file = "guest.pem"\nclient_private_key_file = "guest-key.pem"\n')
        with serve(app, "https://*:*", options=("--runtime-config-file", config)) as server:
            assert fetch(server, url).status == 201
        config.write_text(text)
        with serve(app, "https://*:*", options=("--runtime-config-file", config)) as server:
            assert fetch(server, url).body in (b"error %d" % TLS, b"error %d" % PROTOCOL)
        assert len(upstream.seen) == 1


def test_blocked_networks(app, upstream, tmp_path):
    config = tmp_path / "runtime-config.toml"
    for blocked in ("private", "127.0.0.0/8", "127.0.0.1/32"):
        config.write_text(f'[outbound_networking]\nblock_networks = ["{blocked}", "::1/128"]\n')
        with serve(app, "*://*:*", options=("--runtime-config-file", config)) as server:
            for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]"):
                assert fetch(server, f"http://{host}:{upstream.port}/").body == b"error %d" % PROHIBITED, (blocked, host)
    assert not upstream.seen



@pytest.mark.parametrize("path, begins", [
    ("/trap-late", b"the beginning"),  # the answering guest dies when its head was passed on
    ("/drip/9", b"." * 9),             # the clock looks at it while it answers slowly
])
def test_the_host_outlives_what_chained_guests_do(app, path, begins):
    text = manifest(["http://multi.spin.internal"]) + """
[[trigger.http]]
route = { private = true }
component = "multi"
[component.multi]
source = "multi.wasm"
"""
    with whorl.Server.start("-f", app(text, "fetch", "multi")) as server:
        got = fetch(server, f"http://multi.spin.internal{path}")
        assert got.status == 200 and got.body.startswith(begins)
        assert fetch(server, "http://multi.spin.internal/log").body == b"logged\n"
        assert server.stop() == 0


def test_all_connections_together_are_limited(app, upstream, tmp_path):
    config = tmp_path / "rc.toml"
    with Upstream() as second:
        hosts = [f"http://127.0.0.1:{port}" for port in (upstream.port, second.port)]
        config.write_text("[outbound_networking]\nmax_total_connections = 1\n")
        with serve(app, *hosts, options=("--runtime-config-file", config)) as server:
            assert "[outbound_networking: max_total_connections=1]" in server.err.text
            # The connection that is kept to one place gives way to the other, whichever thread has it.
            for i in range(12):
                assert fetch(server, f"{hosts[i % 2]}/").status == 201
        config.write_text("[outbound_networking]\nmax_total_connections = 0\n")
        with serve(app, *hosts, options=("--runtime-config-file", config)) as server:
            assert fetch(server, f"{hosts[0]}/").body == b"error %d" % LIMIT
