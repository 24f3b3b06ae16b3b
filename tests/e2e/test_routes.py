"""Which component answers which path, and what it is told about the match."""

import pytest
import whorl

ROUTES = """
[[trigger.http]]
route = "/..."
component = "rest"
[[trigger.http]]
route = "/exact"
component = "exact"
[[trigger.http]]
route = "/api/..."
component = "api"
[[trigger.http]]
route = "/api/users/:id"
component = "user"
[[trigger.http]]
id = "robots"
route = "/robots.txt"
static_response = { status_code = 203, headers = { x-kind = "static" }, body = "none" }
[component.rest]
source = "multi.wasm"
environment = { GREETING = "rest" }
[component.exact]
source = "multi.wasm"
environment = { GREETING = "exact" }
[component.api]
source = "multi.wasm"
environment = { GREETING = "api" }
[component.user]
source = "multi.wasm"
environment = { GREETING = "user" }
"""


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routes")
    (folder / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    with whorl.Server.start("-f", whorl.manifest(folder, ROUTES)) as server:
        yield server


def seen(response) -> dict[str, str]:
    """Headers that the guest saw and shows in its answer."""
    lines = response.body.decode().splitlines()
    return dict(line.removeprefix("header ").split(": ", 1) for line in lines if line.startswith("header "))


@pytest.mark.parametrize("path,route,path_info", [
    ("/", "/...", "/"),
    ("/x/y", "/...", "/x/y"),
    ("/exact/more", "/...", "/exact/more"),
    ("/exact", "/exact", ""),
    ("/exact/", "/exact", ""),
    ("/api", "/api/...", ""),
    ("/api/", "/api/...", "/"),
    ("/api/users/7/x", "/api/...", "/users/7/x"),
    ("/api/users/7", "/api/users/:id", ""),
    ("/API/users/7", "/...", "/API/users/7"),
])
def test_the_right_component_answers(routed, path, route, path_info):
    headers = seen(routed.get(path))
    assert headers["spin-matched-route"] == route
    assert headers["spin-path-info"] == path_info
    assert headers["spin-full-url"] == f"http://test.local{path}"
    assert headers["spin-base-path"] == "/"
    assert headers["spin-client-addr"].startswith("127.0.0.1:")


def test_named_segments_are_told(routed):
    assert seen(routed.get("/api/users/42?q=1"))["spin-path-match-id"] == "42"


def test_each_component_has_its_own_environment(app):
    folder = app(
        '[[trigger.http]]\nroute = "/env/a"\ncomponent = "a"\n[[trigger.http]]\nroute = "/env/b"\ncomponent = "b"\n'
        '[component.a]\nsource = "multi.wasm"\nenvironment = { GREETING = "a" }\n'
        '[component.b]\nsource = "multi.wasm"\nenvironment = { GREETING = "b" }\n', "multi")
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/env/a").body.startswith(b"GREETING=a\n")
        assert server.get("/env/b").body.startswith(b"GREETING=b\n")
        missing = server.get("/env/c")
        assert (missing.status, missing.body, missing.header("content-length")) == (404, b"", "0")


def test_a_static_response(routed):
    response = routed.get("/robots.txt")
    assert (response.status, response.body, response.header("x-kind")) == (203, b"none", "static")


def test_reserved_paths(routed):
    assert routed.get("/.well-known/spin/health").body == b"OK"
    info = routed.get("/.well-known/spin/info")
    assert info.header("content-type") == "application/json" and b'"name": "test"' in info.body
    assert routed.get("/.well-known/spin/other").status == 404
