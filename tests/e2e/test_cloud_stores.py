"""Key-value stores of clouds: Azure Cosmos and AWS DynamoDB, over stand-ins that check every signature."""

import base64
import concurrent.futures

import cloud_stores
import pytest
import services
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "stores"
[component.stores]
source = "stores.wasm"
key_value_stores = ["default"]
"""
KEY = base64.b64encode(b"cosmos-master-key-of-64-bytes-more-or-less").decode()
SECRET = "aws-s3cret-key"
AMBIENT = {name: "" for name in (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")} | {
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


class Cosmos:
    name = "Azure Cosmos"
    number = "error 2 the value has 3 bytes; a number has 8"
    hidden = (KEY,)
    busy = staticmethod(lambda request: (429, {"x-ms-retry-after-ms": "1"}, {}))
    bad = 403

    @staticmethod
    def start():
        return cloud_stores.Cosmos("my db", "things", KEY)

    @staticmethod
    def config(url):
        return (f'[key_value_store.default]\ntype = "azure_cosmos"\nkey = "{KEY}"\naccount = "{url}"\n'
                'database = "my db"\ncontainer = "things"\n'), {}

    @staticmethod
    def wrong(service):
        service.key = b"another"


class Dynamo:
    name = "DynamoDB"
    number = "error 2 the value is no number in decimal digits"
    hidden = (SECRET, "session-t0ken")
    busy = staticmethod(lambda request: cloud_stores.Dynamo.error("ProvisionedThroughputExceededException"))
    bad = 500

    @staticmethod
    def start():
        return cloud_stores.Dynamo("table", "AKID", SECRET, "session-t0ken")

    @staticmethod
    def config(url):
        return (f'[key_value_store.default]\ntype = "aws_dynamo"\naccess_key = "AKID"\nsecret_key = "{SECRET}"\n'
                'token = "session-t0ken"\nregion = "eu-test-1"\ntable = "table"\n'), {"AWS_ENDPOINT_URL_DYNAMODB": url}

    @staticmethod
    def wrong(service):
        service.secret_key = "another"


@pytest.fixture(params=[Cosmos, Dynamo], ids=["cosmos", "dynamo"])
def cloud(request):
    return request.param


@pytest.fixture
def service(cloud):
    with cloud.start() as running:
        yield running


@pytest.fixture
def server(app, cloud, service, tmp_path):
    text, env = cloud.config(service.url)
    (tmp_path / "rc.toml").write_text(text)
    flags = ("--runtime-config-file", tmp_path / "rc.toml")
    with whorl.Server.start("-f", app(MANIFEST, "stores"), *flags, env=AMBIENT | env | {"RUST_LOG": "warn"}) as running:
        yield running
        running.stop()
        for hidden in cloud.hidden:
            assert hidden not in running.out.text + running.err.text


def ask(server, path, body=None):
    response = server.get(path, timeout=60) if body is None else server.post(path, body, timeout=60)
    assert response.status == 200, (path, response.body, server.err.text)
    return response.body.decode()


@pytest.mark.parametrize("interface", ["v1", "v2", "wasi"])
def test_functions(server, interface):
    def do(op, key="", body=None):
        return ask(server, f"/{interface}/{op}/default/{key}", body)

    missing = "error 4" if interface == "v1" else "none"
    assert do("get", "bar") == missing
    assert do("exists", "bar") == "false"
    assert do("delete", "bar") == "ok"
    assert do("keys") == ""
    assert do("set", "bar", b"baz") == "ok"
    assert do("get", "bar") == "baz"
    assert do("exists", "bar") == "true"
    assert do("set", "bar", b"") == "ok"
    assert do("get", "bar") == ""
    big = bytes(range(256)) * 400
    assert do("set", "big", big) == "ok"
    assert server.get(f"/{interface}/get/default/big").body == big
    keys = ["it's", "a+c%20%", "q%22;--", "c", "d", "e"]
    for key in keys:
        assert do("set", key, key.encode()) == "ok"
        assert do("get", key) == key
    assert sorted(do("keys").splitlines()) == sorted([*keys, "bar", "big"])
    assert do("delete", "bar") == "ok"
    assert do("exists", "bar") == "false"


def test_batches_and_atomics(server, cloud):
    assert ask(server, "/wasi/set-many/default/first", b"v") == "ok"
    assert ask(server, "/wasi/get-many/default/first") == "first=v\nsecond=v\n"
    assert ask(server, "/wasi/delete-many/default/first") == "ok"
    assert ask(server, "/wasi/get-many/default/first") == ""
    assert ask(server, "/wasi/increment/default/n") == "5"
    assert ask(server, "/wasi/increment/default/n") == "10"
    assert ask(server, "/wasi/set/default/n", b"abc") == "ok"
    assert ask(server, "/wasi/increment/default/n") == cloud.number
    assert ask(server, "/wasi/swap-twice/default/c", b"new") == "swapped new"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda _: int(ask(server, "/wasi/increment/default/hot")), range(12)))
    assert sorted(sums) == list(range(5, 65, 5))


def test_a_service_in_trouble(server, service, cloud):
    assert ask(server, "/v2/set/default/k", b"v") == "ok"
    service.trouble = [cloud.busy] * 3
    assert ask(server, "/v2/get/default/k") == "v"
    seen = len(service.seen)
    service.trouble = [cloud.bad]
    assert ask(server, "/v2/get/default/k") == f"error 3 {cloud.name} answered with status {cloud.bad}"
    assert len(service.seen) == seen + 1
    for step, message in (
        ("cut", "the service's answer was cut"),
        (lambda _: (200, {}, b"{\"Item\":7,\"value\":\"x\"}"), ""),
    ):
        service.trouble = [step]
        assert ask(server, "/v2/get/default/k").startswith("error 3 " + message) or cloud is Dynamo
    service.trouble = ["garbage"] * 2
    assert ask(server, "/v2/get/default/k") == "error 3 the service gave no HTTP answer"
    assert ask(server, "/v2/get/default/k") == "v"
    assert cloud.name in server.err.text


def test_a_service_that_is_busy_for_good(server, service, cloud):
    service.trouble = [cloud.busy] * 50
    assert ask(server, "/v2/get/default/k").startswith(f"error 3 {cloud.name} answered with status 4")
    assert 5 < len(service.seen) < 12


def test_wrong_keys(server, service, cloud):
    cloud.wrong(service)
    assert ask(server, "/v2/get/default/k").startswith(f"error 3 {cloud.name} answered with status 4")
    assert ask(server, "/v2/set/default/k", b"guest-value").startswith(f"error 3 {cloud.name} answered with status 4")


def test_keys_that_cosmos_has_not(app, tmp_path):
    with cloud_stores.Cosmos("my db", "things", KEY) as service:
        (tmp_path / "rc.toml").write_text(Cosmos.config(service.url)[0])
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml") as server:
            for key in ("", "a?b"):
                assert ask(server, f"/v2/set/default/{key}", b"v").startswith("error 3 Key contains an illegal"), key
                assert ask(server, f"/v2/get/default/{key}") == "none"
                assert ask(server, f"/v2/delete/default/{key}") == "ok"
            assert not service.seen


def test_cosmos_with_the_identity_of_the_machine(app, tmp_path):
    with services.KeyVault("", "", {}) as identity, cloud_stores.Cosmos("d", "c", KEY, token="token-1") as service:
        text = Cosmos.config(service.url)[0].replace(f'key = "{KEY}"\n', "").replace("my db", "d").replace("things", "c")
        (tmp_path / "rc.toml").write_text(text)
        env = {name: "" for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")}
        env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = identity.url
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml",
                                "--threads", "1", env=env) as server:
            assert ask(server, "/v2/set/default/k", b"v") == "ok"
            assert ask(server, "/v2/get/default/k") == "v"
            assert len(identity.seen) == 1
            service.token = "token-2"  # the old one is refused: another is fetched, once
            assert ask(server, "/v2/get/default/k") == "v"
            assert len(identity.seen) == 2


def test_dynamo_with_keys_of_the_environment(app, tmp_path):
    with cloud_stores.Dynamo("table", "AKID", SECRET) as service:
        (tmp_path / "rc.toml").write_text(
            '[key_value_store.default]\ntype = "aws_dynamo"\nregion = "eu-test-1"\ntable = "table"\nconsistent_read = true\n')
        flags = ("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml")
        env = AMBIENT | {"AWS_ENDPOINT_URL": service.url}
        keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET}
        with whorl.Server.start(*flags, "--key-value", "a=1", env=env | keys) as server:
            assert ask(server, "/v2/get/default/a") == "1"
            assert service.seen[-1].json()["ConsistentRead"] is True
        with whorl.Server.start(*flags, env=env) as server:
            assert ask(server, "/v2/get/default/a").startswith("error 3 no AWS credentials")


@pytest.mark.parametrize("text, message", [
    ('type = "azure_cosmos"\nkey = "n0 base64"\naccount = "a"\ndatabase = "d"\ncontainer = "c"', "`key` is no base64"),
    ('type = "azure_cosmos"\naccount = "a/b"\ndatabase = "d"\ncontainer = "c"', "invalid value for `account`"),
    ('type = "aws_dynamo"\nregion = "a/b"\ntable = "t"', "`region` is no region"),
])
def test_refused_at_the_start(app, tmp_path, text, message):
    (tmp_path / "rc.toml").write_text("[key_value_store.default]\n" + text + "\n")
    ended = whorl.run("up", "-f", app(MANIFEST, "stores"), "--listen", "127.0.0.1:0",
                      "--runtime-config-file", tmp_path / "rc.toml")
    assert ended.returncode == 1
    assert "could not configure key-value store with label 'default'" in ended.stderr
    assert message in ended.stderr and "n0 base64" not in ended.stderr
