"""Replacing the running application in place: nothing is dropped, a bad version is not taken.

WHORL_RELOADS=1000 runs the full count.
"""

import os
import pty
import signal
import threading
import time

import pytest
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "multi"
[component.multi]
source = "multi.wasm"
environment = { GREETING = "GENERATION" }
"""
RELOADS = int(os.environ.get("WHORL_RELOADS", "30"))


def write(folder, generation, text=MANIFEST):
    """As editors do: a new file, renamed over the old one."""
    whorl.manifest(folder / "new", text.replace("GENERATION", str(generation)))
    os.rename(folder / "new" / "spin.toml", folder / "spin.toml")


def start(folder, *arguments):
    return whorl.Server.start("-f", folder, *arguments, preexec=os.setsid)


def reload(server, count):
    """Asks for the version on disk, as the COUNTth time, and waits until it serves or was refused."""
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + whorl.IO_TIMEOUT_S
    while server.err.text.count("Reloaded the application.") + server.err.text.count("could not be reloaded") < count:
        assert time.monotonic() < deadline and server.process.poll() is None, server.err.text
        time.sleep(0.002)


def generation_of(server, path="/env"):
    """What the guest sees in its environment; None when it is another path's answer."""
    lines = server.get(path).body.decode().splitlines()
    return next((int(line.removeprefix("GREETING=")) for line in lines if line.startswith("GREETING=")), None)


@pytest.fixture
def folder(app):
    folder = app(MANIFEST.replace("GENERATION", "0"), "multi")
    return folder


class Load:
    """Clients that ask all the time; each answer must be whole and come from a version that was."""

    def __init__(self, server, clients=4):
        self.server, self.failures, self.answers = server, [], 0
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _run(self, index):
        try:
            while not self.stopping.is_set():
                # Half of the clients keep their connection.
                with self.server.connect() as connection:
                    for _ in range(50 if index % 2 else 1):
                        if self.stopping.is_set():
                            break
                        connection.request("GET", "/env")
                        response = connection.response()
                        self.answers += 1
                        if response.status != 200 or not response.complete or not response.body:
                            self.failures.append(response)
        except Exception as error:  # noqa: BLE001: whatever it is, it is a failed request
            self.failures.append(error)


def test_requests_never_fail_while_versions_change(folder):
    with start(folder) as server, Load(server) as load:
        for generation in range(1, RELOADS + 1):
            write(folder, generation)
            reload(server, generation)
            assert generation_of(server) == generation
        assert not load.failures
        assert load.answers > RELOADS


def test_a_request_ends_on_the_version_it_began_on(folder):
    with start(folder) as server, server.connect() as slow:
        slow.request("GET", "/drip/40")  # 2 s
        head = slow.head()
        write(folder, 1)
        reload(server, 1)
        assert generation_of(server) == 1
        assert slow.read_body(head).body == b"." * 40


@pytest.mark.parametrize("breakage", ["[[trigger.http", MANIFEST.replace("multi.wasm", "missing.wasm"),
                                      MANIFEST.replace("/...", "/:x/:")])
def test_a_bad_version_is_not_taken(folder, breakage):
    with start(folder) as server:
        write(folder, 1, breakage)
        reload(server, 1)
        assert "could not be reloaded" in server.err.text
        assert generation_of(server) == 0
        write(folder, 2)
        reload(server, 2)
        assert generation_of(server) == 2


def test_routes_change(folder):
    with start(folder) as server:
        assert server.get("/other").status == 200
        write(folder, 1, MANIFEST.replace("/...", "/env"))
        reload(server, 1)
        assert generation_of(server) == 1
        assert server.get("/other").status == 404


def test_with_a_terminal_a_hangup_ends_the_program(folder):
    controller, terminal = pty.openpty()

    def take_terminal():
        os.setsid()
        import fcntl
        import termios
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    with whorl.Server.start("-f", folder, preexec=take_terminal) as server:
        assert server.stop(signal.SIGHUP) == 0
    os.close(terminal)
    os.close(controller)


def test_memory_and_files_stay(folder):
    with start(folder) as server:
        for generation in range(1, 6):
            write(folder, generation)
            reload(server, generation)
        time.sleep(1.5)
        files = server.open_files()
        for generation in range(6, 16):
            write(folder, generation)
            reload(server, generation)
        time.sleep(1.5)
        assert server.open_files() <= files
