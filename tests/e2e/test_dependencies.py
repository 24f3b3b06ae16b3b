"""Components that depend on others: composed when they are loaded, and what is not inherited is kept from
the dependency."""

import hashlib
import http.server
import threading

import pytest
import whorl

LIBRARY = "test:library/probe@1.0.0"
ALL = {"add": 42, "environment": 1, "environment-p1": 1, "files": 1, "files-p1": 3, "close-p1": 0, "store": 0, "variable": 0}
NONE = {"add": 42, "environment": 0, "environment-p1": 0, "files": 0, "files-p1": 0, "close-p1": 8}


def manifest(dependency: str, more: str = "") -> str:
    return f"""[variables]
v = {{ default = "x" }}
[[trigger.http]]
route = "/..."
component = "user"
[component.user]
source = "user.wasm"
environment = {{ E = "yes" }}
files = ["a.txt"]
key_value_stores = ["default"]
variables = {{ v = "{{{{ v }}}}" }}
{more}
[component.user.dependencies]
{dependency}
"""


def answers(folder) -> dict[str, int]:
    with whorl.Server.start("-f", folder) as server:
        first = server.get("/")
        assert first.status == 200
        assert server.get("/").body == first.body  # the dependency's state is put back too
        lines = dict(line.split(" ") for line in first.body.decode().splitlines())
    found = {name: int(value) for name, value in lines.items()}
    assert found.pop("own") == 3
    assert found.pop("own-folder") == 0  # whatever the dependency closed: descriptors are each one's own
    return found


@pytest.fixture
def made(app, tmp_path):
    def make(dependency: str, more: str = ""):
        (tmp_path / "a.txt").write_text("a")
        return app(manifest(dependency, more), "user", "library")

    return make


@pytest.mark.parametrize("name", [LIBRARY, "test:library/probe", "test:library", "test:library@1.0.0"])
def test_everything_inherited(made, name):
    assert answers(made(f'"{name}" = {{ path = "library.wasm", inherit_configuration = true }}')) == ALL


def test_inherited_for_all_dependencies(made):
    folder = made(f'"{LIBRARY}" = {{ path = "library.wasm" }}', "dependencies_inherit_configuration = true")
    assert answers(folder) == ALL


def test_nothing_inherited(made):
    found = answers(made(f'"{LIBRARY}" = {{ path = "library.wasm" }}'))
    assert found.pop("store") != 0
    assert found.pop("variable") != 0
    assert found == NONE


@pytest.mark.parametrize(
    "grant, allowed",
    [
        ("environment", ["environment", "environment-p1"]),
        ("files", ["files", "files-p1", "close-p1"]),
        ("key_value_stores", ["store"]),
        ("variables", ["variable"]),
    ],
)
def test_some_inherited(made, grant, allowed):
    found = answers(made(f'"{LIBRARY}" = {{ path = "library.wasm", inherit_configuration = ["{grant}"] }}'))
    for name, value in found.items():
        expected = ALL[name] if name in allowed else NONE.get(name)
        assert value == expected if expected is not None else value != 0, name


def test_another_component_of_the_application(made):
    folder = made('"test:library" = { component = "lib" }\n[component.lib]\nsource = "library.wasm"')
    assert answers(folder)["add"] == 42


@pytest.mark.parametrize(
    "dependency, message",
    [
        ('"a:b/c" = { path = "library.wasm" }', "dependency 'a:b/c' doesn't match any imports of component 'user'"),
        (
            '"test:library/probe" = { path = "library.wasm", export = "x:y/z" }',
            f"dependency 'test:library/probe' doesn't export 'x:y/z' to satisfy import '{LIBRARY}'",
        ),
    ],
)
def test_what_does_not_fit_is_said_at_the_start(made, dependency, message):
    ended = whorl.run("up", "-f", made(dependency), "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert message in ended.stderr
    assert 'failed to resolve dependencies for component "user"' in ended.stderr


@pytest.fixture
def site():
    """A server that has the library, and what it was asked for."""
    asked = []

    class Library(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            data = whorl.guest("library").read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Library)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/library.wasm", asked
    server.shutdown()
    server.server_close()


def test_a_dependency_is_downloaded_once_and_believed_by_its_digest(made, site, tmp_path, monkeypatch):
    url, asked = site
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    digest = hashlib.sha256(whorl.guest("library").read_bytes()).hexdigest()
    text = f'"{LIBRARY}" = {{ url = "{url}", digest = "sha256:DIGEST", inherit_configuration = true }}'
    for _ in range(2):
        assert answers(made(text.replace("DIGEST", digest))) == ALL
    assert len(asked) == 1
    ended = whorl.run("up", "-f", made(text.replace("DIGEST", "0" * 64)), "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert f"invalid content digest; expected sha256:{'0' * 64}" in ended.stderr
