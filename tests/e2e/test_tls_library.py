"""The machine's OpenSSL: loaded by who speaks TLS and by nobody else; what is said where it can't be."""

import re

import whorl

from test_outbound_http import TLS, Upstream, certificate, fetch, serve, tls_context  # noqa: F401  (certificate is a fixture)


def loaded(server) -> set[str]:
    """OpenSSL's libraries in the program's memory, each with the file it was mapped from."""
    with open(f"/proc/{server.process.pid}/maps") as maps:
        return set(re.findall(r"\S*/lib(?:ssl|crypto)\.so\S*", maps.read()))


def names(libraries: set[str]) -> list[str]:
    return sorted(path.rsplit("/", 1)[1] for path in libraries)


def no_library(tmp_path) -> dict[str, str]:
    """An environment in which the loader finds a file that is no library."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "libssl.so.3").write_text("no library\n" * 100)
    return {"LD_LIBRARY_PATH": str(folder)}


def test_who_speaks_no_tls_does_not_load_it():
    with whorl.Server.start("-f", whorl.guest("multi")) as server:
        assert server.get("/status/200").status == 200
        assert loaded(server) == set()


def test_a_listener_with_tls_has_it_before_it_serves(certificate):  # noqa: F811
    with whorl.Server.start("-f", whorl.guest("multi"), "--tls-cert", certificate / "cert.pem", "--tls-key",
                            certificate / "key.pem") as server:
        assert names(loaded(server)) == ["libcrypto.so.3", "libssl.so.3"]


def test_the_first_request_to_a_server_with_tls_loads_it(app, certificate):  # noqa: F811
    with Upstream(tls_context(certificate)) as upstream, Upstream() as plain:
        with serve(app, "*://*:*", env={"SSL_CERT_FILE": str(certificate / "cert.pem")}) as server:
            assert fetch(server, f"http://127.0.0.1:{plain.port}/").status == 201
            assert loaded(server) == set()
            assert fetch(server, f"https://127.0.0.1:{upstream.port}/").status == 201
            assert names(loaded(server)) == ["libcrypto.so.3", "libssl.so.3"]


def test_a_machine_without_it_serves_what_needs_none(app, certificate, tmp_path):  # noqa: F811
    broken = no_library(tmp_path)
    with Upstream(tls_context(certificate)) as upstream, Upstream() as plain, serve(app, "*://*:*", env=broken) as server:
        assert fetch(server, f"http://127.0.0.1:{plain.port}/").status == 201
        for _ in range(2):
            assert fetch(server, f"https://127.0.0.1:{upstream.port}/").body == b"error %d" % TLS
        assert fetch(server, f"http://127.0.0.1:{plain.port}/").status == 201
        assert loaded(server) == set()


def test_a_listener_with_tls_does_not_start_without_it(certificate, tmp_path):  # noqa: F811
    broken = no_library(tmp_path)
    done = whorl.run("up", "-f", whorl.guest("multi"), "--listen", "127.0.0.1:0", "--tls-cert", certificate / "cert.pem",
                     "--tls-key", certificate / "key.pem", env=broken)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"Error: OpenSSL cannot be loaded: {broken['LD_LIBRARY_PATH']}/libssl.so.3: invalid ELF header\n"
        "\nHelp: install OpenSSL 3 (Debian package libssl3)\n")
    assert "Serving" not in done.stdout
