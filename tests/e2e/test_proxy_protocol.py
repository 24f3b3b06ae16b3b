"""The PROXY protocol at the listener: what guests are told of their clients, in clear and under TLS."""

import socket
import ssl
import struct

import pytest
import whorl
from test_tls import certificate

LINE = b"PROXY TCP4 192.0.2.7 127.0.0.1 4321 80\r\n"
BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H4B4BHH", 12, 192, 0, 2, 9, 127, 0, 0, 1, 99, 80)
ASK = b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def read_all(connection: socket.socket) -> str:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer.decode()


def connect(port: int, *pieces: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    for piece in pieces:
        connection.sendall(piece)
    return connection


@pytest.fixture(scope="module")
def server():
    with whorl.Server.start("-f", whorl.guest("multi"), "--proxy-protocol", "127.0.0.0/8,unix",
                            "--access-log", "-", "--header-timeout", "1s") as server:
        yield server


def test_guests_and_the_access_log_see_the_client(server):
    for header, client in ((LINE, "192.0.2.7:4321"), (BINARY, "192.0.2.9:99")):
        with connect(server.port, header + ASK) as connection:
            assert f"header spin-client-addr: {client}\n" in read_all(connection)
        assert server.out.wait_for(rf"(?m)^{client.split(':')[0]} - - ")


def test_without_a_header_there_is_no_answer(server):
    for text in (ASK, b"PROXY TCP4 1 2 3 4\r\n" + ASK, b"PROXY ", b""):
        with connect(server.port, text) as connection:
            try:
                assert read_all(connection) == ""
            except ConnectionResetError:
                pass
    with connect(server.port, LINE, ASK) as connection:
        assert read_all(connection).startswith("HTTP/1.1 200")


def test_before_tls(tmp_path):
    files = certificate(tmp_path)
    with whorl.Server.start("-f", whorl.guest("multi"), "--tls-cert", files[0], "--tls-key", files[1],
                            env={"WHORL_PROXY_PROTOCOL": "127.0.0.1"}) as server:
        context = ssl.create_default_context(cafile=str(files[0]))
        with context.wrap_socket(connect(server.port, BINARY), server_hostname="localhost") as connection:
            connection.sendall(ASK)
            assert "header spin-client-addr: 192.0.2.9:99\n" in read_all(connection)


def test_others_are_who_they_are():
    with whorl.Server.start("-f", whorl.guest("multi"), "--proxy-protocol", "10.0.0.0/8") as server:
        with connect(server.port, ASK) as connection:
            assert "header spin-client-addr: 127.0.0.1:" in read_all(connection)
        with connect(server.port, LINE + ASK) as connection:
            assert read_all(connection).startswith("HTTP/1.1 400")


def test_what_is_no_network():
    result = whorl.run("up", "-f", whorl.guest("multi"), "--proxy-protocol", "everybody")
    assert (result.returncode, "'everybody' is neither a network such as 10.0.0.0/8 nor 'unix'" in result.stderr) == (2, True)
