"""The program's own log on a standard error that nobody reads: it stops nobody, and says what it lost."""

import os
import re
import signal
import subprocess
import threading

import whorl

LINES = 8000


class Unread:
    """A server whose standard error is a pipe, read only when asked."""

    def __init__(self, manifest, *options: str):
        read, write = os.pipe()
        self.err = os.fdopen(read, "rb", 0)
        self.process = subprocess.Popen(
            [whorl.program(), "up", "--listen", "127.0.0.1:0", "-f", str(manifest), *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=write, env=os.environ | {"RUST_LOG": "whorl=debug"})
        os.close(write)
        while not (match := re.search(rb"Serving http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())):
            assert self.process.poll() is None
        self.port = int(match[1])

    def get(self, path: str) -> whorl.Response:
        return whorl.exchange(self.port, "GET", path, [])

    def __enter__(self):
        return self

    def __exit__(self, *_: object):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.err.close()


def make_noise(server: Unread, lines: int) -> None:
    """Lines that no limit on their number holds for: each is about a request that is none."""
    for _ in range(lines):
        with whorl.Connection(server.port) as connection:
            connection.send(b"nonsense\r\n\r\n")
            while connection.socket.recv(4096):
                pass


def test_a_log_that_nobody_reads_stops_nobody():
    with Unread(whorl.guest("multi"), "--quiet") as server:
        make_noise(server, LINES)
        assert server.get("/status/204").status == 204
        assert server.get("/trap").status == 500
        # Somebody begins to read.
        seen = bytearray()
        done = threading.Event()

        def read() -> None:
            while part := os.read(server.err.fileno(), 65536):
                seen.extend(part)
                if b"lines dropped" in seen:
                    done.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        make_noise(server, 3)
        assert done.wait(20), seen[-2000:]
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        reader.join(20)
    text = seen.decode()
    (lost,) = re.findall(r" WARN whorl::log: (\d+) lines dropped: nobody read the standard error fast enough\n", text)
    whole = len(re.findall(r"^\S+Z DEBUG whorl::http: ", text, re.M))
    assert int(lost) > 0
    # The line about the trap is among those that were lost, or was printed.
    assert LINES + 3 <= whole + int(lost) <= LINES + 4


def test_a_log_that_nobody_reads_does_not_hold_the_end_up():
    with Unread(whorl.guest("multi"), "--quiet") as server:
        make_noise(server, 200)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
