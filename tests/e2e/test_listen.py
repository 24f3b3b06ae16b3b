"""Where the program listens: several addresses, Unix sockets, sockets of a service manager or a predecessor.

WHORL_HANDOVERS is how often sockets are handed over under load; the full count is

    WHORL_HANDOVERS=1000 python3 -m pytest tests/e2e/test_listen.py -k without_a_failed
"""

import contextlib
import os
import re
import resource
import socket
import subprocess
import time

import pytest
import real_servers
import whorl
from test_drain import context_for, crowd_over


def ask(family, address, path="/status/200"):
    with socket.socket(family) as sock:
        sock.settimeout(20)
        sock.connect(address)
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := sock.recv(65536):
            answer += piece
        return answer


def wait_until(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def loops_of(server, ports):
    """How many connections of these client ports each event loop of the program watches, for loops that watch any: what Linux
    says of its epoll descriptors."""
    process = f"/proc/{server.process.pid}"
    remote = {f"0100007F:{port:04X}" for port in ports}
    rows = [line.split() for line in open(f"{process}/net/tcp")]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1] == f"0100007F:{server.port:04X}" and row[2] in remote}
    targets, watched = {}, []
    for fd in os.listdir(f"{process}/fd"):
        with contextlib.suppress(FileNotFoundError):
            targets[fd] = os.readlink(f"{process}/fd/{fd}")
    for fd in (fd for fd, target in targets.items() if target == "anon_inode:[eventpoll]"):
        of_loop = re.findall(r"^tfd:\s+(\d+)", open(f"{process}/fdinfo/{fd}").read(), re.M)
        watched.append(sum(targets.get(one) in sockets for one in of_loop))
    return sorted(count for count in watched if count)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_several_addresses_and_a_unix_socket(tmp_path):
    path = tmp_path / "socket"
    with whorl.Server.start("-f", whorl.guest("multi"), "--listen", "127.0.0.1:0", "--listen", f"unix:{path}") as server:
        lines = server.err.wait_for(r"Also serving http://127\.0\.0\.1:(\d+)\nAlso serving unix:(.*)\n")
        assert lines.group(2) == str(path)
        for port in (server.port, int(lines.group(1))):
            assert ask(socket.AF_INET, ("127.0.0.1", port)).startswith(b"HTTP/1.1 200")
        seen = ask(socket.AF_UNIX, str(path), "/")
        assert b"header spin-client-addr: 0.0.0.0:0\n" in seen
        done = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--unix-socket", path, "http://a/status/200",
                               "-o", os.devnull, "-w", "%{http_version}"], capture_output=True, text=True)
        assert done.stdout == "2"
        second = whorl.run("up", "-f", whorl.guest("multi"), "--listen", f"unix:{path}")
        assert (second.returncode, f"Error: unix:{path} is already in use" in second.stderr) == (1, True)
    assert not path.exists()


@pytest.mark.skipif(not has_ipv6(), reason="this system has no IPv6")
def test_localhost_is_both_families():
    with whorl.Server.start("-f", whorl.guest("multi"), env={"SPIN_HTTP_LISTEN_ADDR": "127.0.0.1:0"}) as server:
        assert "Also serving" not in server.err.text
    process = subprocess.Popen([whorl.program(), "up", "-f", whorl.guest("multi"), "--listen", "localhost:0"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
    try:
        port = int(out.wait_for(r"Serving http://127\.0\.0\.1:(\d+)\n").group(1))
        assert err.wait_for(rf"Also serving http://\[::1\]:{port}\n")
        assert ask(socket.AF_INET, ("127.0.0.1", port)).startswith(b"HTTP/1.1 200")
        assert ask(socket.AF_INET6, ("::1", port)).startswith(b"HTTP/1.1 200")
    finally:
        process.terminate()
        process.wait(20)


def test_sockets_of_a_service_manager():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        # A client that connects before the program is there waits for it.
        early = socket.create_connection(("127.0.0.1", port))
        early.sendall(b"GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n")
        command = f'export LISTEN_PID=$$ LISTEN_FDS=1; exec "{whorl.program()}" up -f "{whorl.guest("multi")}"'
        process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   preexec_fn=lambda: os.dup2(listening.fileno(), 3), close_fds=False)
        out = whorl.Output(process.stdout)
        try:
            assert out.wait_for(rf"Serving http://127\.0\.0\.1:{port}\n")
            early.settimeout(20)
            assert early.recv(100).startswith(b"HTTP/1.1 200")
            assert ask(socket.AF_INET, ("127.0.0.1", port)).startswith(b"HTTP/1.1 200")
        finally:
            process.terminate()
            process.wait(20)
            early.close()


@pytest.mark.parametrize("over", ["http", "tls", "h2c", "h2"])
def test_a_successor_takes_over_without_a_failed_request(over, tmp_path):
    path = tmp_path / "takeover"
    certificate, key = real_servers.make_certificate(tmp_path)
    secure = ["--tls-cert", certificate, "--tls-key", key] if over in ("tls", "h2") else []
    # On a loaded machine an answer may take long; that is no failure.
    flags = ["-f", whorl.guest("multi"), "--takeover", path, "--drain-timeout", "30s", *secure]
    server = whorl.Server.start(*flags)
    visitors = crowd_over(over, server.port, certificate)
    for visitor in visitors:
        visitor.start()
    for number in range(int(os.environ.get("WHORL_HANDOVERS", "5" if over == "http" else "3"))):
        # Sockets for another number of threads than they were made for.
        successor = whorl.Server.start(*flags, "--threads", "3")
        assert successor.port == server.port
        assert server.process.wait(60) == 0
        server = successor
        fates = [(visitor.failures, visitor.shut_out, visitor.answered) for visitor in visitors]
        assert all(visitor.is_alive() for visitor in visitors), (number, fates, server.err.text[-2000:])
    for visitor in visitors:
        visitor.leaves = True
    for visitor in visitors:
        visitor.join(60)
    assert server.stop(timeout=60) == 0
    assert [visitor.failures for visitor in visitors] == [[]] * len(visitors)
    # With a successor nobody ends a connection but with the answer to its last request.
    assert [visitor.ended_quiet for visitor in visitors] == [0] * len(visitors)
    assert all(visitor.answered > 0 for visitor in visitors)
    assert not path.exists()


@pytest.mark.parametrize("over", ["http", "tls"])
def test_a_predecessor_waits_for_quiet_connections(over, tmp_path):
    """Nothing tells a client of HTTP/1 that its kept connection is about to end, but an answer to what it asks next."""
    certificate, key = real_servers.make_certificate(tmp_path)
    secure = ["--tls-cert", certificate, "--tls-key", key] if over == "tls" else []
    flags = ["-f", whorl.guest("multi"), "--takeover", tmp_path / "takeover", "--drain-timeout", "30s", *secure]
    context = context_for(over, certificate)

    def ask_on(sock):
        sock.sendall(b"GET /status/200 HTTP/1.1\r\nHost: a\r\n\r\n")
        return sock.recv(65536)

    with whorl.Server.start(*flags, env={"RUST_LOG": "info"}) as server:
        raw = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(2)]
        kept = context.wrap_socket(raw[0]) if context else raw[0]
        with kept:
            assert b"connection: close" not in ask_on(kept)
            wait_until(lambda: sum(loops_of(server, [sock.getsockname()[1] for sock in (kept, raw[1])])) == 2)
            with whorl.Server.start(*flags) as successor:
                assert successor.port == server.port
                assert server.err.wait_for("a successor serves on the same sockets")
                # Far more than the 500 ms for which a server waits that has no successor, and 2 s for who has not said a word.
                time.sleep(2.8)
                assert ask_on(kept).startswith(b"HTTP/1.1 200 OK\r\nconnection: close\r\n")
                # One that was accepted by the old process, and has not even begun a handshake.
                with context.wrap_socket(raw[1]) if context else raw[1] as fresh:
                    assert ask_on(fresh).startswith(b"HTTP/1.1 200 OK\r\nconnection: close\r\n")
                kept.close()
                assert server.process.wait(20) == 0


def test_a_successor_that_fails_changes_nothing(tmp_path):
    path = tmp_path / "takeover"
    with whorl.Server.start("-f", whorl.guest("multi"), "--takeover", path) as server:
        other = whorl.run("up", "-f", whorl.guest("multi"), "--takeover", path, "--listen", "127.0.0.1:1")
        assert other.returncode == 1
        assert f"the running process listens on 127.0.0.1:{server.port}, not on 127.0.0.1:1" in other.stderr
        assert server.get("/status/200").status == 200
        with whorl.Server.start("-f", whorl.guest("multi"), "--takeover", path) as successor:
            assert server.process.wait(20) == 0
            assert successor.get("/status/200").status == 200


def test_more_connects_than_descriptors():
    """Thousands of clients and 256 descriptors: no exit, and service again once they leave."""
    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    with whorl.Server.start("-f", whorl.guest("multi"), preexec=few_files) as server:
        assert server.get("/status/200").status == 200
        clients = []
        for _ in range(900):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", server.port))
            clients.append(sock)
        time.sleep(0.5)
        assert server.process.poll() is None
        before = server.cpu_seconds()
        time.sleep(1)
        assert server.cpu_seconds() - before < 0.5, "it accepts in a busy loop"
        for sock in clients:
            sock.close()
        start = time.monotonic()
        while True:
            try:
                if server.get("/status/200", timeout=5).status == 200:
                    break
            except (OSError, whorl.Cut):
                pass
            assert time.monotonic() - start < 10
        assert server.stop() == 0


@pytest.mark.parametrize("address", ["unix:", "[::1]", "localhost"])
def test_addresses_that_are_none(address):
    done = whorl.run("up", "-f", whorl.guest("multi"), "--listen", address)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: invalid value '{address}' for '--listen <ADDRESS>'")


def test_limits_of_connections_and_bodies():
    with whorl.Server.start("-f", whorl.guest("multi"), "--threads", "1", "--max-connections", "2",
                            "--max-request-body", "10", "--header-timeout", "500ms", "--idle-timeout", "500ms") as server:
        assert server.post("/status/200", b"x" * 11).status == 413
        with server.connect() as slow:
            slow.send(b"GET / HTTP/1.1\r\nHost: ")
            assert slow.response().status == 408
        with server.connect() as idle:
            idle.request("GET", "/status/200")
            assert idle.response().status == 200
            assert idle.is_closed(5)
        busy = [server.connect() for _ in range(2)]
        for connection in busy:
            connection.request("GET", "/sleep/300")
        # One more waits until there is room.
        assert server.get("/status/200").status == 200
        for connection in busy:
            assert connection.response().status == 200
            connection.close()


def test_few_kept_connections_are_spread_over_the_threads():
    """The kernel chooses a listener by address, by chance; a thread with more connections passes new ones on."""
    with whorl.Server.start("-f", whorl.guest("multi"), "--threads", "2") as server:
        for _ in range(20):
            kept = []
            for _ in range(8):
                kept.append(server.connect())
                kept[-1].request("GET", "/status/200")
                assert kept[-1].response().status == 200
            ports = [connection.socket.getsockname()[1] for connection in kept]
            assert loops_of(server, ports) == [4, 4]
            for connection in kept:
                connection.close()
            wait_until(lambda: loops_of(server, ports) == [])
