"""The examples in Rust, one for each capability, against real servers."""

import hashlib
import http.server
import shutil
import threading

import pytest
import real_servers
import services
import toolchains
import whorl

EXAMPLES = whorl.ROOT / "examples" / "rust"


def built(name, folder):
    digest = hashlib.sha256((toolchains.GUESTS / "rust.sh").read_bytes())
    for path in [*sorted(EXAMPLES.glob("*.*")), *sorted((EXAMPLES / name).rglob("*.rs")), EXAMPLES / name / "Cargo.toml"]:
        if path.is_file():
            digest.update(path.read_bytes())
    return toolchains.kept(
        f"example-{name}", digest.hexdigest()[:32], folder, lambda out: [EXAMPLES / "build.sh", name, out])


@pytest.fixture
def serve(tmp_path):
    def start(name, *flags):
        app = tmp_path / "app"
        app.mkdir()
        shutil.copy(EXAMPLES / name / "spin.toml", app)
        shutil.copy(built(name, tmp_path), app / f"{name}.wasm")
        return whorl.Server.start("-f", app, *flags)

    return start


def texts(server, *paths):
    answers = [server.get(path) for path in paths]
    assert all(answer.status == 200 for answer in answers), server.err.text
    return [answer.body.decode() for answer in answers]


def test_key_value(serve):
    with serve("key-value") as server:
        assert texts(server, "/a", "/a", "/b") == [
            "/a was asked for 1 times\n", "/a was asked for 2 times\n", "/b was asked for 1 times\n"]


def test_sqlite(serve):
    with serve("sqlite") as server:
        server.post("/", b"milk")
        assert server.post("/", b"bread").body == b"- milk\n- bread\n", server.err.text
        assert texts(server, "/") == ["- milk\n- bread\n"]


def test_redis(serve):
    with real_servers.Redis() as redis, serve("redis", "--variable", f"server=127.0.0.1:{redis.port}") as server:
        assert texts(server, "/a", "/a") == ["/a was asked for 1 times\n", "/a was asked for 2 times\n"]
        assert redis.cli("GET", "/a") == "2\n"


def test_postgres(serve):
    with real_servers.Postgres() as postgres, serve("postgres", "--variable", f"server=127.0.0.1:{postgres.port}") as server:
        assert texts(server, "/40/2", "/", "/-1/x/3") == ["42\n", "0\n", "2\n"]


def test_mysql(serve):
    with real_servers.MariaDb() as mariadb:
        flags = ["--variable", f"address=127.0.0.1:{mariadb.port}", "--variable", "user=u:p", "--variable", "database=d"]
        with serve("mysql", *flags) as server:
            assert texts(server, "/ab/3", "/x") == ["ababab\n", "x\n"]


def test_mqtt(serve):
    with real_servers.Mosquitto() as broker, serve("mqtt", "--variable", f"server=127.0.0.1:{broker.port}") as server:
        assert server.post("/topic", b"news").body == b"published\n", server.err.text


def test_outbound_http(serve):
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    port = other.server_address[1]
    with serve("outbound-http", "--variable", f"server=127.0.0.1:{port}") as server:
        [text] = texts(server, "/nothing-here")
        assert text.startswith(f"http://127.0.0.1:{port}/nothing-here answered 404 with ")
    other.shutdown()
    other.server_close()


def test_variables(serve):
    with serve("variables", "--variable", "greeting=Hi") as server:
        assert texts(server, "/") == ["Hi\n"]


def test_llm(serve, tmp_path):
    with services.Models("t0ken") as models:
        config = tmp_path / "runtime-config.toml"
        config.write_text(f'[llm_compute]\ntype = "remote_http"\nurl = "{models.url}"\nauth_token = "t0ken"\n')
        with serve("llm", "--runtime-config-file", config) as server:
            assert server.post("/", b"Say something").body == b"llama2-chat: Say something\n", server.err.text
