"""WASI commands behind the WAGI executor: modules of several languages, and the edges of CGI."""

import os
import pathlib

import pytest
import whorl

FOLDER = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))
GUESTS = ["as-wagi", "c-wagi", "go-wasip1-wagi", "rust-wasip1-wagi", "zig-wagi", "zigcc-wagi", "rust-wasip2-cli"]

MANIFEST = """
[[trigger.http]]
route = "/cgi/..."
component = "command"
executor = {{ type = "wagi"{argv} }}
[component.command]
source = "{source}"
environment = {{ OWN = "mine" }}
"""


def serve(tmp_path, source, argv="", *options):
    folder = whorl.manifest(tmp_path, MANIFEST.format(source=source, argv=argv))
    return whorl.Server.start("-f", folder, *options)


@pytest.mark.parametrize("name", GUESTS)
def test_guests_answer(tmp_path, name):
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    with serve(tmp_path, file) as server:
        for _ in range(3):
            response = server.get("/cgi/x?y=z")
            if name == "rust-wasip2-cli":
                assert response.status in (200, 500)  # a command that writes no CGI headers
            else:
                assert response.status == 200
                assert response.body
        assert server.get("/other").status == 404
        assert server.err.wait_for(r"Warning: HTTP route /cgi/\.\.\. uses the WAGI executor\.")


@pytest.fixture
def cgi(tmp_path):
    """A server of the guest that writes what its request asks for."""
    with serve(tmp_path, whorl.guest("cgi"), "", "--quiet") as server:
        yield server


def test_what_a_command_is_given(cgi):
    response = cgi.post("/cgi/a%20b?x=1&y", b"the body", headers=[("x-test", "t")])
    assert response.status == 200
    assert response.header("content-type") == "text/plain"
    lines = response.body.decode().split("\n")
    assert "arg /cgi/a%20b" in lines and "arg x=1" in lines and "arg y" in lines
    for line in ("env OWN=mine", "env PATH_INFO=/a%20b", "env SCRIPT_NAME=/cgi", "env QUERY_STRING=x=1&y",
                 "env CONTENT_LENGTH=8", "env HTTP_X_TEST=t", "env REQUEST_METHOD=POST"):
        assert line in lines, line
    assert "stdin the body" in lines


def test_arguments_by_template(tmp_path):
    with serve(tmp_path, whorl.guest("cgi"), ', argv = "one ${ARGS} ${SCRIPT_NAME}"', "--quiet") as server:
        lines = server.get("/cgi?q").body.decode().split("\n")
        assert [line for line in lines if line.startswith("arg")] == ["arg one", "arg q", "arg /cgi"]


@pytest.mark.parametrize("ask,status,body", [
    ("status", 418, b"teapot"),
    ("location", 302, b""),
    ("notype", 500, b"Exactly one of 'location' or 'content-type' must be specified"),
    ("silent", 500, b""),
    ("trap", 500, b""),
    ("exit1", 500, b""),
    ("exit0", 200, b"left early"),
])
def test_outcomes(cgi, ask, status, body):
    response = cgi.get(f"/cgi?{ask}")
    assert (response.status, response.body) == (status, body)


def test_a_long_body_and_a_long_answer(cgi):
    text = b"0123456789abcdef" * 100_000
    response = cgi.post("/cgi?echo", text)
    assert response.status == 200
    assert response.body == text


def test_commands_do_not_share_anything(cgi):
    for _ in range(5):
        assert cgi.get("/cgi?count").body == b"1"


def test_a_component_that_is_no_command(tmp_path):
    run = whorl.run("up", "-f", whorl.manifest(tmp_path, MANIFEST.format(source=whorl.guest("hello"), argv="")))
    assert run.returncode == 1
    assert "failed to find wasi command interface for wagi executor" in run.stderr
