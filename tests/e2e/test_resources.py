"""Core modules as wit-bindgen leaves them: one defines a resource, another uses it, in both schemes of names
and with strings in either encoding. What is wrong with a handle ends the request, and nothing else."""

import functools
import os
import pathlib
import re
import subprocess

import p3_guests
import pytest
import toolchains
import whorl

BUILD = toolchains.GUESTS / "resources" / "build.sh"
ANSWER = b"largest left of 7 points, the last 3 -3; joined 0: empty; alive 2, then 0\n"
MISTAKES = {
    "u": "unknown handle index",
    "d": "unknown handle index",
    "g": "unknown handle index",
    "w": "handle index [0-9]+ used with the wrong type",
    "n": "unknown handle index 99",
    "p": "out of bounds",
    "l": "list is too long",
}


@functools.cache
def made(world: str, scheme: str, encoding: str, folder) -> bytes:
    key = toolchains.key_of("resources")
    name = f"resources-{world}-{scheme}-{encoding}"
    os.environ.setdefault("WHORL_TOOLS", p3_guests.tools())
    return toolchains.kept(name, key, folder, lambda out: [BUILD, world, scheme, encoding, out]).read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("resources")


def app(path, folder, library=("brackets", "utf8"), user=("brackets", "utf8")):
    path.mkdir(exist_ok=True)
    (path / "library.wasm").write_bytes(made("library", *library, folder))
    (path / "user.wasm").write_bytes(made("user", *user, folder))
    return whorl.manifest(path, """[[trigger.http]]
route = "/..."
component = "user"
[component.user]
source = "user.wasm"
[component.user.dependencies]
"test:resources/shapes@1.2.3" = { path = "library.wasm" }
""")


@pytest.mark.parametrize("library", ["brackets", "standard"])
@pytest.mark.parametrize("user", ["brackets", "standard"])
def test_a_core_module_defines_a_resource_that_another_uses(tmp_path, folder, library, user):
    with whorl.Server.start("-f", app(tmp_path, folder, (library, "utf8"), (user, "utf8"))) as server:
        for _ in range(50):
            answer = server.get("/")
            assert (answer.status, answer.body) == (200, ANSWER), server.err.text
        # What one request leaves is not there in the next.
        assert server.get("/kept").body == b"kept\n"
        assert server.get("/").body == ANSWER


def test_strings_of_one_module_in_utf_16(tmp_path, folder):
    with whorl.Server.start("-f", app(tmp_path, folder, library=("brackets", "utf16"))) as server:
        answer = server.get("/")
        assert (answer.status, answer.body) == (200, ANSWER), server.err.text


@pytest.mark.parametrize("scheme", ["brackets", "standard"])
def test_mistakes_with_handles_end_the_request_only(tmp_path, folder, scheme):
    with whorl.Server.start("-f", app(tmp_path, folder, (scheme, "utf8"), (scheme, "utf8"))) as server:
        for mistake in MISTAKES:
            assert server.get(f"/{mistake}").status == 500, mistake
            assert server.get("/").body == ANSWER
        assert server.stop() == 0
        reasons = dict(re.findall(r"GET /(\w): (.*)", server.err.text))
    for mistake, reason in MISTAKES.items():
        assert re.search(reason, reasons[mistake]), (mistake, reasons)


@pytest.mark.parametrize("scheme", ["brackets", "standard"])
def test_as_a_component_it_is_the_same(tmp_path, folder, scheme):
    """Made a component by `wasm-tools component new`: the tool's reading of the names beside ours."""
    path = app(tmp_path, folder, (scheme, "utf8"))
    tool = pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools"
    subprocess.run([tool, "component", "new", tmp_path / "library.wasm", "-o", tmp_path / "library.wasm"], check=True)
    with whorl.Server.start("-f", path) as server:
        assert server.get("/").body == ANSWER, server.err.text
