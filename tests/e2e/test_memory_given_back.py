"""What guests took goes back to the system soon after their end, not with the process."""

import time

import pytest
import whorl

MIB = 1024


def settled(server, most_kib: int) -> int:
    """Resident memory once it is no more than that, or after ten seconds."""
    end = time.monotonic() + 10
    while (held := server.status_kib("VmRSS")) > most_kib and time.monotonic() < end:
        time.sleep(0.02)
    return held


def ask_at_once(server, path: str, count: int) -> list[int]:
    connections = [server.connect(timeout=60) for _ in range(count)]
    for connection in connections:
        connection.request("GET", path)
    return [connection.response().status for connection in connections]


# 12 memories of 64 MiB; 200 stacks of 3 MiB.
@pytest.mark.parametrize("path, count", [("/bomb", 12), ("/deep", 200)])
def test_memory_and_stacks_of_guests_that_ended(app, path, count):
    folder = app('[[trigger.http]]\nroute = "/..."\ncomponent = "multi"\n[component.multi]\nsource = "multi.wasm"\n', "multi")
    with whorl.Server.start("-f", folder, "--threads", "1", "--max-instance-memory", str(64 * MIB * 1024)) as server:
        assert server.get("/log").status == 200
        before = server.status_kib("VmRSS")
        assert ask_at_once(server, path, count) == [500] * count
        # 64 KiB stay with each stack.
        assert settled(server, before + 20 * MIB) <= before + 20 * MIB
        assert server.get("/log").status == 200
