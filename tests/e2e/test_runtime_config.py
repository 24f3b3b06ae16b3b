"""runtime-config.toml, --key-value and --sqlite: what an operator says reaches stores and guests, or is refused."""

import pytest
import whorl

MANIFEST = """
[[trigger.http]]
route = "/kv/..."
component = "stores"
[[trigger.http]]
route = "/sql/..."
component = "sql"
[component.stores]
source = "stores.wasm"
key_value_stores = ["default", "files", "memory"]
[component.sql]
source = "sql.wasm"
sqlite_databases = ["default", "other"]
"""
CONFIG = """
[key_value_store.files]
type = "spin"
path = "files.db"
[key_value_store.memory]
type = "spin"
pth = "x"
[sqlite_database.other]
type = "spin"
path = "other.db"
allow_attach_file = true
"""
STORES = MANIFEST.split("[[trigger.http]]")[1] + "[component.stores]" + MANIFEST.split("[component.stores]")[1].split("[component.sql]")[0]


@pytest.fixture
def stores(app):
    """The component of key-value stores alone, at the root."""
    return app("[[trigger.http]]" + STORES.replace("/kv/...", "/..."), "stores")


@pytest.fixture
def databases(app):
    text = '[[trigger.http]]\nroute = "/..."\ncomponent = "sql"\n[component.sql]\nsource = "sql.wasm"\n'
    return app(text + 'sqlite_databases = ["default", "other"]\n', "sql")


def config(folder, text, name="rc.toml"):
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf" / name).write_text(text)
    return folder / "conf" / name


def test_stores(stores, tmp_path):
    path = config(stores, CONFIG)
    with whorl.Server.start("-f", stores, "--runtime-config-file", path, cwd=tmp_path) as server:
        assert "Warning: `pth` in `[key_value_store.memory]` is not known" in server.err.text
        assert "(did you mean `path`?)" in server.err.text
        assert ('Using runtime config [key_value_store.files: spin], [key_value_store.memory: spin], '
                f'[sqlite_database.other: spin] from "{path}"\n') in server.err.text
        for label in ("default", "files", "memory"):
            assert server.post(f"/v2/set/{label}/k", label.encode()).body == b"ok"
        for label in ("default", "files", "memory"):
            assert server.get(f"/v2/get/{label}/k").body == label.encode()
    assert (stores / "conf" / "files.db").exists()  # beside the config
    with whorl.Server.start("-f", stores, "--runtime-config-file", path) as server:
        assert server.get("/v2/get/files/k").body == b"files"
        assert server.get("/v2/get/memory/k").body == b"none"


def test_databases(databases, tmp_path):
    path = config(databases, CONFIG)
    with whorl.Server.start("-f", databases, "--runtime-config-file", path, cwd=tmp_path) as server:
        attach = f"ATTACH '{tmp_path}/third.db' AS third".encode()
        assert server.post("/v2/other", b"CREATE TABLE t(x)").body == b"\n"
        assert server.post("/v2/other", attach).body == b"\n"
        assert server.post("/v2/default", attach).body == b"error 4 not authorized\n"
    assert (tmp_path / "other.db").exists()  # in the working folder


def test_state_dir_of_the_config(stores, tmp_path):
    path = config(stores, f'state_dir = "{tmp_path}/state"\n' + CONFIG)
    with whorl.Server.start("-f", stores, "--runtime-config-file", path) as server:
        server.post("/v2/set/default/k", b"v")
        assert f'Storing default key-value data to "{tmp_path}/state/sqlite_key_value.db".' in server.err.text
    assert (tmp_path / "state" / "sqlite_key_value.db").exists()


@pytest.mark.parametrize("text, message", [
    ("nosuch = 1", "unused runtime config key(s): nosuch"),
    ("[key_value_store.files]\ntype = 'x'", "the store type 'x' was not registered with the config resolver"),
    ("[key_value_store.files]\ntype = 'redis'\nurl = 'redis://u:s3cret@h:x'",
     "could not configure key-value store with label 'files'"),
    ("[key_value_store.files]\ntype = 'azure_cosmos'\nkey = 's3cret'\naccount = 'a'\ndatabase = 'd'\ncontainer = 'c'",
     "`key` is no base64"),
])
def test_refused(stores, text, message):
    path = config(stores, text + "\n[key_value_store.memory]\ntype = 'spin'\n")
    ended = whorl.run("up", "-f", stores, "--listen", "127.0.0.1:0", "--runtime-config-file", path)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "s3cret" not in ended.stderr


def test_redis_that_nobody_uses(stores):
    path = config(stores, CONFIG + "[key_value_store.unused]\ntype = 'redis'\nurl = 'redis://h'\n")
    with whorl.Server.start("-f", stores, "--runtime-config-file", path) as server:
        assert server.get("/v2/get/default/k").body == b"none"


def test_key_values_at_the_start(stores):
    path = config(stores, CONFIG)
    flags = ("--runtime-config-file", path, "--key-value", "a=1", "--key-value", "b=x=y", "--key-value", "a=2")
    for state in ((), ("--state-dir", "")):
        with whorl.Server.start("-f", stores, *flags, *state) as server:
            assert server.get("/v2/get/default/a").body == b"2"
            assert server.get("/v2/get/default/b").body == b"x=y"


def test_statements_at_the_start(databases, tmp_path):
    path = config(databases, CONFIG)
    (tmp_path / "m.sql").write_text("CREATE TABLE t(x);\nINSERT INTO t VALUES(1);\nINSERT INTO t VALUES(2);\n")
    flags = ("--runtime-config-file", path)
    with whorl.Server.start("-f", databases, *flags, "--sqlite", "@m.sql", "--sqlite", "INSERT INTO t VALUES(3)",
                            "--sqlite", "@m.sql:other", cwd=tmp_path) as server:
        assert server.post("/v2/default", b"SELECT sum(x) AS s FROM t").body == b"s|6\n"
        assert server.post("/v2/other", b"SELECT sum(x) AS s FROM t").body == b"s|3\n"
    for argument, message in (
        ("bogus", "failed to execute following sql statement against default database: 'bogus'"),
        ("@", "database configuration is empty in the '@' sqlite statement"),
        ("@m.sql:", "database label is empty in the '@m.sql:' sqlite statement"),
        ("@:x", "file path is empty in the '@:x' sqlite statement"),
        ("@m.sql:nope", "based on the '@m.sql:nope' a registered database named 'nope' was expected but not found."),
        ("@nosuch.sql", "could not read file 'nosuch.sql' containing sql statements"),
        ("@m.sql", "failed to execute following sql statement against default database: '@m.sql'"),
    ):
        ended = whorl.run("up", "-f", databases, "--listen", "127.0.0.1:0", *flags, "--sqlite", argument, cwd=tmp_path)
        assert ended.returncode == 1, argument
        assert message in ended.stderr, (argument, ended.stderr)
