"""Flags and environment variables of `up` that change what a running application does.

docs/reference/flags.md says which test is for which flag.
"""

import json
import os
import socket
import subprocess

import pytest
import whorl

ONE = '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n[component.one]\nsource = "multi.wasm"\n'
FILES = """
[[trigger.http]]
route = "/..."
component = "granted"
[component.granted]
source = "granted.wasm"
files = [{ source = "static", destination = "/" }]
"""


@pytest.fixture
def files(app):
    folder = app(FILES, "granted")
    (folder / "static" / "deep").mkdir(parents=True)
    (folder / "static" / "a.txt").write_text("first")
    (folder / "static" / "deep" / "b.txt").write_text("deep")
    return folder


@pytest.fixture
def temporary(tmp_path):
    """A folder for temporary files that nobody else uses."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


def test_files_are_copied_and_cannot_be_changed(files, temporary):
    with whorl.Server.start("-f", files, env={"TMPDIR": str(temporary)}) as server:
        assert server.get("/read/a.txt").body == b"first"
        assert server.get("/read/deep/b.txt").body == b"deep"
        assert server.get("/write/a.txt").body.startswith(b"error ")
        assert server.get("/read/../granted.wasm").body.startswith(b"error ")
        (files / "static" / "a.txt").write_text("second")
        assert server.get("/read/a.txt").body == b"first"
        assert len(list(temporary.glob("spinup-*"))) == 1
        assert server.stop() == 0
    assert list(temporary.iterdir()) == []


def test_transient_writes_are_lost_at_the_end(files):
    with whorl.Server.start("-f", files, "--allow-transient-write") as server:
        assert server.get("/write/a.txt").body == b"written"
        assert server.get("/read/a.txt").body == b"written"
    assert (files / "static" / "a.txt").read_text() == "first"
    with whorl.Server.start("-f", files, "--allow-transient-write") as server:
        assert server.get("/read/a.txt").body == b"first"


def test_direct_mounts_show_changes(files):
    with whorl.Server.start("-f", files, "--direct-mounts") as server:
        assert server.get("/read/a.txt").body == b"first"
        (files / "static" / "a.txt").write_text("second")
        assert server.get("/read/a.txt").body == b"second"
        assert server.get("/write/a.txt").body.startswith(b"error ")


@pytest.mark.parametrize("flag", ["--temp", "--tmp"])
def test_a_given_folder_is_kept(files, tmp_path, temporary, flag):
    with whorl.Server.start("-f", files, flag, tmp_path / "work" / "here", env={"TMPDIR": str(temporary)}) as server:
        assert server.get("/read/a.txt").body == b"first"
        assert list(temporary.iterdir()) == []
    assert (tmp_path / "work" / "here" / "assets" / "granted" / "a.txt").read_text() == "first"


def test_files_of_a_new_version(files):
    with whorl.Server.start("-f", files, preexec=os.setsid) as server:
        (files / "static" / "a.txt").write_text("second")
        server.process.send_signal(1)
        assert server.err.wait_for("Reloaded the application")
        assert server.get("/read/a.txt").body == b"second"


def test_a_profile(app):
    folder = app(ONE + 'environment = { GREETING = "release" }\n'
                 '[component.one.profile.debug]\nenvironment = { GREETING = "debug" }\n', "multi")
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/env").body.startswith(b"GREETING=release\n")
    with whorl.Server.start("-f", folder, "--profile", "debug") as server:
        assert server.get("/env").body.startswith(b"GREETING=debug\n")
        assert "Warning: You built a different profile" in server.err.text


def test_build_first(app):
    folder = app(ONE.replace("multi.wasm", "built.wasm") +
                 '[component.one.build]\ncommand = "cp multi.wasm built.wasm"\n', "multi")
    with whorl.Server.start("-f", folder, "--build") as server:
        assert server.get("/status/204").status == 204
        assert server.out.text.startswith("Building component one with `cp multi.wasm built.wasm`\n"
                                          "Finished building all Spin components\n\nServing ")


def test_sources_that_are_newer_are_told_of(app):
    folder = app(ONE + '[component.one.build]\ncommand = "true"\nwatch = ["src/**/*.c"]\n', "multi")
    (folder / "src").mkdir()
    (folder / "src" / "main.c").write_text("")
    os.utime(folder / "src" / "main.c", (1, 1))
    warning = "Warning: the sources of component 'one' have changed since it was built."
    with whorl.Server.start("-f", folder) as server:
        assert warning not in server.err.text
    os.utime(folder / "src" / "main.c")
    os.utime(folder / "multi.wasm", (1, 1))
    with whorl.Server.start("-f", folder) as server:
        assert warning in server.err.text


def test_build_and_up(app):
    folder = app(ONE.replace("multi.wasm", "built.wasm") +
                 '[component.one.build]\ncommand = "cp multi.wasm built.wasm"\n', "multi")
    command = [whorl.program(), "build", "-u", "--listen", "127.0.0.1:0", "--quiet"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        out = whorl.Output(process.stdout)
        match = out.wait_for(r"Finished building all Spin components\n\nServing http://127\.0\.0\.1:(\d+)\n")
        assert whorl.exchange(int(match.group(1)), "GET", "/status/204").status == 204
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_some_components_only(app):
    folder = app('[[trigger.http]]\nroute = "/one"\ncomponent = "one"\n'
                 '[[trigger.http]]\nroute = "/two"\ncomponent = "two"\n'
                 '[component.one]\nsource = "multi.wasm"\n[component.two]\nsource = "missing.wasm"\n', "multi")
    with whorl.Server.start("-f", folder, "-c", "one") as server:
        assert server.get("/one").status == 200
        assert server.get("/two").status == 404


def test_where_to_listen(app):
    folder = app(ONE, "multi")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [whorl.program(), "up", "-f", folder, "--find-free-port"]
        process = subprocess.Popen(command, env=os.environ | {"SPIN_HTTP_LISTEN_ADDR": f"localhost:{port}"},
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            out = whorl.Output(process.stdout)
            found = int(out.wait_for(r"Serving http://127\.0\.0\.1:(\d+)\n").group(1))
            assert port < found < port + 10
            assert whorl.exchange(found, "GET", "/status/204").status == 204
        finally:
            process.terminate()
            assert process.wait(20) == 0


def test_only_followed_components_are_shown(app):
    folder = app('[[trigger.http]]\nroute = "/one/..."\ncomponent = "one"\n'
                 '[[trigger.http]]\nroute = "/log/..."\ncomponent = "two"\n'
                 '[component.one]\nsource = "multi.wasm"\n[component.two]\nsource = "multi.wasm"\n', "multi")
    with whorl.Server.start("-f", folder, "--follow", "one") as server:
        server.get("/log/")
        server.stop()
        assert "a line to" not in server.err.text
        assert "a line to" in (folder / ".spin" / "logs" / "two_stderr.txt").read_text()
    unknown = whorl.run("up", "-f", folder, "--follow", "three", "--follow", "one")
    assert unknown.returncode == 1
    assert "do not exist in the application:\n  - three\nThe following components exist:\n" in unknown.stderr


@pytest.mark.parametrize("how", ["flag", "environment", "config"])
def test_where_logs_go(app, tmp_path, how):
    folder = app(ONE, "multi")
    logs = tmp_path / "elsewhere"
    (tmp_path / "rc.toml").write_text(f'log_dir = "{logs}"\n')
    flags = {"flag": ("-L", logs), "environment": (), "config": ("--runtime-config-file", tmp_path / "rc.toml")}[how]
    env = {"SPIN_LOG_DIR": str(logs)} if how == "environment" else {}
    with whorl.Server.start("-f", folder, *flags, env=env) as server:
        server.get("/log")
        server.stop()
    first = (logs / "one_stdout.txt").read_text()
    assert first == "a line to standard output\n"
    assert not (folder / ".spin" / "logs").exists()
    with whorl.Server.start("-f", folder, *flags, "--truncate-logs", env=env) as server:
        server.get("/log")
        server.stop()
    assert (logs / "one_stdout.txt").read_text() == first


def test_a_runtime_config_with_variables(app, tmp_path):
    folder = app('[variables]\na = { required = true }\nb = { required = true }\nc = { default = "d" }\n'
                 '[[trigger.http]]\nroute = "/..."\ncomponent = "variables"\n[component.variables]\n'
                 'source = "variables.wasm"\nvariables = { all = "{{a}} {{b}} {{c}}" }\n', "variables")
    (tmp_path / "rc.toml").write_text('[[variables_provider]]\ntype = "static"\nvalues = { a = "file" }\n'
                                      '[[variables_provider]]\ntype = "env"\nprefix = "MINE"\n')
    env = {"RUNTIME_CONFIG_FILE": str(tmp_path / "rc.toml"), "MINE_A": "late", "MINE_B": "mine",
           "SPIN_VARIABLE_B": "late", "SPIN_VARIABLE_C": "environment"}
    with whorl.Server.start("-f", folder, env=env) as server:
        assert server.get("/spin/all").body == b"file mine environment"
    with whorl.Server.start("-f", folder, "--variable", "a=flag", env=env) as server:
        assert server.get("/spin/all").body == b"flag mine environment"


def test_how_long_a_head_may_be(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder, "--http1-max-buf-size", "8192") as server:
        assert server.get("/status/204", [("x", "y" * 7000)]).status == 204
        assert server.get("/status/204", [("x", "y" * 9000)]).status == 431
    with whorl.Server.start("-f", folder, env={"SPIN_HTTP1_MAX_BUF_SIZE": "200000"}) as server:
        assert server.get("/status/204", [("x", "y" * 150000)]).status == 204


def test_where_compiled_code_is_kept(app, tmp_path):
    folder = app(ONE, "multi")
    (tmp_path / "cache.toml").write_text(f'[cache]\nenabled = true\ndirectory = "{tmp_path / "code"}"\n')
    with whorl.Server.start("-f", folder, "--cache", tmp_path / "cache.toml") as server:
        assert server.get("/status/204").status == 204
    assert any(p.is_file() for p in (tmp_path / "code").rglob("*"))


@pytest.mark.parametrize("pooling", ["0", "1"])
def test_how_many_instances_there_may_be(app, pooling):
    folder = app(ONE, "multi")
    env = {"SPIN_MAX_INSTANCE_COUNT": "8", "SPIN_WASMTIME_POOLING": pooling}
    with whorl.Server.start("-f", folder, env=env) as server:
        slow = [server.connect() for _ in range(8)]
        for connection in slow:
            connection.request("GET", "/drip/40")
            assert connection.head().status == 200
        assert server.get("/status/204").status == 503
        for connection in slow:
            connection.close()


@pytest.mark.parametrize("how", [{"flags": ["--disable-pooling"]}, {"env": {"SPIN_WASMTIME_POOLING": "0"}}])
def test_instances_on_demand(app, how):
    with whorl.Server.start("-f", app(ONE, "multi"), *how.get("flags", []), env=how.get("env", {})) as server:
        assert {server.get("/").status for _ in range(20)} == {200}


def test_log_levels(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder) as server:
        server.stop()
        assert " INFO " not in server.err.text
    with whorl.Server.start("-f", folder, env={"RUST_LOG": "info"}) as server:
        server.stop()
        assert " INFO whorl::trigger: stopped after 0 requests" in server.err.text


def test_reserved_paths(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder) as server:
        assert server.get("/.well-known/spin/health").body == b"OK"
        info = server.get("/.well-known/spin/info")
        assert info.header("content-type") == "application/json"
        assert json.loads(info.body) == {"name": "test", "version": "1.0.0"}
        assert server.get("/.well-known/spin/other").status == 404
        assert server.get("/.well-known/spin").status == 200
