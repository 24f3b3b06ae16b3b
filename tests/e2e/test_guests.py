"""Components that none of us wrote: prebuilt guests of other toolchains.

They are looked for in the folder that WHORL_GUESTS names, else in `shared/guests` beside the tree.
"""

import os
import pathlib

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
]


@pytest.mark.parametrize("name,path,body", CASES)
def test_a_prebuilt_guest_answers(name, path, body):
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file, timeout=COMPILE_TIMEOUT_S) as server:
        for _ in range(20):
            response = server.get(path, timeout=60)
            assert (response.status, response.body) == (200, body), server.err.text


def test_a_guests_log_line_is_shown():
    file = FOLDER / "c-p2.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with whorl.Server.start("-f", file) as server:
        server.get("/")
        assert server.err.wait_for("C guest handling request\n")
