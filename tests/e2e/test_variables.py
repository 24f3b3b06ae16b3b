"""Variables as guests see them: providers, templates, the three interfaces, what is never shown."""

import http.server
import json
import threading

import pytest
import services
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


class FakeVault(http.server.BaseHTTPRequestHandler):
    """The part of Vault's key-value store, version 2, that reads secrets."""
    secrets = {"/v1/kv/data/app/token": {"value": SECRET}, "/v1/kv/data/app/odd": {"other": SECRET}}

    def do_GET(self):  # noqa: N802
        type(self).seen.append(self.path)
        if self.path.endswith("/away"):
            self.send_response(302)
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            return
        found = self.headers.get("x-vault-token") == "t0ken" and self.secrets.get(self.path)
        body = json.dumps({"data": {"data": found or {}, "metadata": {}}}).encode()
        self.send_response(200 if found else 404 if self.headers.get("x-vault-token") == "t0ken" else 403)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def vault():
    FakeVault.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeVault)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def vault_config(folder, port, token="t0ken"):
    (folder / "rc.toml").write_text(
        f'[[variables_provider]]\ntype = "vault"\nurl = "http://127.0.0.1:{port}/"\ntoken = "{token}"\n'
        'mount = "kv"\nprefix = "/app/"\n')
    return "--runtime-config-file", folder / "rc.toml"


def test_vault(folder, tmp_path, vault):
    with whorl.Server.start("-f", folder, *vault_config(tmp_path, vault.server_port)) as server:
        assert read(server, "/spin/message") == f"hello, {SECRET}!"
        assert sorted(FakeVault.seen) == ["/v1/kv/data/app/greeting", "/v1/kv/data/app/token"]
        assert server.stop() == 0
        assert SECRET not in server.out.text + server.err.text
    flags = vault_config(tmp_path, vault.server_port)
    with whorl.Server.start("-f", folder, *flags, "--variable", "token=flag") as server:
        assert read(server, "/spin/message") == "hello, flag!"


@pytest.mark.parametrize("trouble", ["away", "wrong token", "odd secret", "redirect"])
def test_vault_in_trouble(app, tmp_path, vault, trouble):
    name = {"odd secret": "odd", "redirect": "away"}.get(trouble, "token")
    folder = app(MANIFEST.replace("token", name), "variables")
    port = 1 if trouble == "away" else vault.server_port
    flags = vault_config(tmp_path, port, "wr0ng" if trouble == "wrong token" else "t0ken")
    with whorl.Server.start("-f", folder, *flags, env={"RUST_LOG": "warn"}) as server:
        assert read(server, "/spin/message") == "error 2 the variables provider could not be asked"
        assert "WARN whorl::variables: Vault cannot be asked for the variable" in server.err.text
        for hidden in (SECRET, "t0ken", "wr0ng"):
            assert hidden not in server.err.text


CLIENT_SECRET = "cl1ent-secret"


@pytest.fixture
def key_vault():
    with services.KeyVault("client", CLIENT_SECRET, {"token": SECRET, "db-password": SECRET}) as service:
        yield service


def azure_config(folder, url, secret=CLIENT_SECRET, ambient=False):
    principal = f'client_id = "client"\nclient_secret = "{secret}"\ntenant_id = "tenant"\nauthority_host = "{url}"\n'
    (folder / "rc.toml").write_text(
        f'[[variables_provider]]\ntype = "azure_key_vault"\nvault_url = "{url}/"\n' + ("" if ambient else principal))
    return "--runtime-config-file", folder / "rc.toml"


AMBIENT = {name: "" for name in (
    "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN", "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST", "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_POD_IDENTITY_AUTHORITY_HOST")}


@pytest.mark.parametrize("surroundings", ["config", "environment", "machine"])
def test_azure_key_vault(app, tmp_path, key_vault, surroundings):
    folder = app(MANIFEST.replace("token", "db_password"), "variables")
    flags = azure_config(tmp_path, key_vault.url, ambient=surroundings != "config")
    env = dict(AMBIENT)
    if surroundings == "environment":
        env |= {"AZURE_TENANT_ID": "tenant", "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": CLIENT_SECRET,
                "AZURE_AUTHORITY_HOST": key_vault.url}
    elif surroundings == "machine":
        env |= {"AZURE_POD_IDENTITY_AUTHORITY_HOST": key_vault.url}
    with whorl.Server.start("-f", folder, *flags, env=env) as server:
        assert read(server, "/spin/message") == f"hello, {SECRET}!"
        asked = [request.path.split("?")[0] for request in key_vault.seen]
        assert asked[1:] == ["/secrets/db-password", "/secrets/greeting"]  # one token for both
        assert server.stop() == 0
        assert SECRET not in server.out.text + server.err.text
    with whorl.Server.start("-f", folder, *flags, "--variable", "db_password=flag", env=env) as server:
        assert read(server, "/spin/message") == "hello, flag!"


@pytest.mark.parametrize("trouble", ["away", "wrong secret", 500, "cut", "garbage", "no secret"])
def test_azure_key_vault_in_trouble(app, tmp_path, key_vault, trouble):
    folder = app(MANIFEST, "variables")
    url = "http://127.0.0.1:1" if trouble == "away" else key_vault.url
    secret = "wr0ng" if trouble == "wrong secret" else CLIENT_SECRET
    if trouble == "no secret":
        key_vault.secrets["token"] = None
    elif isinstance(trouble, int) or trouble in ("cut", "garbage"):
        key_vault.trouble = [None] + [trouble] * 4
    with whorl.Server.start("-f", folder, *azure_config(tmp_path, url, secret), env={"RUST_LOG": "warn"}) as server:
        assert read(server, "/spin/message") == "error 2 the variables provider could not be asked"
        assert "WARN whorl::variables: Azure Key Vault cannot be asked for the variable" in server.err.text
        for hidden in (SECRET, CLIENT_SECRET, "wr0ng", "token-1"):
            assert hidden not in server.err.text
