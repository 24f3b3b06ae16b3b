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
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


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


def aws_sources(folder, service):
    """Every source of keys that AWS's libraries know and a service has: its settings, and how often whom it asks."""
    (folder / "token").write_text(service.WEB_TOKEN + "\n")
    (folder / "container-token").write_text(service.CONTAINER_TOKEN + "\n")
    keys = "aws_access_key_id = AKID\naws_secret_access_key = aws-s3cret-key\naws_session_token = session-t0ken\n"
    base = "aws_access_key_id = BASE\naws_secret_access_key = base-s3cret\n"
    role = f"role_arn = {service.ROLE}\n"
    (folder / "credentials").write_text(f"[default]\n{keys}[named]\n{keys}[base]\n{base}")
    (folder / "config").write_text(
        f"[default]\nregion = elsewhere\n[profile in-config]\n{keys}[profile role]\n{role}source_profile = base\n"
        f"[profile itself]\n{role}{base}source_profile = itself\n"
        f"[profile web]\n{role}web_identity_token_file = {folder}/token\n"
        f"[profile instance]\n{role}credential_source = Ec2InstanceMetadata\n")
    files = {"AWS_SHARED_CREDENTIALS_FILE": f"{folder}/credentials", "AWS_CONFIG_FILE": f"{folder}/config"}
    sts = {"AWS_ENDPOINT_URL_STS": service.url}
    home = folder / "home" / ".aws"
    home.mkdir(parents=True)
    (home / "credentials").write_text(f"[default]\n{keys}")
    return {
        "environment": ({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": "session-t0ken"}, 0),
        "home": ({"HOME": f"{folder}/home", "AWS_SHARED_CREDENTIALS_FILE": "", "AWS_CONFIG_FILE": ""}, 0),
        "credentials file": (files, 0),
        "named profile": (files | {"AWS_PROFILE": "named"}, 0),
        "config file": (files | {"AWS_PROFILE": "in-config"}, 0),
        "role of a profile": (files | sts | {"AWS_PROFILE": "role"}, 1),
        "role with its own keys": (files | sts | {"AWS_PROFILE": "itself"}, 1),
        "web identity of a profile": (files | sts | {"AWS_PROFILE": "web"}, 1),
        "web identity": (sts | {"AWS_WEB_IDENTITY_TOKEN_FILE": f"{folder}/token", "AWS_ROLE_ARN": service.ROLE}, 1),
        "container": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/container?x=1",
                       "AWS_CONTAINER_AUTHORIZATION_TOKEN": service.CONTAINER_TOKEN}, 1),
        "container, token in a file": ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/container",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{folder}/container-token"}, 1),
        "machine": ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url, "AWS_EC2_METADATA_DISABLED": ""}, 3),
    }


AWS_SOURCES = ("environment", "home", "credentials file", "named profile", "config file", "role of a profile", "role with its own keys",
               "web identity of a profile", "web identity", "container", "container, token in a file", "machine")


@pytest.mark.parametrize("source", AWS_SOURCES)
def test_dynamo_with_keys_of_the_surroundings(app, tmp_path, source):
    """Each source of keys of AWS's libraries: what it is asked, and that its keys sign what the store is asked."""
    with cloud_stores.AwsIdentities() as identities, cloud_stores.Dynamo("table", "AKID", SECRET, "session-t0ken") as service:
        sources = aws_sources(tmp_path, identities)
        assert set(sources) == set(AWS_SOURCES)
        settings, asked = sources[source]
        (tmp_path / "rc.toml").write_text('[key_value_store.default]\ntype = "aws_dynamo"\nregion = "eu-test-1"\ntable = "table"\n')
        env = AMBIENT | {"AWS_ENDPOINT_URL_DYNAMODB": service.url} | settings
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml", "--threads", "1",
                                env=env) as server:
            assert ask(server, "/v2/set/default/k", b"v") == "ok"
            assert ask(server, "/v2/get/default/k") == "v"
            assert len(identities.seen) == asked
            server.stop()
            for hidden in (SECRET, "session-t0ken", "base-s3cret", identities.WEB_TOKEN, identities.CONTAINER_TOKEN):
                assert hidden not in server.out.text + server.err.text


def test_keys_of_the_surroundings_that_end(app, tmp_path):
    """Keys that are good for a moment are fetched anew before they end; who gives none any more is an error of the store."""
    with cloud_stores.AwsIdentities() as identities, cloud_stores.Dynamo("table", "AKID", SECRET, "session-t0ken") as service:
        identities.lifetime_s = 1
        settings, _ = aws_sources(tmp_path, identities)["container"]
        (tmp_path / "rc.toml").write_text('[key_value_store.default]\ntype = "aws_dynamo"\nregion = "eu-test-1"\ntable = "table"\n')
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml", "--threads", "1",
                                env=AMBIENT | {"AWS_ENDPOINT_URL_DYNAMODB": service.url} | settings) as server:
            for _ in range(3):
                assert ask(server, "/v2/get/default/k") == "none"
            assert len(identities.seen) == 3
            identities.trouble = [500]
            assert ask(server, "/v2/get/default/k") == "error 3 no AWS credentials: the surroundings gave none (status 500)"


@pytest.mark.parametrize("profile, message", [
    ("program", "the profile's are those of a program (credential_process), and none is run here"),
    ("circle", "profiles name each other in a circle"),
    ("denied", "the role could not be assumed (status 403)"),
])
def test_profiles_that_give_no_keys(app, tmp_path, profile, message):
    with cloud_stores.AwsIdentities() as identities, cloud_stores.Dynamo("table", "AKID", SECRET) as service:
        (tmp_path / "config").write_text(
            f"[profile program]\ncredential_process = touch {tmp_path}/ran\n"
            "[profile circle]\nrole_arn = a\nsource_profile = circle\n"
            "[profile denied]\nrole_arn = another\nsource_profile = base\n"
            "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = base-s3cret\n")
        (tmp_path / "rc.toml").write_text('[key_value_store.default]\ntype = "aws_dynamo"\nregion = "eu-test-1"\ntable = "table"\n')
        env = AMBIENT | {"AWS_ENDPOINT_URL": service.url, "AWS_ENDPOINT_URL_STS": identities.url, "AWS_PROFILE": profile,
                         "AWS_CONFIG_FILE": f"{tmp_path}/config"}
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml", env=env) as server:
            assert ask(server, "/v2/get/default/k") == f"error 3 no AWS credentials: {message}"
        assert not service.seen and not (tmp_path / "ran").exists()


AZURE_SOURCES = {
    "secret": lambda folder, url: {"AZURE_TENANT_ID": "ten", "AZURE_CLIENT_ID": "cli", "AZURE_CLIENT_SECRET": "azure-s3cret",
                                   "AZURE_AUTHORITY_HOST": url},
    "federated token": lambda folder, url: {"AZURE_TENANT_ID": "ten", "AZURE_CLIENT_ID": "cli", "AZURE_FEDERATED_TOKEN": "f3derated",
                                            "AZURE_AUTHORITY_HOST": url},
    "federated token in a file": lambda folder, url: {
        "AZURE_TENANT_ID": "ten", "AZURE_CLIENT_ID": "cli", "AZURE_FEDERATED_TOKEN_FILE": f"{folder}/token", "AZURE_AUTHORITY_HOST": url},
    "app service": lambda folder, url: {"IDENTITY_ENDPOINT": f"{url}/app-service", "IDENTITY_HEADER": "h3ader"},
    "app service, one of several": lambda folder, url: {"IDENTITY_ENDPOINT": f"{url}/app-service", "IDENTITY_HEADER": "h3ader",
                                                        "AZURE_CLIENT_ID": "cli"},
    "machine": lambda folder, url: {"AZURE_POD_IDENTITY_AUTHORITY_HOST": url},
}


@pytest.mark.parametrize("source", AZURE_SOURCES)
def test_cosmos_with_an_identity_of_the_surroundings(app, tmp_path, source):
    """Each source of identities of Azure's libraries, but for the command lines of people."""
    (tmp_path / "token").write_text("f3derated")
    with services.AzureIdentities() as identities, cloud_stores.Cosmos("d", "c", KEY, token="azure-t0ken") as service:
        text = Cosmos.config(service.url)[0].replace(f'key = "{KEY}"\n', "").replace("my db", "d").replace("things", "c")
        (tmp_path / "rc.toml").write_text(text)
        env = {name: "" for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")}
        with whorl.Server.start("-f", app(MANIFEST, "stores"), "--runtime-config-file", tmp_path / "rc.toml", "--threads", "1",
                                env=env | AZURE_SOURCES[source](tmp_path, identities.url)) as server:
            assert ask(server, "/v2/set/default/k", b"v") == "ok"
            assert ask(server, "/v2/get/default/k") == "v"
            assert len(identities.seen) == 1
            assert identities.kinds == [source.split(",")[0].removesuffix(" in a file")]
            server.stop()
            for hidden in ("azure-s3cret", "azure-t0ken", "f3derated", "h3ader"):
                assert hidden not in server.out.text + server.err.text


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
