"""Clients without manners, many at a time and at random, against guests that trap, loop, stream and call each other.

Nothing in particular is asserted of their answers: the host must outlive them all, answer a good client at the end, have
no work left, and stop with 0. Run it on a sanitized build, and longer:

    WHORL_CHAOS_CLIENTS=20000 WHORL_BIN=build/asan/apps/whorl/whorl pytest tests/e2e/test_chaos.py
"""

import rude
import whorl

PATHS = ["/", "/trap", "/trap-late", "/deep", "/loop", "/loop-late", "/bomb", "/big/300000", "/drip/3", "/sleep/20", "/status/204",
         "/log", "/trailers", "/early", "/nothing"]
FETCH = rude.Through(
    "/fetch",
    ["http://multi.spin.internal", "http://fetch.spin.internal", "http://nobody.spin.internal", "http://self", "http://127.0.0.1:1", ""],
    [("x-drop", "1"), ("x-forever", "1"), ("x-body", "1"), ("x-timeout-ms", "5"), ("x-method", "HEAD"), ("x-length", "7")])

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


def test_the_host_outlives_random_clients(app):
    limits = ("--max-request-cpu", "100ms", "--max-response-delay", "1s", "--quiet")
    with whorl.Server.start("-f", app(MANIFEST, "multi", "fetch"), *limits) as server:
        seed = rude.run(server, PATHS, FETCH)
        assert server.process.poll() is None, f"seed {seed}"
        assert server.get("/log").body == b"logged\n", f"seed {seed}"
        assert server.get("/fetch", [("x-url", "http://multi.spin.internal/log")]).body == b"logged\n", f"seed {seed}"
        assert server.stop() == 0, f"seed {seed}"
