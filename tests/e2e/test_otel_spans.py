"""The spans of everything a guest asks the host for, against real servers: names, kinds and attributes are Spin's. A table of
cases; where WHORL_PEER_SPIN names a Spin, the same application there gives the same spans, but for what docs/telemetry.md says."""

import os
import re
import shutil
import subprocess
import time

import componentize
import otlp
import pytest
import real_servers
import services
import twins
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
FAST = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
SECRET = "hunter2-canary"
CLIENT, PRODUCER, CONSUMER = 3, 4, 5

# Of Spin's own making: where in its source a span is made, and how long it was polled.
OF_SPINS_SOURCE = re.compile(r"code\.|thread\.|target$|busy_ns$|idle_ns$|level$")
# What Spin's spans have and ours have not, on purpose (docs/telemetry.md, "What differs").
NOT_OURS = {"url.query", "username"}


def application(guest: str, more: str = "", executor: str = "", variables: str = "") -> str:
    return (f'spin_manifest_version = 2\n[application]\nname = "spans"\n{variables}[[trigger.http]]\nroute = "/..."\n'
            f'component = "one"\n{executor}[component.one]\nsource = "{guest}.wasm"\n{more}\n')


def post(path: str, *lines: str) -> tuple[str, str, bytes]:
    return "POST", path, "\n".join(lines).encode()


def get(path: str) -> tuple[str, str, None]:
    return "GET", path, None


def span(name: str, kind: int = CLIENT, failed: str = "", /, **attributes: object) -> dict:
    """`a__b` is the attribute `a.b`; a value of None: there, whatever it is."""
    return {"name": name, "kind": kind, "failed": failed,
            "attributes": {key.replace("__", "."): value for key, value in attributes.items()}}


def kv(operation: str, family: str = "spin") -> dict:
    return span(f"{family}_key_value.{operation}")


OPEN_KV = span("spin_key_value.open", name="default", kv__backend="spin")
KEY_VALUE = [
    (post(f"/{version}/{operation}/default/k", SECRET), [OPEN_KV, kv(call)])
    for version in ("v1", "v2") for operation, call in (
        ("set", "set"), ("get", "get"), ("exists", "exists"), ("keys", "get_keys"), ("delete", "delete"))]
KEY_VALUE += [
    (post(f"/wasi/{operation}/default/k", SECRET), [kv("open", "wasi") | {"attributes": {"name": "default", "kv.backend": "spin"}}, call])
    for operation, call in (
        ("set", kv("set", "wasi")), ("get", kv("get", "wasi")), ("exists", kv("exists", "wasi")), ("keys", kv("list_keys", "wasi")),
        ("delete", kv("delete", "wasi")), ("increment", kv("increment")), ("get-many", kv("get_many")), ("set-many", kv("set_many")),
        ("delete-many", kv("delete_many")))]
KEY_VALUE += [(post("/v2/get/other/k"), [span("spin_key_value.open", CLIENT, "permission-denied", name="other", kv__backend="unknown")])]


def sql(statement: str, failed: str = "") -> dict:
    return span("spin_sqlite.execute", CLIENT, failed, db__system__name="sqlite", query=statement, sqlite__backend="spin")


OPEN_SQL = span("spin_sqlite.open", db__system__name="sqlite", database="default", sqlite__backend="spin")
SQLITE = [
    (post(f"/{version}/default", "CREATE TABLE IF NOT EXISTS t(x)", f"({SECRET})INSERT INTO t VALUES(?)", "SELECT nope"),
     [OPEN_SQL, sql("CREATE TABLE IF NOT EXISTS t(x)"), sql("INSERT INTO t VALUES(?)"), sql("SELECT nope", "invalid-input")])
    for version in ("v1", "v2", "v3")]
SQLITE += [(post("/v2/other", "SELECT 1"), [span("spin_sqlite.open", CLIENT, "permission-denied", db__system__name="sqlite", database="other")])]


def variable(key: str, failed: str = "") -> dict:
    return span("spin_variables.get", CLIENT, failed, key=key)


VARIABLES = [
    (get("/spin/v"), [variable("v")]), (get("/spin/none"), [variable("none", "not-found")]),
    (get("/spin/A"), [variable("A", "invalid-input")]),
    (get("/config/v"), [span("spin_config.get", CLIENT, key="v"), variable("v")]),
    (get("/store/v"), [span("wasi_config.get", CLIENT, key="v"), variable("v")]),
    (get("/store/none"), [span("wasi_config.get", CLIENT, key="none"), variable("none", "not-found")]),
    (get("/all"), [span("wasi_config.get_all")])]


def command(name: str, failed: str = "", /, **more: object) -> dict:
    return span(name, CLIENT, failed, db__system__name="redis", **more)


REDIS_LINES = [f"set k {SECRET}", "get k", "incr n", "del n k", "sadd s a", "smembers s", "srem s a", f"publish c {SECRET}",
               f"execute SET e {SECRET}", "execute NOPE"]
REDIS_SPANS = [command("SET", key="k"), command("GET", key="k"), command("INCRBY", key="n"), command("DEL", keys=["n", "k"]),
               command("SADD", key="s"), command("SMEMBERS", key="s"), command("SREM", key="s"), command("PUBLISH", channel="c"),
               command("SET", command="SET"), command("NOPE", "invalid-input", command="NOPE")]


def opened_redis(port: object, host: str = "127.0.0.1", failed: str = "") -> dict:
    where = {} if failed == "permission-denied" else {"server.address": host, "server.port": port, "db.namespace": 0}
    return command("spin_outbound_redis.open_connection", failed) | {"attributes": {"db.system.name": "redis"} | where}


def redis_cases(server) -> list:
    return [(post("/v2", server.address, *REDIS_LINES), [opened_redis(server.port), *REDIS_SPANS]),
            (post("/v1", server.address, *REDIS_LINES), REDIS_SPANS),
            (post("/v2", f"redis://:{SECRET}@127.0.0.1:1", "get k"), [opened_redis(1, "127.0.0.1", "unavailable")]),
            (post("/v2", f"redis://:{SECRET}@other:1", "get k"), [opened_redis(1, "127.0.0.1", "permission-denied")])]


def database(system: str, prefix: str, call: str, failed: str = "", /, **more: object) -> dict:
    return span(f"spin_outbound_{prefix}.{call}", CLIENT, failed, db__system__name=system, **more)


def database_cases(server, system: str, prefix: str, versions: tuple[str, str], address: str, scheme: str, name: str, mark: str,
                   insert: str = "query") -> list:
    """@param mark  how a statement's parameter is written; `versions`: the one with connections, and the one without"""
    executed = "!" if insert == "execute" else ""
    lines = ("!CREATE TABLE IF NOT EXISTS t(v text)", f"{executed}({SECRET})INSERT INTO t VALUES({mark})", "SELECT nope")

    def calls() -> list:
        return [database(system, prefix, "execute", statement="CREATE TABLE IF NOT EXISTS t(v text)"),
                database(system, prefix, insert, statement=f"INSERT INTO t VALUES({mark})"),
                database(system, prefix, "query", "invalid-input", statement="SELECT nope")]

    found = [(post(f"/{versions[0]}", address, *lines), [
        database(system, prefix, "open", server__address="127.0.0.1", server__port=server.port, db__namespace=name), *calls()])]
    if versions[1]:
        found += [(post(f"/{versions[1]}", address, *lines), calls())]
    return [*found, (post(f"/{versions[0]}", f"{scheme}://u:{SECRET}@127.0.0.1:1/{name}", "SELECT 1"), [
        database(system, prefix, "open", "unavailable", server__address="127.0.0.1", server__port=1, db__namespace=name)])]


def mqtt_cases(server) -> list:
    def published(topic: str, qos: str, failed: str = "") -> dict:
        return span("spin_outbound_mqtt.publish", PRODUCER, failed, topic=topic, qos=qos, messaging__operation="publish",
                    messaging__system="mqtt", messaging__destination__name=topic)

    opened = span("spin_outbound_mqtt.open_connection", address=server.address, keep_alive_interval=5)
    return [(post("/", f"{server.address}?client_id=x", "", "", f"0 a/b {SECRET}", "1 a/c x"),
             [opened, published("a/b", "at-most-once"), published("a/c", "at-least-once")])]


def check(found: dict, wanted: dict) -> None:
    attributes = otlp.attributes(found)
    failed = attributes.pop("error.type", "")
    attributes.pop("error.blame", None)
    assert (found["name"], found["kind"], failed) == (wanted["name"], wanted["kind"], wanted["failed"]), found
    assert found.get("status", {}).get("code", 0) == (2 if failed else 0), found
    assert attributes == wanted["attributes"], found


def of_calls(spans: list[dict]) -> list[dict]:
    """What is below the event's own spans, in order."""
    found = [each for each in spans if each["kind"] != 2 and not each["name"].startswith("execute_")]
    return sorted(found, key=lambda each: each["start"])


def run(folder, manifest: str, guests: dict, cases: list, arguments: tuple = (), program: str | None = None, files: dict = {}):
    """For each request the spans of its trace. @param program  another one than ours"""
    with otlp.Collector() as collector:
        case = twins.Case(manifest, [], arguments, {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url} | FAST, files)
        running = twins.Program(program or whorl.program(), twins.copy(folder, "spin" if program else "whorl", case, guests), case)
        try:
            assert running.port, running.errors.read_text()
            out, seen = [], 0
            for (method, path, body), wanted in cases:
                whorl.exchange(running.port, method, path, [], body)
                # The request's span is the last that ends: what is below it is there by then, or soon.
                many = seen + len(wanted) + 2
                spans = collector.spans(many)
                out.append(spans[seen:])
                seen = len(spans)
            before = len(collector.headers)
            metrics = collector.metrics(lambda found: "spin.request_count" in found and len(collector.headers) > before + 1)
            return out, metrics, running.errors.read_text()
        finally:
            running.close()


def check_all(folder, manifest: str, guest: str, cases: list, arguments: tuple = (), files: dict = {}) -> dict:
    traces, metrics, log = run(folder, manifest, {f"{guest}.wasm": whorl.guest(guest)}, cases, arguments, files=files)
    for spans, (request, wanted) in zip(traces, cases, strict=True):
        calls = of_calls(spans)
        assert [each["name"] for each in calls] == [each["name"] for each in wanted], (request, calls)
        (work,) = [each for each in spans if each["name"].startswith("execute_")]
        for found, expected in zip(calls, wanted, strict=True):
            check(found, expected)
            inner = found["name"] == "spin_variables.get" and calls[0] is not found
            assert found["parent"] == (calls[0] if inner else work)["span_id"], found
            assert found["trace_id"] == work["trace_id"] and work["start"] <= found["start"] <= found["end"] <= work["end"]
    assert SECRET not in repr(traces) and SECRET not in log
    return metrics


def keys_of(spans: list[dict]) -> list[tuple]:
    """What must be the same as Spin's."""
    return [(each["name"], each["kind"], each.get("status", {}).get("code", 0) == 2,
             {key for key in otlp.attributes(each) if not OF_SPINS_SOURCE.match(key)} - NOT_OURS) for each in of_calls(spans)]


def check_peer(folder, manifest: str, guest: str, cases: list, arguments: tuple = (), files: dict = {}) -> None:
    """Every span and attribute that Spin has, we have."""
    if not SPIN:
        pytest.skip("NO PEER: WHORL_PEER_SPIN names no program")
    wasm = componentize.guest(guest, folder)
    theirs, their_metrics, _ = run(folder, manifest, {f"{guest}.wasm": wasm}, cases, arguments, SPIN, files)
    ours, our_metrics, _ = run(folder, manifest, {f"{guest}.wasm": wasm}, cases, arguments, files=files)
    for request, one, other in zip(cases, ours, theirs, strict=True):
        for mine, its in zip(keys_of(one), keys_of(other), strict=True):
            # Spin does not call each refusal a failure.
            assert mine[:2] == its[:2] and mine[2] >= its[2] and its[3] <= mine[3], (request, its, mine)
    assert {name for name in their_metrics if name.startswith("spin.")} <= set(our_metrics)


GRANTS = 'allowed_outbound_hosts = ["{}://127.0.0.1:*"]'
LOCAL = {
    "key-value": ("stores", application("stores", 'key_value_stores = ["default"]'), KEY_VALUE),
    "sqlite": ("sql", application("sql", 'sqlite_databases = ["default"]'), SQLITE),
    "variables": ("variables", application("variables", 'variables = { v = "{{ plain }}" }',
                                           variables=f'[variables]\nplain = {{ default = "{SECRET}" }}\n'), VARIABLES),
}


@pytest.mark.parametrize("name", LOCAL)
def test_without_servers(name, tmp_path):
    guest, manifest, cases = LOCAL[name]
    check_all(tmp_path, manifest, guest, cases)


@pytest.mark.parametrize("name", LOCAL)
def test_without_servers_as_spin(name, tmp_path):
    guest, manifest, cases = LOCAL[name]
    check_peer(tmp_path, manifest, guest, cases)


@pytest.fixture(scope="module")
def redis():
    with real_servers.Redis() as server:
        yield server


@pytest.fixture(scope="module")
def mysql():
    with real_servers.MariaDb() as server:
        yield server


@pytest.fixture(scope="module")
def postgres():
    with real_servers.Postgres(password=SECRET) as server:
        yield server


@pytest.fixture(scope="module")
def broker():
    with real_servers.Mosquitto() as server:
        yield server


def mysql_cases(server) -> list:
    return database_cases(server, "mysql", "mysql", ("v2", "v1"), f"mysql://u:p@127.0.0.1:{server.port}/d", "mysql", "d", "?")


def postgres_cases(server, versions: tuple[str, str], insert: str = "query") -> list:
    address = f"postgres://postgres:{SECRET}@127.0.0.1:{server.port}/postgres?sslmode=disable"
    return database_cases(server, "postgresql", "pg", versions, address, "postgres", "postgres", "$1", insert)


def acquired(metrics: dict) -> dict[str, int]:
    """Places for connections by kind."""
    points = metrics["outbound_connection_permits_acquired"]["sum"]["points"]
    return {otlp.attributes(point)["kind"]: point["int"] for point in points if otlp.attributes(point)["waited"] is False}


def test_redis(redis, tmp_path):
    metrics = check_all(tmp_path, application("redis", GRANTS.format("redis")), "redis", redis_cases(redis))
    assert acquired(metrics)["redis"] >= 2
    (used,) = metrics["outbound_connection_factor_utilization"]["histogram"]["points"]
    assert (otlp.attributes(used), used["bounds"]) == ({"kind": "redis"}, [0.25, 0.5, 0.75, 0.9, 0.95, 0.99])


def test_redis_as_spin(redis, tmp_path):
    check_peer(tmp_path, application("redis", GRANTS.format("redis")), "redis", redis_cases(redis))


def test_mysql(mysql, tmp_path):
    metrics = check_all(tmp_path, application("mysql", GRANTS.format("mysql")), "mysql", mysql_cases(mysql))
    assert acquired(metrics)["mysql"] >= 2


def test_mysql_as_spin(mysql, tmp_path):
    check_peer(tmp_path, application("mysql", GRANTS.format("mysql")), "mysql", mysql_cases(mysql))


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_postgres(postgres, tmp_path, version):
    cases = postgres_cases(postgres, (version, ""))
    metrics = check_all(tmp_path, application("postgres", GRANTS.format("postgres")), "postgres", cases)
    assert acquired(metrics)["pg"] >= 1


@pytest.mark.parametrize("version", ["v2", "v4"])
def test_postgres_as_spin(postgres, tmp_path, version):
    # Spin's query waits for ever where a statement brings no rows (4.1).
    cases = postgres_cases(postgres, (version, ""), "execute")
    check_peer(tmp_path, application("postgres", GRANTS.format("postgres")), "postgres", cases)


def test_mqtt(broker, tmp_path):
    metrics = check_all(tmp_path, application("mqtt", GRANTS.format("mqtt")), "mqtt", mqtt_cases(broker))
    assert acquired(metrics)["mqtt"] >= 1


def test_mqtt_as_spin(broker, tmp_path):
    check_peer(tmp_path, application("mqtt", GRANTS.format("mqtt")), "mqtt", mqtt_cases(broker))


LLM = application("llm", 'ai_models = ["m", "all-minilm-l6-v2"]')
LLM_CASES = [
    (post("/v2/infer/m", SECRET), [span("spin_llm.infer", model="m", params=None, llm__backend="remote_http")]),
    (post("/v1/infer/m", SECRET), [span("spin_llm.infer", model="m", llm__backend="remote_http")]),
    (post("/v2/infer/other", SECRET), [span("spin_llm.infer", CLIENT, "invalid-input", model="other", params=None)]),
    (post("/v2/embed/m", SECRET), [span("spin_llm.generate_embeddings", model="m", llm__backend="remote_http")])]


def llm_config(models) -> tuple[tuple, dict]:
    return ("--runtime-config-file", "rc.toml"), {
        "rc.toml": f'[llm_compute]\ntype = "remote_http"\nurl = "{models.url}"\nauth_token = "{SECRET}"\n'}


def test_language_models(tmp_path):
    with services.Models(SECRET) as models:
        arguments, files = llm_config(models)
        traces, metrics, log = run(tmp_path, LLM, {"llm.wasm": whorl.guest("llm")}, LLM_CASES, arguments, files=files)
    for spans, (_, wanted) in zip(traces, LLM_CASES, strict=True):
        (call,) = of_calls(spans)
        given = otlp.attributes(call).get("params", "max-tokens: ")
        assert given.startswith("max-tokens: ")
        expected = wanted[0] | {"attributes": {key: value if value is not None else otlp.attributes(call)[key]
                                               for key, value in wanted[0]["attributes"].items()}}
        check(call, expected)
    assert SECRET not in repr(traces) and SECRET not in log
    (point,) = metrics["spin.llm_infer"]["sum"]["points"]
    assert (otlp.attributes(point), point["int"]) == ({"model_name": "m"}, 2)


def test_language_models_as_spin(tmp_path):
    with services.Models(SECRET) as models:
        arguments, files = llm_config(models)
        # The older interface's parameters are not given: Spin says so, we leave them out.
        check_peer(tmp_path, LLM, "llm", [case for case in LLM_CASES if case[0][1] != "/v1/infer/m"], arguments, files)


def test_commands_behind_http(tmp_path):
    """WAGI: Spin's name for the execution."""
    manifest = application("cgi", executor='executor = { type = "wagi" }\n')
    (spans, failed), _, _ = run(tmp_path, manifest, {"cgi.wasm": whorl.guest("cgi")}, [(get("/"), []), (get("/?trap"), [])])
    assert {each["name"] for each in spans} == {"GET /...", "execute_wagi_component one"}
    assert [each["status"]["code"] for each in failed if each["name"].startswith("execute_")] == [2]


MESSAGES = """spin_manifest_version = 2
[application]
name = "spans"
[application.trigger.redis]
address = "redis://127.0.0.1:{port}"
[[trigger.redis]]
channel = "jobs"
component = "worker"
[component.worker]
source = "worker.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{port}"]
environment = {{ ADDRESS = "redis://127.0.0.1:{port}" }}
"""


def messages(program: str, folder, redis, guest) -> tuple[list[dict], dict]:
    """The spans and metrics of two messages, of which the second fails."""
    folder.mkdir()
    (folder / "spin.toml").write_text(MESSAGES.format(port=redis.port))
    shutil.copy(guest, folder / "worker.wasm")
    with otlp.Collector() as collector:
        with subprocess.Popen([program, "up"], cwd=folder, env=os.environ | FAST | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            out = whorl.Output(process.stdout)
            try:
                assert out.wait_for(r"Active Channels on .*\n(\t.*\n)+", 60), out.text
                end = time.monotonic() + 20
                while redis.cli("PUBLISH", "jobs", "set o").strip() == "0" and time.monotonic() < end:
                    time.sleep(0.05)
                collector.spans(2)
                redis.cli("PUBLISH", "jobs", "fail")
                spans = collector.spans(3 if program != SPIN else 4)
                metrics = collector.metrics(lambda found: any(
                    point["int"] == 2 for point in found.get("spin.request_count", {"sum": {"points": []}})["sum"]["points"]))
                return spans, metrics
            finally:
                process.terminate()


def test_messages_of_redis(redis, tmp_path):
    spans, metrics = messages(whorl.program(), tmp_path / "whorl", redis, whorl.guest("inbound_redis"))
    received = sorted((each for each in spans if each["kind"] == CONSUMER), key=lambda each: each["start"])
    assert [each["name"] for each in received] == ["jobs receive"] * len(received) and received
    assert otlp.attributes(received[0]) == {"messaging.operation": "receive", "messaging.system": "redis",
                                            "messaging.destination.name": "jobs", "component_id": "worker"}
    calls = [each for each in spans if each["kind"] == CLIENT]
    assert {each["name"] for each in calls} <= {"SET", "INCRBY"} and calls
    assert all((each["parent"], each["trace_id"]) == (received[0]["span_id"], received[0]["trace_id"]) for each in calls)
    (point,) = metrics["spin.request_count"]["sum"]["points"]
    assert otlp.attributes(point)["trigger_type"] == "redis"


def test_messages_of_redis_as_spin(redis, tmp_path):
    if not SPIN:
        pytest.skip("NO PEER: WHORL_PEER_SPIN names no program")
    guest = componentize.guest("inbound_redis", tmp_path)
    theirs, their_metrics = messages(SPIN, tmp_path / "spin", redis, guest)
    ours, our_metrics = messages(whorl.program(), tmp_path / "whorl", redis, guest)

    def shape(spans: list[dict]) -> set[tuple]:
        names = {each["span_id"]: each["name"] for each in spans}
        return {(each["name"], each["kind"], names.get(each.get("parent"))) for each in spans}

    assert shape(ours) == shape(theirs)
    assert set(their_metrics) & {"spin.request_count"} <= set(our_metrics)
