"""Guests of WASI 0.3 that leak, never read, never write, cancel, drop ends early, deadlock or flood.

Each is ended with a reason or costs nobody anything; memory does not grow, neighbours answer. The guest is
tests/guests/p3/c/hostile3.c. WHORL_HOSTILE_REQUESTS says how many requests the last test makes; it prints the slope.
"""

import os
import shutil
import socket
import statistics
import threading
import time

import pytest
import whorl
from p3_guests import build

REQUESTS = int(os.environ.get("WHORL_HOSTILE_REQUESTS", "20000"))
BATCH = 50
WAYS = {
    "/leak": (200, ""),
    "/never-read": (200, ""),
    "/never-write": (200, ""),
    "/cancel": (200, ""),
    "/early": (200, "cannot drop future write end without first writing a value"),
    "/deadlock": (500, "deadlock detected: event loop cannot make further progress"),
    "/flood": (200, ""),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    component = build(folder, "hostile3")
    text = ""
    for name, route in (("hostile", "/..."), ("neighbour", "/good")):
        shutil.copy(component, folder / f"{name}.wasm") if component.name != f"{name}.wasm" else None
        text += f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{name}"\n[component.{name}]\nsource = "{name}.wasm"\n'
    with whorl.Server.start("-f", whorl.manifest(folder, text), "--max-request-cpu", "300ms") as running:
        yield running


@pytest.mark.parametrize("path", WAYS)
def test_each_is_answered_or_ended(server, path):
    status, reason = WAYS[path]
    assert server.post(path, b"body").status == status, server.err.text
    assert not reason or server.err.wait_for(reason)


def test_an_endless_flood_is_ended_by_its_budget(server):
    assert server.get("/flood-forever").status == 504
    assert server.err.wait_for("used its CPU budget")


def send(server, path, count, counts):
    """Requests one after the other, pipelined; again where the server closed."""
    request = f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody".encode()
    done = 0
    while done < count:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            wanted = min(BATCH, count - done)
            try:
                connection.sendall(request * wanted)
                connection.shutdown(socket.SHUT_WR)
                answers = b""
                while part := connection.recv(1 << 16):
                    answers += part
            except OSError:
                pass
            done += max(1, answers.count(b"HTTP/1.1 "))
    counts[path] = counts.get(path, 0) + done


def flood(server, count):
    counts = {}
    threads = [threading.Thread(target=send, args=(server, path, count // len(WAYS), counts)) for path in WAYS]
    for thread in threads:
        thread.start()
    worst = 0.0
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        assert server.get("/good", timeout=30).status == 200
        worst = max(worst, time.monotonic() - began)
    for thread in threads:
        thread.join()
    return sum(counts.values()), worst


def test_memory_stays_as_it_is(server):
    """From the first quarter on, when pools and caches are warm."""
    total, worst, sizes = 0, 0.0, []
    for _ in range(16):
        done, slowest = flood(server, REQUESTS // 16)
        total, worst = total + done, max(worst, slowest)
        sizes.append(server.status_kib("VmRSS"))
    # Over what is left after the first quarter; a median, since pages come and go.
    before, after = statistics.median(sizes[4:10]), statistics.median(sizes[10:])
    slope = 2 * (after - before) / before
    print(f"{total} requests; RSS in KiB after each sixteenth: {sizes}; slope {100 * slope:.2f} %; slowest neighbour {1000 * worst:.0f} ms")
    # Few requests: what an allocator keeps is more than a percent of a small program.
    assert slope <= (0.01 if REQUESTS >= 500_000 else 0.05), sizes
