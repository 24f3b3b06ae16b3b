"""No byte of a request is left for the next one, whatever a guest did to its memory.

The guest answers with a digest of all its memory as it found it and dirties it at random from the number in the path. All
at full size, with every 50th instance that was put back compared whole with a fresh one:

    WHORL_FRESHNESS_REQUESTS=10000000 pytest tests/e2e/test_freshness.py

Meanwhile the kernel is asked to take the server's pages away, and as root to compact memory, where it lets us. Nothing is
swapped out without swap: `swapon` some first; and huge pages are made everywhere where `always` is written to
/sys/kernel/mm/transparent_hugepage/enabled, and `force` to shmem_enabled beside it.
"""

import contextlib
import ctypes
import os
import random
import threading

import whorl

REQUESTS = int(os.environ.get("WHORL_FRESHNESS_REQUESTS", "20000"))
CLIENTS = 4
BATCH = 50
MADV_PAGEOUT = 21
PROCESS_MADVISE = 440  # process_madvise(2)


class Pressure:
    """Pages out the server's private memory, and compacts the machine's, until it is left."""

    def __init__(self, pid: int):
        self.pid, self.over = pid, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def page_out(self, libc, pidfd: int):
        """The pool's slots, as far as they are populated: asked for in one call of at most 1024 ranges."""
        ranges = []
        with open(f"/proc/{self.pid}/maps") as maps:
            for line in maps:
                span, access, *_ = line.split()
                begin, end = (int(part, 16) for part in span.split("-"))
                if access.startswith("rw") and end - begin <= 64 << 20:
                    ranges += [begin, end - begin]
        ranges = ranges[:2048]
        vector = (ctypes.c_size_t * len(ranges))(*ranges)
        libc.syscall(PROCESS_MADVISE, pidfd, vector, len(ranges) // 2, MADV_PAGEOUT, 0)

    def run(self):
        libc = ctypes.CDLL(None)
        with contextlib.suppress(OSError):
            pidfd = os.pidfd_open(self.pid)
            while not self.over.wait(0.3):
                self.page_out(libc, pidfd)
                with contextlib.suppress(OSError), open("/proc/sys/vm/compact_memory", "w") as compact:
                    compact.write("1")
            os.close(pidfd)


def ask(server, seed: int, requests: int, found: dict):
    """Pipelined on one connection; counts how often each answer came. A trap closes nothing."""
    numbers = random.Random(seed)
    with server.connect(timeout=60) as connection:
        for _ in range(requests // BATCH):
            connection.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % numbers.getrandbits(40) for _ in range(BATCH)))
            for _ in range(BATCH):
                response = connection.response()
                answer = (response.status, response.body if response.status == 200 else b"")
                found[answer] = found.get(answer, 0) + 1


def test_a_guest_finds_nothing_of_those_before_it():
    seed = random.SystemRandom().getrandbits(32)
    environment = {"WHORL_AUDIT_RESETS": "50"}
    with whorl.Server.start("-f", whorl.guest("residue"), "--quiet", env=environment) as server:
        counts = [{} for _ in range(CLIENTS)]
        clients = [threading.Thread(target=ask, args=(server, seed + i, REQUESTS // CLIENTS, counts[i])) for i in range(CLIENTS)]
        with Pressure(server.process.pid):
            for client in clients:
                client.start()
            for client in clients:
                client.join()
        answers = {answer for count in counts for answer in count}
        assert sum(n for count in counts for n in count.values()) == REQUESTS // CLIENTS // BATCH * BATCH * CLIENTS, f"seed {seed}"
        assert {status for status, _ in answers} == {200, 500}, f"seed {seed}"
        assert len([answer for answer in answers if answer[0] == 200]) == 1, f"seed {seed}: {answers}"
        assert server.stop() == 0
        assert "differs" not in server.err.text, f"seed {seed}"
