"""Clients without manners, many at a time and at random, against guests that trap, loop, stream and call each other.

Nothing in particular is asserted of their answers: the host must outlive them all, answer a good client at the end, have
no work left, and stop with 0. Run it on a sanitized build, and longer:

    WHORL_CHAOS_CLIENTS=20000 WHORL_BIN=build/asan/apps/whorl/whorl pytest tests/e2e/test_chaos.py
"""

import concurrent.futures
import contextlib
import os
import random
import socket
import struct

import whorl

CLIENTS = int(os.environ.get("WHORL_CHAOS_CLIENTS", "400"))
SEED = int(os.environ.get("WHORL_CHAOS_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
AT_ONCE = 24

PATHS = ["/", "/trap", "/trap-late", "/deep", "/loop", "/loop-late", "/bomb", "/big/300000", "/drip/3", "/sleep/20", "/status/204",
         "/log", "/trailers", "/early", "/nothing"]
TARGETS = ["http://multi.spin.internal", "http://fetch.spin.internal", "http://nobody.spin.internal", "http://self", "http://127.0.0.1:1",
           ""]
KNOBS = [("x-drop", "1"), ("x-forever", "1"), ("x-body", "1"), ("x-timeout-ms", "5"), ("x-method", "HEAD"), ("x-length", "7")]

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "multi"
[[trigger.http]]
route = "/fetch"
component = "fetch"
[component.multi]
source = "multi.wasm"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = ["http://*.spin.internal", "http://self", "http://127.0.0.1:1"]
"""


def request(dice: random.Random) -> bytes:
    """A request head with its body, to one guest or through one to another."""
    path, fields = dice.choice(PATHS), []
    if dice.random() < 0.5:
        fields.append(("x-url", dice.choice(TARGETS) + path))
        fields += dice.sample(KNOBS, dice.choice([0, 0, 1, 2]))
        path = "/fetch"
    body = dice.randbytes(dice.choice([0, 0, 10, 5_000, 200_000]))
    method = dice.choice(["GET", "POST", "POST", "HEAD"])
    if dice.random() < 0.3:
        fields.append(("transfer-encoding", "chunked"))
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [body[:700], body[700:]] if piece) + b"0\r\n\r\n"
    else:
        fields.append(("content-length", str(len(body) + (dice.random() < 0.1))))
    lines = [f"{method} {path} HTTP/1.1", "host: test.local", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def misbehave(port: int, seed: int) -> None:
    """One client: sends some of one to three requests, reads some of what comes, and leaves politely or not."""
    dice = random.Random(seed)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 20) as link:
        link.settimeout(dice.choice([0.01, 0.2, 1]))
        data = b"".join(request(dice) for _ in range(dice.choice([1, 1, 1, 2, 3])))
        if dice.random() < 0.3:
            data = data[:dice.randrange(len(data))]
        if dice.random() < 0.05:
            data = dice.randbytes(40) + data
        while data:
            size = dice.choice([len(data), len(data), 1 + dice.randrange(len(data))])
            link.sendall(data[:size])
            data = data[size:]
        ending = dice.randrange(4)
        if ending == 0:
            link.shutdown(socket.SHUT_WR)
        if ending == 1:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            for _ in range(dice.choice([0, 1, 4, 50])):
                if not link.recv(dice.choice([1, 100, 65536])):
                    break


def test_the_host_outlives_random_clients(app):
    print(f"WHORL_CHAOS_SEED={SEED}")
    limits = ("--max-request-cpu", "100ms", "--max-response-delay", "1s", "--quiet")
    with whorl.Server.start("-f", app(MANIFEST, "multi", "fetch"), *limits) as server:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as clients:
            for done in [clients.submit(misbehave, server.port, SEED + number) for number in range(CLIENTS)]:
                done.result()
        assert server.process.poll() is None, f"seed {SEED}"
        assert server.get("/log").body == b"logged\n", f"seed {SEED}"
        assert server.get("/fetch", [("x-url", "http://multi.spin.internal/log")]).body == b"logged\n", f"seed {SEED}"
        assert server.stop() == 0, f"seed {SEED}"
