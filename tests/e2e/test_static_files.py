"""Files that the host serves itself: no instance, conditions, ranges, and a manifest that Spin takes as well."""

import os

import pytest
import whorl

SITE = """
[[trigger.http]]
route = "/site/..."
component = "site"
[component.site]
source = "multi.wasm"
files = [{{ source = "public", destination = "/" }}]
[component.site.tool.whorl.static_files]
{settings}
"""


@pytest.fixture
def site(app):
    def make(settings: str = ""):
        folder = app(SITE.format(settings=settings), "multi")
        public = folder / "public"
        (public / "sub").mkdir(parents=True, exist_ok=True)
        (public / "index.html").write_text("<home>")
        (public / "sub" / "index.html").write_text("<sub>")
        (public / "large.bin").write_bytes(os.urandom(3_000_000))
        (public / "a.css").write_text("plain")
        (public / "a.css.gz").write_text("packed")
        (public / ".env").write_text("hunter2")
        return folder

    return make


def metrics(server) -> str:
    port = int(server.err.wait_for(r"metrics on http://127\.0\.0\.1:(\d+)/").group(1))
    return whorl.exchange(port, "GET", "/metrics").body.decode()


def test_files_without_an_instance(site):
    folder = site()
    large = (folder / "public" / "large.bin").read_bytes()
    with whorl.Server.start("-f", folder, "--metrics-listen", "127.0.0.1:0") as server:
        home = server.get("/site/")
        assert (home.status, home.body) == (200, b"<home>")
        assert home.header("content-type") == "text/html; charset=utf-8"
        assert server.get("/site/sub/").body == b"<sub>"
        moved = server.get("/site/sub?q=1")
        assert (moved.status, moved.header("location")) == (301, "./sub/?q=1")
        whole = server.get("/site/large.bin")
        assert (whole.body, whole.complete) == (large, True)
        part = server.get("/site/large.bin", [("Range", "bytes=1000000-1999999")])
        assert (part.status, part.body) == (206, large[1_000_000:2_000_000])
        assert part.header("content-range") == "bytes 1000000-1999999/3000000"
        assert server.get("/site/", [("If-None-Match", home.header("etag"))]).status == 304
        packed = server.get("/site/a.css", [("Accept-Encoding", "gzip")])
        assert (packed.body, packed.header("content-encoding")) == (b"packed", "gzip")
        head = whorl.exchange(server.port, "HEAD", "/site/large.bin")
        assert (head.status, head.header("content-length"), head.body) == (200, "3000000", b"")
        assert 'whorl_events_total{component="site"}' not in metrics(server)
        # What is no file is the component's.
        assert server.get("/site/status/200").status == 200
        for path in ["/site/.env", "/site/%2e%2e/multi.wasm", "/site/../multi.wasm", "/site/sub/../.env"]:
            answer = server.get(path)
            assert b"hunter2" not in answer.body and b"\0asm" not in answer.body
        assert 'whorl_events_total{component="site"} 5' in metrics(server)


def test_pipelined_and_slow_readers(site):
    folder = site('missing = "404"')
    large = (folder / "public" / "large.bin").read_bytes()
    with whorl.Server.start("-f", folder) as server:
        with server.connect(receive_buffer=4096) as slow:
            slow.request("GET", "/site/large.bin")
            slow.request("GET", "/site/missing")
            assert server.get("/site/").status == 200
            assert slow.response().body == large
            assert slow.response().status == 404
        with server.connect() as rude:
            rude.request("GET", "/site/large.bin")
            rude.take(1000)
        assert whorl.exchange(server.port, "POST", "/site/", body=b"").status == 405


def test_what_is_wrong_is_said_at_the_start(site):
    for settings, message in [
        ('spa = "x"', "unknown key `spa`"),
        ('missing = "no"', "`missing` is none of"),
        ('path = "/../etc"', "`path` is no absolute path"),
    ]:
        result = whorl.run("up", "-f", site(settings), "--listen", "127.0.0.1:0")
        assert (result.returncode, message in result.stderr) == (1, True), result.stderr
