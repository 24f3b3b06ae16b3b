"""Variables as guests see them: providers, templates, the three interfaces, what is never shown."""

import pytest
import whorl

MANIFEST = """
[variables]
greeting = { default = "hello" }
token = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "variables"
[component.variables]
source = "variables.wasm"
variables = { plain = "p", message = "{{ greeting }}, {{token}}!", token = "{{ token }}" }
"""
SECRET = "s3cret-value"


@pytest.fixture
def folder(app):
    return app(MANIFEST, "variables")


def read(server, path):
    return server.get(path).body.decode()


def test_interfaces(folder):
    with whorl.Server.start("-f", folder, "--variable", f"token={SECRET}") as server:
        assert read(server, "/spin/plain") == "p"
        assert read(server, "/spin/message") == f"hello, {SECRET}!"
        assert read(server, "/spin/greeting").startswith("error 1 ")  # undefined: not in its own table
        assert read(server, "/spin/invalid-name").startswith("error 0 ")
        assert read(server, "/config/message") == f"hello, {SECRET}!"
        assert read(server, "/config/nosuch").startswith("error 0 ")  # provider
        assert read(server, "/config/4invalidname").startswith("error 1 ")  # invalid-key
        assert read(server, "/store/plain") == "p"
        assert read(server, "/store/nosuch") == "none"
        assert read(server, "/store/invalid!name") == "none"
        assert read(server, "/all") == f"message=hello, {SECRET}!\nplain=p\ntoken={SECRET}\n"
        assert server.stop() == 0
        assert SECRET not in server.out.text + server.err.text


def test_order_of_providers(folder, tmp_path):
    def message(*flags, **options):
        with whorl.Server.start("-f", folder, *flags, cwd=tmp_path, **options) as server:
            return read(server, "/spin/message")

    assert message(env={"SPIN_VARIABLE_TOKEN": "env"}) == "hello, env!"
    (tmp_path / ".env").write_text("SPIN_VARIABLE_TOKEN=file # comment\nexport SPIN_VARIABLE_GREETING='good day'\n")
    assert message() == "good day, file!"
    assert message(env={"SPIN_VARIABLE_TOKEN": "env"}) == "good day, env!"
    assert message("--variable", "token=flag", env={"SPIN_VARIABLE_TOKEN": "env"}) == "good day, flag!"
    (tmp_path / "v.json").write_text('{"token": "json", "greeting": "hi", "undeclared": "x"}')
    (tmp_path / "v.toml").write_text('token = "toml"\n')
    (tmp_path / "t.txt").write_text("text\n")
    assert message("--variable", "@v.json", "--variable", "@v.toml") == "hi, toml!"
    assert message("--variable", "@v.toml", "--variable", "token=@t.txt") == "good day, text\n!"


def test_a_malformed_env_file_is_seen_by_who_needs_it(folder, tmp_path):
    (tmp_path / ".env").write_text(f"SPIN_VARIABLE_TOKEN={SECRET} {SECRET}\n")
    with whorl.Server.start("-f", folder, "--variable", "token=flag", cwd=tmp_path) as server:
        assert read(server, "/spin/token") == "flag"
        # `greeting` is asked for in the file, before its default.
        assert read(server, "/spin/message").startswith("error 2 Error parsing line 1")
        assert SECRET not in read(server, "/spin/message") + server.err.text


@pytest.mark.parametrize("flags,status,message", [
    ((), 1, 'Error: provider error: no provider resolved required variable(s): [Key("token")]\n'),
    (("--variable", "novalue"), 2, "error: invalid value 'novalue' for '--variable <KEY=VALUE | KEY=@FILE | "
     "@FILE.json | @FILE.toml>': variables must be in the form 'key=value' or '@file'\n"),
    (("--variable", "@v.yaml"), 2, "variable files must end in .json or .toml\n"),
    (("--variable", "token=@nofile"), 1, 'Error: Failed to read "nofile".\n\nCaused by:\n      No such file'),
])
def test_refusals(folder, tmp_path, flags, status, message):
    ended = whorl.run("up", "-f", folder, *flags, cwd=tmp_path)
    assert ended.returncode == status
    assert message in ended.stderr
