"""TLS at the listener: who is let in, what guests are told, certificates that change."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
import whorl

def certificate(folder, stem="cert", names="DNS:localhost,IP:127.0.0.1"):
    files = folder / f"{stem}.pem", folder / f"{stem}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", files[1], "-out", files[0], "-days", "2", "-subj", f"/CN={stem}",
                    "-addext", f"subjectAltName={names}"], check=True, capture_output=True)
    return files


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(identity):
    with whorl.Server.start("-f", whorl.guest("multi"), "--tls-cert", identity[0], "--tls-key", identity[1]) as server:
        yield server


def client(trusted, protocols=("http/1.1",), **versions):
    context = ssl.create_default_context(cafile=str(trusted))
    context.set_alpn_protocols(list(protocols))
    for name, version in versions.items():
        setattr(context, name, version)
    return context


def connect(port, context, name="localhost"):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20), server_hostname=name)


def get(connection, path="/status/200"):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


def curl(port, path, *arguments):
    done = subprocess.run(["curl", "-s", "-k", "--max-time", "20", *arguments, f"https://127.0.0.1:{port}{path}"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_are_spoken(server, identity, version):
    with connect(server.port, client(identity[0], minimum_version=version, maximum_version=version)) as connection:
        assert connection.version() == {ssl.TLSVersion.TLSv1_2: "TLSv1.2"}.get(version, "TLSv1.3")
        assert get(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_older_versions_and_weak_ciphers_are_not(server):
    for arguments in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"],
                      ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ["-alpn", "smtp"]):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert done.returncode != 0, arguments


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed(server, tmp_path, version):
    session = tmp_path / "session"
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", version, "-ign_eof"]
    request = "GET /status/200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for reused, option in (("New", "-sess_out"), ("Reused", "-sess_in")):
        done = subprocess.run([*command, option, session], input=request, capture_output=True, text=True, timeout=20)
        assert f"{reused}, TLSv1." in done.stdout
        assert "HTTP/1.1 200 OK" in done.stdout


def test_the_protocol_is_agreed_on(server):
    assert curl(server.port, "/status/200", "-w", "%{http_version}", "-o", os.devnull) == "2"
    assert curl(server.port, "/status/200", "--http1.1", "-w", "%{http_version}", "-o", os.devnull) == "1.1"
    assert curl(server.port, "/status/200", "--http1.0", "-w", "%{http_version}", "-o", os.devnull) == "1"


def test_many_requests_at_once_on_few_connections(server):
    start = time.monotonic()
    urls = [("-o", os.devnull, f"https://127.0.0.1:{server.port}/sleep/300") for _ in range(40)]
    done = subprocess.run(["curl", "-s", "-k", "-Z", "--parallel-max", "40", "-w", "%{response_code} %{num_connects}\\n",
                           *(part for url in urls for part in url)], capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["200"] * 40
    assert sum(int(line[1]) for line in lines) < 40
    assert time.monotonic() - start < 11


def test_guests_are_told_https(server):
    for protocol in ("--http1.1", "--http2"):
        seen = curl(server.port, "/a?b=c", protocol)
        assert f"header spin-full-url: https://127.0.0.1:{server.port}/a?b=c\n" in seen
    assert base_url(server) == f"https://127.0.0.1:{server.port}"


def base_url(server):
    return server.out.text.split("Serving ")[1].split("\n")[0]


def test_the_environment_stands_in(identity):
    environment = {"SPIN_TLS_CERT": str(identity[0]), "SPIN_TLS_KEY": str(identity[1])}
    with whorl.Server.start("-f", whorl.guest("multi"), env=environment) as server:
        assert "Serving https://" in server.out.text


def test_files_that_are_no_certificate(tmp_path, identity):
    empty, missing = tmp_path / "empty.pem", tmp_path / "missing.pem"
    empty.write_text("")
    other = certificate(tmp_path, "other")
    for cert, key, line in (
        (missing, identity[1], f"failed to load certificate(s) from '{missing}'"),
        (empty, identity[1], f"failed to load certificate(s) from '{empty}'"),
        (identity[0], missing, f"failed to load private key from '{missing}'"),
        (identity[0], empty, f"failed to load private key from '{empty}'"),
        (identity[0], other[1], f"failed to load private key from '{other[1]}'"),
    ):
        done = whorl.run("up", "-f", whorl.guest("multi"), "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
        assert done.returncode == 1
        assert f"Error: {line}\n\nCaused by:\n" in done.stderr
        assert "Serving" not in done.stdout


def test_an_encrypted_key_is_not_asked_about(tmp_path, identity):
    key = tmp_path / "encrypted.key"
    subprocess.run(["openssl", "pkcs8", "-topk8", "-in", identity[1], "-out", key, "-passout", "pass:x"], check=True)
    done = whorl.run("up", "-f", whorl.guest("multi"), "--tls-cert", identity[0], "--tls-key", key)
    assert (done.returncode, "the key is encrypted" in done.stderr) == (1, True)


def test_names_choose_certificates_and_new_files_are_noticed(tmp_path):
    a, b = certificate(tmp_path, "a", "DNS:a.test"), certificate(tmp_path, "b", "DNS:b.test")
    flags = ["--tls-cert", a[0], "--tls-key", a[1], "--tls-cert", b[0], "--tls-key", b[1]]
    with whorl.Server.start("-f", whorl.guest("multi"), *flags) as server:
        for trusted, name in ((a, "a.test"), (b, "b.test")):
            with connect(server.port, client(trusted[0]), name) as connection:
                assert get(connection).startswith(b"HTTP/1.1 200")
        kept = connect(server.port, client(a[0]), "a.test")
        fresh = certificate(tmp_path, "fresh", "DNS:a.test")
        shutil.copy(fresh[1], a[1])
        shutil.copy(fresh[0], a[0])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                with connect(server.port, client(fresh[0]), "a.test") as connection:
                    assert get(connection).startswith(b"HTTP/1.1 200")
                break
            except ssl.SSLError:
                time.sleep(0.2)
        else:
            pytest.fail("the new certificate is not shown")
        assert get(kept).startswith(b"HTTP/1.1 200")
        # A file that is broken changes nothing.
        a[0].write_text("nonsense")
        assert server.err.wait_for("the certificates stay as they were")
        with connect(server.port, client(fresh[0]), "a.test") as connection:
            assert get(connection).startswith(b"HTTP/1.1 200")


def test_clients_may_have_to_show_certificates(tmp_path, identity):
    user = certificate(tmp_path, "user")
    with whorl.Server.start("-f", whorl.guest("multi"), "--tls-cert", identity[0], "--tls-key", identity[1],
                            "--tls-client-ca", user[0]) as server:
        known = client(identity[0])
        known.load_cert_chain(user[0], user[1])
        with connect(server.port, known) as connection:
            assert get(connection).startswith(b"HTTP/1.1 200")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with connect(server.port, client(identity[0])) as connection:
                assert get(connection) == b""
                raise ConnectionError


def test_stalled_handshakes_hold_nobody_up(server, identity):
    """Hundreds of clients that begin a handshake and say no more."""
    stalled = []
    for _ in range(300):
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.send(b"\x16\x03\x01\x02")
        stalled.append(sock)
    start = time.monotonic()
    for _ in range(20):
        with connect(server.port, client(identity[0])) as connection:
            assert get(connection).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - start < 10
    for sock in stalled:
        sock.close()


def test_a_drain_finishes_requests_over_tls(identity):
    for protocol in ("--http1.1", "--http2"):
        with whorl.Server.start("-f", whorl.guest("multi"), "--tls-cert", identity[0], "--tls-key", identity[1]) as server:
            found = []
            thread = threading.Thread(target=lambda: found.append(curl(server.port, "/drip/20", protocol)))
            thread.start()
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            thread.join()
            assert found == ["." * 20]
            assert server.process.wait(20) == 0
