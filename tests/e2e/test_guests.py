"""Components that none of us wrote: prebuilt guests of other toolchains.

They are looked for in the folder that WHORL_GUESTS names, else in `shared/guests` beside the tree.
"""

import os
import pathlib
import shutil

import pytest
import whorl

FOLDER = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))
# The engine compiles 12 MB of JavaScript engine on a cold cache.
COMPILE_TIMEOUT_S = 240

CASES = [
    ("c-hello", "/", b"Hello, Fermyon"),
    ("c-p2", "/", b"hello from C via wasi:http\n"),
    ("c-p2-core", "/", b"hello from C via wasi:http\n"),
    ("go-p2", "/", b"hello from stock Go via wasi:http\n"),
    ("rust-spin5-component", "/", b"Hello World from spin-sdk 5!"),
    ("rust-wstd-wasip2", "/some/path", b"hello from wstd /some/path\n"),
    ("js-componentize-p2", "/", b"Hello from componentize-js"),
    ("js-spin-p2", "/", b"Hello, Spin!"),
    ("js-spin-p2", "/hello/x", b'"Hello, x!"'),
    # Imports all of Spin's platform, most of which is only announced.
    ("py-spin3-p2", "/", b"Hello from Python!"),
    # WASI 0.3 and its release candidate.
    ("c-p3", "/", b"hello p3 from C\n"),
    ("rust-spin6-component", "/", b"Hello World from spin-sdk 6!"),
    ("rust-spin7-component", "/", b"Hello World from spin-sdk 7!"),
    # Core modules whose names and custom sections say what a component's sections would.
    ("rust-spin5-wasip1-core", "/", b"Hello World from spin-sdk 5!"),
    ("rust-spin6-wasip1-core", "/", b"Hello World from spin-sdk 6!"),
    ("rust-spin7-wasip1-core", "/", b"Hello World from spin-sdk 7!"),
    ("rust-spin7-wasip2", "/", b"Hello World from spin-sdk 7!"),
    ("js-qjs-p3", "/", b"hello p3 from JS\n"),
    ("py-spin5-p3", "/", b"Hello from Python!"),
]


CAPABILITIES = {"/noop": b"ok", "/var": b"hi", "/kv/set": b"set", "/kv/get": b"Some(34)", "/kv/keys": b"1",
                "/sqlite/init": b"init", "/sqlite/put": b"put", "/sqlite/get": b"1"}


@pytest.mark.parametrize("name,path,body", CASES)
def test_a_prebuilt_guest_answers(name, path, body):
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file, timeout=COMPILE_TIMEOUT_S) as server:
        for _ in range(20):
            response = server.get(path, timeout=60)
            assert (response.status, response.body) == (200, body), server.err.text


@pytest.mark.parametrize("kind", ["capabilities", "capabilities-core"])
def test_the_app_of_all_capabilities_answers(tmp_path, kind):
    """What needs no server; the others have tests of their own. As a component, and as the core module it was made of."""
    source = FOLDER / "capabilities"
    if not source.exists():
        pytest.skip(f"no {source}: set WHORL_GUESTS to the folder of the prebuilt guests")
    (tmp_path / "spin.toml").write_text((source / "spin.toml").read_text().replace("capabilities.wasm", f"{kind}.wasm"))
    shutil.copy(source / f"{kind}.wasm", tmp_path)
    with whorl.Server.start("-f", tmp_path, timeout=COMPILE_TIMEOUT_S) as server:
        for path, body in CAPABILITIES.items():
            answer = server.get(path)
            assert (answer.status, answer.body) == (200, body), (path, server.err.text)


def test_a_guest_that_never_returns_is_ended():
    file = FOLDER / "c-loop.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file, "--max-request-cpu", "200ms") as server:
        assert server.get("/").status in (500, 504)
        assert server.err.wait_for("used its CPU budget of 200 ms")


def test_a_guests_log_line_is_shown():
    file = FOLDER / "c-p2.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file) as server:
        server.get("/")
        assert server.err.wait_for("C guest handling request\n")


@pytest.mark.parametrize("name", ["c-p2", "go-p2", "rust-spin5-component", "rust-wstd-wasip2"])
def test_a_guest_cannot_tell_its_adapter_from_the_host(name):
    """With the preview 1 adapter it came with, and with the host's preview 1 in its place."""
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    seen = []
    for native in ("0", "1"):
        with whorl.Server.start("-f", file, env={"WHORL_NATIVE_PREVIEW1": native}) as server:
            response = server.get("/a/path?and=query", headers=[("x-test", "1")])
            server.stop()
            # A compile on a busy machine is announced, whoever asks for it.
            lines = [line for line in server.err.text.splitlines()
                     if "127.0.0.1" not in line and not line.startswith("Preparing Wasm modules")]
            # How a body is framed depends on whether it was whole when the head went out.
            by_time = ("date", "content-length", "transfer-encoding")
            headers = sorted(header for header in response.headers if header[0] not in by_time)
            seen.append((response.status, headers, response.body, lines))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name,path", sorted({(name, path) for name, path, _ in CASES}))
def test_an_instance_put_back_equals_a_fresh_one(name, path):
    """After every event all memories and variables are compared with a fresh instance's."""
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file, env={"WHORL_AUDIT_RESETS": "1"}, timeout=COMPILE_TIMEOUT_S) as server:
        for i in range(30):
            assert server.get(f"{path}?{'x' * i * 100}", timeout=60).status in (200, 404)
        server.stop()
        assert "differs from a fresh one" not in server.err.text
