"""Services of WASI 0.3: bodies as streams, trailers as futures, work beside and after the answer.

The guest is tests/guests/p3/c/multi3.c, built by tests/guests/p3/build_c.sh; its tools are looked for in WHORL_TOOLS. A
folder of components that are already built can be named by WHORL_GUESTS_P3.
"""

import contextlib
import os
import shutil
import subprocess
import threading
import time

import bad_servers
import p3_guests
import pytest
import rude
import whorl
from p3_guests import build, build_in

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def component(tmp_path_factory):
    return build(tmp_path_factory.mktemp("p3"), "multi3")


@pytest.fixture(scope="module")
def middleware(tmp_path_factory):
    return build(tmp_path_factory.mktemp("p3"), "middleware3")


@pytest.fixture(scope="module")
def server(component):
    with whorl.Server.start("-f", component) as running:
        yield running


def application(folder, component, ids, grants="[]"):
    """An application of several components that are the same one."""
    text = ""
    for name in ids:
        shutil.copy(component, folder / f"{name}.wasm")
        text += f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n'
        text += f'[component.{name}]\nsource = "{name}.wasm"\nallowed_outbound_hosts = {grants}\n'
    text += f'[[trigger.http]]\nroute = "/..."\ncomponent = "{ids[0]}"\n'
    return whorl.manifest(folder, text)


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_every_request_has_an_instance_of_its_own(server):
    assert {server.get("/count").body for _ in range(20)} == {b"1"}


def test_an_instance_put_back_equals_a_fresh_one(component):
    with whorl.Server.start("-f", component, env={"WHORL_AUDIT_RESETS": "1"}) as server:
        for i in range(30):
            assert server.get("/count").body == b"1"
            assert server.post("/echo", b"x" * i * 1000).body == b"x" * i * 1000
        server.stop()
        assert "differs from a fresh one" not in server.err.text


def test_a_body_comes_back_while_it_is_sent(server):
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"one"))
        assert connection.head().status == 200
        assert connection.line() == "3" and connection.take(5) == b"one\r\n"
        connection.send(chunk(b"two"))
        assert connection.line() == "3" and connection.take(5) == b"two\r\n"
        connection.send(b"0\r\n\r\n")
        assert connection.line() == "0"
        assert connection.fields() == [("x-end", "whole")]


@pytest.mark.parametrize("path", [b"/echo", b"/relay"])
def test_trailers_reach_the_guest_and_the_client(server, path):
    with server.connect() as connection:
        head = b"POST " + path + b" HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
        connection.send(head + chunk(b"data") + b"0\r\nx-sum: 42\r\n\r\n")
        response = connection.response()
        assert (response.body, response.trailers) == (b"data", [("x-sum", "42")])


def test_a_body_without_bytes(server):
    response = server.post("/echo", b"")
    assert (response.status, response.body, response.complete) == (200, b"", True)


def test_a_large_body_passes_through_a_bounded_buffer(server):
    def echo(body):
        with server.connect() as connection:
            head = f"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            sender = threading.Thread(target=connection.send, args=(head + body,))
            sender.start()
            response = connection.response()
            sender.join()
            return response.body

    body = os.urandom(10 * MIB)
    assert echo(body[:MIB]) == body[:MIB]
    before = server.status_kib("VmHWM")
    assert echo(body) == body
    assert server.status_kib("VmHWM") - before <= 1024


def test_events_arrive_as_the_guest_sends_them(server):
    with server.connect() as connection:
        connection.request("GET", "/drip/4")
        assert connection.head().header("content-type") == "text/event-stream"
        times = []
        for i in range(4):
            assert connection.line() == "9"
            assert connection.take(11) == f"data: {i}\n\n\r\n".encode()
            times.append(time.monotonic())
        assert times[-1] - times[0] >= 0.1, "three waits of 50 ms lie between the first and the last event"


def test_the_guest_goes_on_after_its_answer(component):
    with whorl.Server.start("-f", component) as server:
        assert server.get("/after").body == b"done"
        assert "after" not in server.err.text
        assert server.err.wait_for("after the answer\n")


def test_an_answer_before_the_body_is_there(server):
    with server.connect() as connection:
        connection.send(b"POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.head().status == 200
        assert connection.line() == "5" and connection.take(7) == b"early\r\n"
        connection.send(chunk(b"x" * 1000) + b"0\r\n\r\n")
        assert connection.line() == "5" and connection.take(7) == b" 1000\r\n"


def test_the_guest_sees_that_its_client_went_away(component):
    with whorl.Server.start("-f", component) as server:
        with server.connect() as connection:
            connection.request("GET", "/drip/1000")
            connection.head()
        assert server.err.wait_for("the client is gone\n")
        with server.connect(receive_buffer=65536) as connection:
            connection.request("GET", f"/big/{64 * MIB}")
            connection.take(1000)
        assert server.err.wait_for("the client is gone\n(.|\n)*the client is gone\n")


def test_a_cut_request_body_is_told_by_the_trailers(server):
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
        assert connection.head().status == 200
    assert server.get("/count").status == 200


def test_requests_at_once(tmp_path, component):
    folder = application(tmp_path, component, ["one", "two"], '["http://two.spin.internal"]')
    with whorl.Server.start("-f", folder) as server:
        start = time.monotonic()
        response = server.get("/fan/10/two.spin.internal")
        assert (response.status, response.body) == (200, b"10"), server.err.text
        assert time.monotonic() - start < 5, "ten times two waits of 50 ms, at once"


def test_requests_over_the_network_at_once(tmp_path, component):
    folder = application(tmp_path, component, ["one"], '["http://self"]')
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/fan/10/self.alt").body == b"10", server.err.text


def test_one_that_takes_all_stacks_hurts_no_neighbour(tmp_path, component):
    """Forty events of one component begin 64 calls each that nobody answers: more stacks than there are."""
    text = ""
    for name, route in (("hog", "/fan/64/..."), ("other", "/...")):
        shutil.copy(component, tmp_path / f"{name}.wasm")
        text += f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{name}"\n[component.{name}]\nsource = "{name}.wasm"\n'
        text += 'allowed_outbound_hosts = ["http://127.0.0.1:*", "http://self"]\n'
    with bad_servers.BadServer(bad_servers.silent) as silent:
        with whorl.Server.start("-f", whorl.manifest(tmp_path, text)) as server, contextlib.ExitStack() as hogs:
            for _ in range(40):
                hog = hogs.enter_context(server.connect())
                hog.request("GET", f"/fan/64/127.0.0.1:{silent.port}")
            assert server.err.wait_for("component `hog`.* too many calls of this component's events wait at the same time")
            for _ in range(20):
                assert server.get("/fan/10/self.alt").body == b"10", server.err.text


def test_what_is_not_granted_is_an_error_of_the_interface(tmp_path, component):
    folder = application(tmp_path, component, ["one"])
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/fan/2/example.com").body == b"0"


def test_a_request_is_passed_on_with_its_body(tmp_path, component):
    folder = application(tmp_path, component, ["one", "two"], '["http://two.spin.internal"]')
    with whorl.Server.start("-f", folder) as server:
        body = os.urandom(MIB)
        assert server.post("/forward/two.spin.internal", body).body == body, server.err.text
        with server.connect() as connection:
            head = b"POST /forward/two.spin.internal HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.send(head + chunk(b"one"))
            assert connection.head().status == 200
            assert connection.line() == "3" and connection.take(5) == b"one\r\n"
            connection.send(b"0\r\nx-sum: 7\r\n\r\n")
            assert connection.line() == "0"
            assert connection.fields() == [("x-sum", "7")]


@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_a_request_that_is_passed_on_over_the_network_is_asked_for_its_body(server, tmp_path, component, framing):
    """Its client sends nothing until somebody wants it."""
    folder = application(tmp_path, component, ["one"], '["http://127.0.0.1:*"]')
    with whorl.Server.start("-f", folder) as passing, passing.connect(timeout=20) as connection:
        connection.send(f"POST /forward/127.0.0.1:{server.port} HTTP/1.1\r\nHost: h\r\n".encode() + framing +
                        b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.head().status == 100
        connection.send(b"hello" if framing.endswith(b"5") else chunk(b"hello") + b"0\r\n\r\n")
        assert connection.response().body == b"hello"


@pytest.mark.parametrize("path,status", [("/error", 500), ("/silent", 500), ("/trap", 500), ("/nowhere", 404)])
def test_ends_without_an_answer(server, path, status):
    assert server.get(path).status == status
    assert server.get("/count").body == b"1"


def test_a_trap_after_the_answer_cuts_the_body(server):
    response = server.get("/late-trap")
    assert response.status == 200 and not response.complete
    assert server.get("/count").body == b"1"


def test_the_host_outlives_random_clients(component, tmp_path):
    paths = ["/count", "/echo", "/drip/3", "/after", "/early", "/big/300000", "/fan/5/two.spin.internal", "/forward/two.spin.internal",
             "/forward/nobody.spin.internal", "/error", "/silent", "/trap", "/loop", "/never", "/late-trap"]
    folder = application(tmp_path, component, ["one", "two"], '["http://*.spin.internal"]')
    with whorl.Server.start("-f", folder, "--max-request-cpu", "100ms", "--max-response-delay", "1s", "--quiet") as server:
        seed = rude.run(server, paths)
        assert server.process.poll() is None, f"seed {seed}"
        assert server.get("/count").body == b"1", f"seed {seed}"
        assert server.get("/fan/10/two.spin.internal").body == b"10", f"seed {seed}"
        assert server.stop() == 0, f"seed {seed}"


def test_limits(component):
    with whorl.Server.start(
        "-f", component, "--max-request-cpu", "300ms", "--max-response-delay", "500ms"
    ) as server:
        assert server.get("/loop").status == 504
        assert server.get("/never").status == 504
        assert server.get("/count").body == b"1"


def test_middleware_stands_before_the_component(tmp_path, component, middleware):
    for name, file in (("main", component), ("outer", middleware), ("inner", middleware)):
        shutil.copy(file, tmp_path / f"{name}.wasm")
    text = '[[trigger.http]]\nroute = "/..."\ncomponent = "main"\n'
    text += 'dependencies.middleware = [{ path = "outer.wasm" }, { path = "inner.wasm" }]\n'
    text += '[component.main]\nsource = "main.wasm"\n'
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text)) as server:
        body = os.urandom(MIB)
        response = server.post("/echo", body)
        assert (response.status, response.body == body) == (202, True), server.err.text
        assert server.get("/stop").status == 500
        assert {server.get("/count").body for _ in range(5)} == {b"1"}


@pytest.fixture(scope="module")
def in_python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    target = build_in("python", folder / "python.wasm")
    text = ""
    for name, route in (("main", "/..."), ("other", "/hello")):
        shutil.copy(target, folder / f"{name}.wasm")
        text += f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{name}"\n[component.{name}]\nsource = "{name}.wasm"\n'
        text += 'allowed_outbound_hosts = ["http://other.spin.internal"]\n'
    with whorl.Server.start("-f", whorl.manifest(folder, text), timeout=240) as running:
        yield running


def test_hello_in_python(in_python):
    for _ in range(3):
        response = in_python.get("/a?b", timeout=60)
        assert (response.status, response.body) == (200, b"hello from Python: /a?b"), in_python.err.text


def test_a_streaming_echo_in_python(in_python):
    with in_python.connect(timeout=60) as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"one"))
        assert connection.head().status == 200
        assert connection.line() == "3" and connection.take(5) == b"one\r\n"
        connection.send(chunk(b"two"))
        assert connection.line() == "3" and connection.take(5) == b"two\r\n"
        connection.send(b"0\r\n\r\n")
        assert connection.line() == "0"
    body = os.urandom(MIB)
    assert in_python.post("/echo", body, timeout=60).body == body


@pytest.mark.parametrize("path,piece", [("/events", b"data: %d\n\n"), ("/slow", b"%d;")])
def test_pieces_as_python_sends_them(in_python, path, piece):
    with in_python.connect(timeout=60) as connection:
        connection.request("GET", path)
        assert connection.head().status == 200
        times = []
        for i in range(4):
            wanted = piece % i
            assert connection.line() == f"{len(wanted):x}"
            assert connection.take(len(wanted) + 2) == wanted + b"\r\n"
            times.append(time.monotonic())
        assert times[-1] - times[0] >= 0.1, "three waits of 50 ms lie between the first and the last"


def test_ten_requests_at_once_in_python(in_python):
    assert in_python.get("/fan/other.spin.internal", timeout=60).body == b"10", in_python.err.text


@pytest.mark.parametrize(
    "path,body",
    [("/a?b", b"hello from JavaScript: /a?b"), ("/events", b"data: 0\n\ndata: 1\n\ndata: 2\n\n")],
)
def test_a_guest_in_javascript(tmp_path, path, body):
    target = build_in("js", tmp_path / "guest.wasm")
    with whorl.Server.start("-f", target, timeout=240) as server:
        for _ in range(3):
            response = server.get(path, timeout=60)
            assert (response.status, response.body) == (200, body), server.err.text


def test_components_of_both_generations_call_each_other(tmp_path, component):
    """In process: 0.3 passes its request on to 0.2, which streams it to another one of 0.3."""
    for name, file in (("new", component), ("old", whorl.guest("fetch"))):
        shutil.copy(file, tmp_path / f"{name}.wasm")
    text = ""
    for name, route in (("new", "/..."), ("old", "/old")):
        text += f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{name}"\n[component.{name}]\nsource = "{name}.wasm"\n'
        text += 'allowed_outbound_hosts = ["http://*.spin.internal"]\n'
    with whorl.Server.start("-f", whorl.manifest(tmp_path, text)) as server:
        body = os.urandom(MIB)
        # The one of 0.2 reads the answer while it sends: an echo stops reading when nobody reads what it says.
        headers = [("x-url", "http://new.spin.internal/echo"), ("x-body", "1"), ("x-method", "POST"), ("x-duplex", "1")]
        for path in ("/old", "/forward/old.spin.internal", "/forward/new.spin.internal"):
            with server.connect(timeout=60) as connection:
                sender = threading.Thread(target=connection.request, args=("POST", path, headers, body))
                sender.start()
                response = connection.response()
                sender.join()
            assert (response.status, response.body == body) == (200, True), (path, response.body[:80], server.err.text)


@pytest.mark.parametrize(
    "kind,core",
    [
        ("func(x: u32) -> u32", "int handle(int x) { return x; }"),
        ("async func(x: u32) -> u32", "int handle(int x) { return x; }"),
        ("async func(x: u32, y: u64)", "void handle(int x, long long y) { (void)x, (void)y; }"),
        ("async func(x: u32, y: u32) -> u32", "int handle(int x, int y) { return x + y; }"),
    ],
)
def test_a_handler_of_another_type_is_refused_at_the_start(tmp_path, kind, core):
    wit = tmp_path / "wit"
    (wit / "deps" / "http").mkdir(parents=True)
    (wit / "deps" / "http" / "http.wit").write_text(f"package wasi:http@0.3.0;\ninterface handler {{ handle: {kind}; }}\n")
    (wit / "world.wit").write_text("package a:b;\nworld w { export wasi:http/handler@0.3.0; }\n")
    (tmp_path / "a.c").write_text(f'__attribute__((export_name("wasi:http/handler@0.3.0#handle"))) {core}\n')
    tool = p3_guests.tools() + "/bin/wasm-tools"
    if not os.path.exists(tool):
        pytest.skip("there is no wasm-tools, see tests/guests/p3/README.md")
    for command in (
        ["clang-19", "--target=wasm32-unknown-unknown", "-nostdlib", "-fuse-ld=/usr/bin/wasm-ld-19", "-Wl,--no-entry", "a.c", "-o", "core.wasm"],
        [tool, "component", "embed", "wit", "core.wasm", "-o", "embedded.wasm"],
        [tool, "component", "new", "embedded.wasm", "-o", "handler.wasm"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = whorl.run("up", "-f", tmp_path / "handler.wasm", "--listen", "127.0.0.1:0")
    assert done.returncode == 1 and "its wasi:http/handler#handle is of another type" in done.stderr, done.stderr
