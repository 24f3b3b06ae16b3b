"""Guests of the release candidates of WASI 0.2: the same sources, built against an older version."""

import os
import pathlib
import shutil
import subprocess

import p3_guests
import pytest
import services
import whorl

CANDIDATES = ["0.2.0-rc-2023-11-10"]
INTERFACES = pathlib.Path(os.environ.get("WHORL_SUITES") or whorl.ROOT.parent / "shared" / "suites") / "spin" / "wit" / "deps"


def build(tmp_path, name: str, version: str):
    source = whorl.ROOT / "examples" / name / "main.c"
    target = tmp_path / f"{name}.wasm"
    subprocess.run(
        [whorl.ROOT / "sdk" / "c" / "build.sh", source, target, f'-DWHORL_WASI="{version}"'], check=True, capture_output=True
    )
    assert f"wasi:http/incoming-handler@{version}#handle".encode() in target.read_bytes()
    return target


@pytest.mark.parametrize("version", CANDIDATES)
def test_a_guest_of_a_candidate_answers(tmp_path, version):
    with whorl.Server.start("-f", build(tmp_path, "hello", version)) as server:
        answer = server.get("/x")
        assert (answer.status, answer.body) == (200, b"Hello, World! You asked for /x\n")


@pytest.mark.parametrize("version", CANDIDATES)
def test_a_guest_of_a_candidate_streams(tmp_path, version):
    with whorl.Server.start("-f", build(tmp_path, "echo", version)) as server:
        body = bytes(range(256)) * 1000
        assert server.post("/", body).body == body


def test_a_candidate_that_nobody_offers(tmp_path):
    ended = whorl.run("up", "-f", build(tmp_path, "hello", "0.2.0-rc-2023-01-01"), "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert "0.2.0-rc-2023-01-01" in ended.stderr


@pytest.mark.parametrize("date", ["2023-10-18", "2023-11-10"])
def test_each_function_of_a_candidate_is_of_the_type_it_says(tmp_path, date):
    """A component that imports all of them is linked, and traps when it is called."""
    if not INTERFACES.exists():
        pytest.skip(f"NO SUITE: {INTERFACES} (WHORL_SUITES)")
    tool = pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools"
    if not tool.exists():
        pytest.skip("NO TOOL: wasm-tools, see tests/guests/p3/README.md")
    wit = tmp_path / "wit"
    for package in ("cli", "clocks", "filesystem", "http", "io", "random", "sockets"):
        shutil.copytree(INTERFACES / f"{package}-{date}", wit / "deps" / package, copy_function=shutil.copyfile)
    version = f"@0.2.0-rc-{date}"
    (wit / "world.wit").write_text(f"""package test:all;
world all {{
  include wasi:cli/reactor{version};
  import wasi:http/types{version};
  import wasi:http/outgoing-handler{version};
  export wasi:http/incoming-handler{version};
}}
""")
    subprocess.run([tool, "component", "embed", wit, "--world", "all", "--dummy", "-o", tmp_path / "core.wasm"], check=True)
    subprocess.run([tool, "component", "new", tmp_path / "core.wasm", "-o", tmp_path / "all.wasm"], check=True)
    with whorl.Server.start("-f", tmp_path / "all.wasm") as server:
        assert server.get("/").status == 500
        assert server.err.wait_for("unreachable")


class Peer(services.Service):
    def answer(self, request):
        return 200, {}, f"you asked for {request.path}".encode()


@pytest.fixture
def october(app):
    with Peer() as peer:
        folder = app(f"""[[trigger.http]]
route = "/..."
component = "october"
[component.october]
source = "october.wasm"
allowed_outbound_hosts = ["{peer.url}", "http://127.0.0.1:1"]
""", "october")
        with whorl.Server.start("-f", folder) as server:
            server.peer = peer
            yield server


@pytest.mark.parametrize("path,status,body", [
    ("/x?y", 200, "October: /x?y"),
    ("/fetch/{peer}", 200, "you asked for /answer?q"),
    ("/fetch/127.0.0.1:1", 502, "unexpected: connection-refused"),
    ("/fetch/elsewhere.example", 502, "unexpected: HTTP-request-denied"),
    ("/error", 500, ""),
    ("/bad-field", 500, ""),
    ("/fetch/no authority", 502, "invalid-url: HTTP-request-URI-invalid"),
])
def test_a_guest_of_october(october, path, status, body):
    for _ in range(2):
        answer = october.get(path.replace("{peer}", f"127.0.0.1:{october.peer.port}").replace(" ", "%20"))
        assert (answer.status, answer.body.decode()) == (status, body), october.err.text
        if status != 500:
            fields = [answer.header(name) for name in ("x-old", "content-type", "x-late")]
            assert fields == ["yes", "text/plain", None]
