"""Files that a manifest gives to a guest, and components that it downloads."""

import hashlib
import http.server
import pathlib
import threading

import pytest
import whorl

TRIGGER = '[[trigger.http]]\nroute = "/..."\ncomponent = "files"\n[component.files]\nsource = "files.wasm"\n'
NOTHING_THERE, NOT_PERMITTED, READ_ONLY = "error 20", "error 31", "error 33"


@pytest.fixture
def folder(app, tmp_path):
    def make(lines: str) -> pathlib.Path:
        made = app(TRIGGER + lines + "\n", "files")
        (made / "static" / "sub").mkdir(parents=True, exist_ok=True)
        (made / "static" / "a.txt").write_text("a")
        (made / "static" / "sub" / "b.txt").write_text("b")
        (made / "static" / "key.pem").write_text("secret")
        (made / "outside.txt").write_text("outside")
        return made

    return make


def text(server: whorl.Server, path: str) -> str:
    return server.get(path).body.decode()


def test_copied_files(folder):
    made = folder(
        'files = ["static/**/*", { source = "static/sub", destination = "/x" }]\nexclude_files = ["**/*.pem"]'
    )
    with whorl.Server.start(cwd=made) as server:
        assert text(server, "/preopens") == "/\n"
        assert text(server, "/read/static/a.txt") == "a"
        assert text(server, "/read/static/sub/b.txt") == "b"
        assert text(server, "/read/x/b.txt") == "b"
        assert text(server, "/read/static/key.pem") == NOTHING_THERE
        assert text(server, "/read/outside.txt") == NOTHING_THERE
        assert text(server, "/read/../spin.toml").startswith("error")
        assert server.post("/write/static/a.txt", b"").body.startswith(b"error")
        # A copy does not change with its original.
        (made / "static" / "a.txt").write_text("changed")
        assert text(server, "/read/static/a.txt") == "a"
        assert server.stop() == 0


def test_a_component_without_files_sees_none(folder):
    with whorl.Server.start(cwd=folder("")) as server:
        assert text(server, "/preopens") == ""


def test_transient_writes_stay_in_the_copy(folder):
    made = folder('files = ["static/*"]')
    with whorl.Server.start("--allow-transient-write", cwd=made) as server:
        assert server.post("/write/static/a.txt", b"").body == b"ok"
        assert server.post("/write/new.txt", b"").body == b"ok"
        assert text(server, "/read/static/a.txt") == "written"
        assert text(server, "/read/new.txt") == "written"
    assert (made / "static" / "a.txt").read_text() == "a"
    assert not (made / "new.txt").exists()


def test_direct_mounts_are_the_folders_themselves(folder):
    made = folder('files = [{ source = "static", destination = "/assets" }]')
    with whorl.Server.start("--direct-mounts", cwd=made) as server:
        assert text(server, "/preopens") == "/assets\n"
        (made / "static" / "late.txt").write_text("late")
        assert text(server, "/read/late.txt") == "late"
        assert server.post("/write/a.txt", b"").body.startswith(b"error")
    assert (made / "static" / "a.txt").read_text() == "a"


def test_a_destination_that_climbs_is_refused(folder, tmp_path):
    made = folder('files = [{ source = "static", destination = "/../../climbed" }]')
    ended = whorl.run("up", cwd=made)
    assert ended.returncode == 1
    assert 'destination "/../../climbed" leads out of the component\'s files' in ended.stderr
    assert not list(tmp_path.rglob("climbed"))


class Files(http.server.BaseHTTPRequestHandler):
    """Serves one wasm file; /moved leads to it."""

    content = b""

    def do_GET(self):  # noqa: N802
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/files.wasm")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/files.wasm" else 404)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    Files.content = whorl.guest("files").read_bytes()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def source(url: str, digest: str) -> str:
    return TRIGGER.replace('"files.wasm"', f'{{ url = "{url}", digest = "sha256:{digest}" }}')


def test_components_are_downloaded_once(app, tmp_path, site):
    digest = hashlib.sha256(whorl.guest("files").read_bytes()).hexdigest()
    made = app(source(site + "/moved", digest))
    cache = tmp_path / "cache"
    with whorl.Server.start("--cache-dir", cache, cwd=made) as server:
        assert server.get("/preopens").status == 200
    assert [p.name for p in cache.rglob("sha256:*")] == [f"sha256:{digest}"]
    # Nothing is asked for again, wherever the URL leads now.
    app(source("http://127.0.0.1:1/gone", digest))
    with whorl.Server.start("--cache-dir", cache, cwd=made) as server:
        assert server.get("/preopens").status == 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/files.wasm", "invalid content digest; expected sha256:" + "0" * 64),
        ("/none", "HTTP status client error (404 Not Found)"),
    ],
)
def test_downloads_that_fail_leave_nothing(app, tmp_path, site, path, expected):
    made = app(source(site + path, "0" * 64))
    cache = tmp_path / "cache"
    ended = whorl.run("up", "--cache-dir", cache, cwd=made)
    assert ended.returncode == 1
    assert f'Error fetching source URL "{site}{path}"' in ended.stderr
    assert expected in ended.stderr
    assert not [p for p in cache.rglob("*") if p.is_file()]
