"""`whorl up`: what it prints, what it takes from the manifest, what it refuses."""

import json
import pathlib
import re
import shutil
import subprocess

import whorl

ONE = '[[trigger.http]]\nroute = "/..."\ncomponent = "one"\n[component.one]\nsource = "multi.wasm"\n'


def test_start_up_lines_to_the_byte(app):
    folder = app(
        '[[trigger.http]]\nroute = "/..."\ncomponent = "front"\n'
        '[[trigger.http]]\nroute = "/api/:id/..."\ncomponent = "api"\n'
        '[[trigger.http]]\nroute = { private = true }\ncomponent = "worker"\n'
        '[[trigger.http]]\nid = "robots"\nroute = "/robots.txt"\nstatic_response = { body = "none" }\n'
        '[component.front]\nsource = "hello.wasm"\ndescription = "Shows the shop"\n'
        '[component.api]\nsource = "hello.wasm"\n[component.worker]\nsource = "hello.wasm"\n', "hello")
    with whorl.Server.start(cwd=folder) as server:
        base = f"http://127.0.0.1:{server.port}"
        assert server.stop() == 0
        server.out.wait_for(r"\Z(?!)", 1)
        assert server.out.text == (
            f"\nServing {base}\nAvailable Routes:\n  robots: {base}/robots.txt\n"
            f"  api: {base}/api/:id (wildcard)\n  front: {base} (wildcard)\n    Shows the shop\n")
        assert server.err.text == 'Logging component stdio to ".spin/logs/"\n'


def test_a_bare_file_needs_no_manifest_and_leaves_nothing_behind(tmp_path):
    shutil.copy(whorl.guest("multi"), tmp_path / "app.wasm")
    with whorl.Server.start("-f", "app.wasm", cwd=tmp_path) as server:
        assert server.get("/log").body == b"logged\n"
        assert server.err.wait_for("a line to standard output\n")
        assert server.stop() == 0
        assert server.out.text == (f"\nServing http://127.0.0.1:{server.port}\nAvailable Routes:\n"
                                   f"  http-trigger1-component: http://127.0.0.1:{server.port} (wildcard)\n")
    assert [p.name for p in tmp_path.iterdir()] == ["app.wasm"]


def test_output_goes_to_the_terminal_and_to_files(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder) as server:
        server.get("/log")
        assert server.err.wait_for("a line to standard output\n")
        assert server.err.wait_for("a line to standard error\n")
        server.stop()
    logs = folder / ".spin" / "logs"
    assert (logs / "one_stdout.txt").read_text() == "a line to standard output\n"
    assert (logs / "one_stderr.txt").read_text() == "a line to standard error\n"


def test_quiet_silences_the_terminal_but_not_the_files(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder, "--quiet") as server:
        server.get("/log")
        server.stop()
        assert "a line to" not in server.err.text + server.out.text
    assert (folder / ".spin" / "logs" / "one_stdout.txt").read_text() == "a line to standard output\n"


def test_environment_of_manifest_and_command_line(app):
    folder = app(ONE + 'environment = { GREETING = "from the manifest", EXTRA = "replaced" }\n', "multi")
    with whorl.Server.start("-f", folder, "--env", "EXTRA=from the command line") as server:
        assert server.get("/env").body == b"GREETING=from the manifest\nEXTRA=from the command line\n"


def test_the_host_environment_stays_outside(app):
    with whorl.Server.start("-f", app(ONE, "multi"), env={"GREETING": "leaked"}) as server:
        assert server.get("/env").body == b"GREETING=(unset)\nEXTRA=(unset)\n"


def test_start_up_as_json(app):
    folder = app(ONE, "multi")
    command = [whorl.program(), "up", "-f", folder, "--listen", "127.0.0.1:0", "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        out = whorl.Output(process.stdout)
        assert out.wait_for(r"\n}\n", whorl.START_TIMEOUT_S)
        printed = json.loads(out.text)
        port = int(printed["base_url"].rsplit(":", 1)[1])
        assert printed["routes"] == [{"id": "one", "route": "/", "wildcard": True}]
        assert whorl.exchange(port, "GET", "/status/204").status == 204
    finally:
        process.terminate()
        assert process.wait(20) == 0


def refused(*arguments, cwd=None):
    """The stderr of a start that must fail with exit code 1, in one error report."""
    result = whorl.run("up", "--listen", "127.0.0.1:0", *arguments, cwd=cwd)
    assert result.returncode == 1, result
    assert "Serving" not in result.stdout
    assert result.stderr.count("Error: ") == 1, result.stderr
    return result.stderr


def test_a_text_file_is_refused(tmp_path):
    (tmp_path / "app.wasm").write_text("hello")
    message = refused("-f", tmp_path / "app.wasm")
    assert str(tmp_path / "app.wasm") in message
    assert re.search(r"magic|not .*wasm|WebAssembly", message, re.I)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "app.wasm").write_bytes(b"")
    assert "app.wasm" in refused("-f", tmp_path / "app.wasm")


def test_a_truncated_module_is_refused_wherever_it_was_cut(tmp_path):
    whole = whorl.guest("hello").read_bytes()
    for size in (4, 9, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "app.wasm").write_bytes(whole[:size])
        assert "app.wasm" in refused("-f", tmp_path / "app.wasm")


def test_a_module_without_a_handler_is_refused(tmp_path):
    (tmp_path / "app.wasm").write_bytes(b"\0asm\1\0\0\0")
    assert "wasi:http/incoming-handler" in refused("-f", tmp_path / "app.wasm")


def test_an_import_that_no_one_offers_is_refused_by_name(app):
    folder = app(ONE.replace("multi", "unknown_import"), "unknown_import")
    message = refused("-f", folder)
    assert "example:store/things@1.2.0" in message
    assert "unknown_import.wasm" in message or "one" in message


def test_a_missing_file_is_refused(app):
    message = refused("-f", app(ONE))
    assert 'failed to resolve dependencies for component "one"' in message
    assert "multi.wasm" in message and "No such file or directory" in message


def test_a_port_in_use_is_refused(app):
    folder = app(ONE, "multi")
    with whorl.Server.start("-f", folder) as server:
        result = whorl.run("up", "-f", folder, "--listen", f"127.0.0.1:{server.port}")
        assert result.returncode == 1
        assert str(server.port) in result.stderr and "Error: " in result.stderr


def test_the_folder_of_an_example_is_an_application():
    for example in ("hello", "echo"):
        subprocess.run([whorl.ROOT / "examples" / example / "build.sh"], check=True, capture_output=True)
    with whorl.Server.start("-f", whorl.ROOT / "examples" / "hello", "--state-dir", "") as server:
        assert server.get("/any/path?x=1").body == b"Hello, World! You asked for /any/path?x=1\n"
        assert pathlib.Path(f"/proc/{server.process.pid}").exists()
