"""HTTP/2 from outside, as curl speaks it; what it takes and refuses is in http2_test and h2spec."""

import json
import os
import pathlib
import subprocess

import otlp
import pytest
import real_servers
import whorl


def curl(port, path, *arguments, timeout=20):
    done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", str(timeout), *arguments,
                           f"http://127.0.0.1:{port}{path}"], capture_output=True)
    assert done.returncode == 0, done
    return done.stdout


def test_prior_knowledge(multi):
    seen = curl(multi.port, "/a?b=c", "-H", "x-one: 1", "-H", "cookie: a=1").decode()
    assert f"header spin-full-url: http://127.0.0.1:{multi.port}/a?b=c\n" in seen
    assert "header x-one: 1\n" in seen
    assert "header cookie: a=1\n" in seen
    assert curl(multi.port, "/status/204", "-w", "%{http_version} %{response_code}") == b"2 204"
    assert curl(multi.port, "/status/404", "-o", "/dev/null", "-w", "%{response_code}") == b"404"


def test_the_same_port_speaks_both(multi):
    assert multi.get("/status/200").status == 200
    assert curl(multi.port, "/status/200", "-o", "/dev/null", "-w", "%{http_version}") == b"2"
    # An upgrade is not taken: the answer is HTTP/1.1's.
    done = subprocess.run(["curl", "-s", "--http2", "-o", "/dev/null", "-w", "%{http_version}",
                           f"http://127.0.0.1:{multi.port}/status/200"], capture_output=True, text=True)
    assert done.stdout == "1.1"


def test_bodies_and_trailers(multi, echo, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(range(256)) * 8192)
    assert curl(echo.port, "/", "--data-binary", f"@{upload}") == upload.read_bytes()
    assert len(curl(multi.port, "/big/20000000")) == 20_000_000
    assert curl(multi.port, "/drip/5") == b"....."
    done = subprocess.run(["curl", "-sv", "--http2-prior-knowledge", f"http://127.0.0.1:{multi.port}/trailers"],
                          capture_output=True, text=True)
    assert done.stdout == "body\n"
    assert "< x-first: one\n" in done.stderr.replace("\r", "")
    assert b"\r\nx-" in curl(multi.port, "/trailers", "-i") or curl(multi.port, "/trailers", "-i")


def test_a_trap_after_the_head_resets_the_request(multi):
    done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", f"http://127.0.0.1:{multi.port}/trap-late"],
                          capture_output=True)
    assert done.returncode == 92  # CURLE_HTTP2_STREAM
    assert curl(multi.port, "/trap", "-o", "/dev/null", "-w", "%{response_code}") == b"500"


@pytest.mark.parametrize("over", ["clear", "tls"])
def test_grpc_passes_through(over, tmp_path):
    """Messages both ways at once, trailers, statuses, as gRPC's own library sees them."""
    if subprocess.run([otlp.SYSTEM_PYTHON, "-c", "import grpc"], capture_output=True).returncode != 0:
        why = "NO LIBRARY: gRPC for Python is not installed (Debian package python3-grpcio; ./dev setup installs it)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    certificate, key = real_servers.make_certificate(tmp_path)
    flags, trust = (("--tls-cert", certificate, "--tls-key", key), [certificate]) if over == "tls" else ((), [])
    client = pathlib.Path(otlp.__file__).with_name("grpc_client.py")
    with whorl.Server.start("-f", whorl.guest("grpc"), *flags) as server:
        done = subprocess.run([otlp.SYSTEM_PYTHON, client, f"localhost:{server.port}", *trust], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "one": "hello", "conversation": [*(str(number) for number in range(20)), "OK", "word"], "large": True, "stream": True,
            "failure": ["NOT_FOUND", "nothing of the kind"]}
