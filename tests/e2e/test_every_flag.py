"""Each spelling of a flag and each variable of the environment is read where docs/flags.md says so: what they are given
wrong is told with their name. What they do when they are given right stands in the tests of what they do."""

import socket

import pytest
import whorl

MANIFEST = """[[trigger.http]]
route = "/..."
component = "hello"
[component.hello]
source = "hello.wasm"
[component.hello.build]
command = "true"
watch = ["x"]
"""
# Variable, flag: what is no value of either is told with the flag's name.
FLAGS = {
    "DISABLE_WASMTIME_CACHE": None,  # the flag has no value
    "SPIN_HTTP1_MAX_BUF_SIZE": "--http1-max-buf-size",
    "SPIN_MAX_INSTANCE_MEMORY": "--max-instance-memory",
    "WHORL_ACCESS_LOG_FORMAT": "--access-log-format",
    "WHORL_BODY_TIMEOUT": "--body-timeout",
    "WHORL_DRAIN_TIMEOUT": "--drain-timeout",
    "WHORL_HEADER_TIMEOUT": "--header-timeout",
    "WHORL_IDLE_TIMEOUT": "--idle-timeout",
    "WHORL_MAX_CLIENT_CONNECTIONS": "--max-client-connections",
    "WHORL_MAX_COMPONENT_INSTANCES": "--max-component-instances",
    "WHORL_MAX_CONNECTIONS": "--max-connections",
    "WHORL_MAX_QUEUED_REQUESTS": "--max-queued-requests",
    "WHORL_MAX_REQUEST_BODY": "--max-request-body",
    "WHORL_MAX_REQUEST_CPU": "--max-request-cpu",
    "WHORL_MAX_RESPONSE_DELAY": "--max-response-delay",
    "WHORL_METRICS_LISTEN": "--metrics-listen",
    "WHORL_MIN_BODY_RATE": "--min-body-rate",
    "WHORL_MIN_WRITE_RATE": "--min-write-rate",
    "WHORL_PROXY_PROTOCOL": "--proxy-protocol",
    "WHORL_RATE_GRACE": "--rate-grace",
    "WHORL_THREADS": "--threads",
    "WHORL_WRITE_TIMEOUT": "--write-timeout",
}
# What is wrong with `/nonsense/x` as the value of a variable that any text may be.
OTHER_VARIABLES = {
    "WASMTIME_CACHE_FILE": "failed to read config file: /nonsense/x",
    "RUNTIME_CONFIG_FILE": "failed to read runtime config file '/nonsense/x'",
    "SPIN_TLS_CERT": "--tls-key <TLS_KEY>",
    "SPIN_ALWAYS_BUILD": "invalid value '/nonsense/x' for '--build'",
    "WHORL_TLS_CLIENT_CA": "--tls-cert <TLS_CERT>",
    "WHORL_TAKEOVER": "unix:/nonsense/x",
}
COUNTS = ["SPIN_MAX_INSTANCE_COUNT", "SPIN_WASMTIME_INSTANCE_COUNT", "SPIN_WASMTIME_TOTAL_MEMORIES", "SPIN_WASMTIME_TOTAL_STACKS",
          "SPIN_WASMTIME_TOTAL_TABLES", "SPIN_WASMTIME_TOTAL_CORE_INSTANCES"]
WITHOUT_MEANING = """
    SPIN_WASMTIME_INSTANCE_TABLE_ELEMENTS SPIN_WASMTIME_INSTANCE_SIZE SPIN_WASMTIME_CORE_INSTANCE_SIZE
    SPIN_WASMTIME_CORE_INSTANCE_COUNT SPIN_WASMTIME_INSTANCE_TABLES SPIN_WASMTIME_INSTANCE_MEMORIES
    SPIN_WASMTIME_MAX_TABLES_PER_MODULE SPIN_WASMTIME_MAX_MEMORIES_PER_MODULE SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT
    SPIN_WASMTIME_TABLE_KEEP_RESIDENT
""".split()
SPELLINGS = [
    ("up --component-id nobody", 1, 'Specified component "nobody" not found in application'),
    ("up --log-dir", 2, "a value is required for '--log-dir <APP_LOG_DIR>'"),
    ("up --cache-dir", 1, "a value is required for '--cache-dir <CACHE_DIR>'"),
    ("up --cache nowhere", 1, "failed to read config file: nowhere"),
    ("build --component-id nobody", 1, "Unknown component(s) nobody"),
    ("build --from nowhere", 1, "No such file or directory 'nowhere'"),
    ("build --file nowhere", 1, "No such file or directory 'nowhere'"),
    ("build -f nowhere", 1, "No such file or directory 'nowhere'"),
    ("watch --from nowhere", 1, "No such file or directory 'nowhere'"),
    ("watch --file nowhere", 1, "No such file or directory 'nowhere'"),
    ("watch -f nowhere", 1, "No such file or directory 'nowhere'"),
    ("watch --profile nosuch", 1, "Profile nosuch is not defined in this application"),
    ("watch --debounce x", 2, "invalid value 'x' for '--debounce"),
    ("watch -d x", 2, "invalid value 'x' for '--debounce"),
    ("doctor --from nowhere", 1, "nowhere"),
    ("doctor --file nowhere", 1, "nowhere"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = whorl.manifest(tmp_path_factory.mktemp("app"), MANIFEST)
    (made / "hello.wasm").write_bytes(whorl.guest("hello").read_bytes())
    return made


def up(folder, *arguments, **environment):
    return whorl.run("up", *arguments, "--listen", "127.0.0.1:0", cwd=folder, env=environment)


@pytest.mark.parametrize("variable, flag", FLAGS.items())
def test_a_wrong_value_is_told_with_the_flag(folder, variable, flag):
    said = [up(folder, **{variable: "/nonsense/x"})]
    if flag:
        said.append(up(folder, flag, "/nonsense/x"))
    for ended in said:
        assert ended.returncode == 2
        assert f"invalid value '/nonsense/x' for '{flag or '--disable-cache'}" in ended.stderr


@pytest.mark.parametrize("variable, text", OTHER_VARIABLES.items())
def test_what_is_wrong_with_a_variable(folder, variable, text):
    ended = up(folder, **{variable: "/nonsense/x"})
    assert ended.returncode != 0 and text in ended.stderr


@pytest.mark.parametrize("variable", COUNTS)
def test_counts_of_the_engine(folder, variable):
    ended = up(folder, **{variable: "x"})
    assert ended.returncode != 0
    assert f"failed to parse env var `{variable}=x`: invalid digit found in string" in ended.stderr


@pytest.mark.parametrize("variable", WITHOUT_MEANING)
def test_variables_without_a_meaning_are_told(folder, variable):
    ended = up(folder, "--component-id", "nobody", **{variable: "1"})
    warning = f"the environment variable {variable} has no effect here"
    if warning not in ended.stderr:
        with whorl.Server.start("-f", folder, env={variable: "1"}) as server:
            assert server.get("/").status == 200
            assert warning in server.err.text


@pytest.mark.parametrize("line, code, text", SPELLINGS)
def test_spellings(folder, line, code, text):
    ended = whorl.run(*line.split(), cwd=folder)
    assert ended.returncode == code
    assert text in ended.stderr


def test_what_variables_do(folder, tmp_path):
    """Those whose effect no other test sees."""
    cache = tmp_path / "cache"
    environment = {"WHORL_MAX_REQUEST_BODY": "10", "WHORL_HEADER_TIMEOUT": "1s", "WHORL_CACHE_DIR": str(cache)}
    with whorl.Server.start("-f", folder, env=environment | {"DISABLE_WASMTIME_CACHE": "1"}) as server:
        assert server.post("/", b"x" * 11).status == 413
        with socket.create_connection(("127.0.0.1", server.port), timeout=whorl.IO_TIMEOUT_S) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\n")
            assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
    assert not cache.exists() or not any(path.is_file() for path in cache.rglob("*.code"))
    (tmp_path / "cache.toml").write_text(f'[cache]\nenabled = true\ndirectory = "{tmp_path / "code"}"\n')
    with whorl.Server.start("-f", folder, env={"WASMTIME_CACHE_FILE": str(tmp_path / "cache.toml")}) as server:
        assert server.get("/").status == 200
    assert any(path.is_file() for path in (tmp_path / "code").rglob("*"))
