"""The examples: one for each capability in each language. What is run is what their READMEs say, two commands, against
real servers; only ports and addresses are others, by the environment."""

import contextlib
import http.server
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
import real_servers
import services
import whorl

EXAMPLES = whorl.ROOT / "examples"
LANGUAGES = ("c", "javascript", "python", "rust")
CAPABILITIES = ("key-value", "sqlite", "redis", "postgres", "mysql", "mqtt", "outbound-http", "llm", "variables", "redis-trigger")
BUILD_TIMEOUT_S = 1800  # the first one of a language gets its tools


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the examples, with what they need of the rest of the tree beside it, and `whorl` as a command."""
    root = tmp_path_factory.mktemp("tree")
    shutil.copytree(EXAMPLES, root / "examples", ignore=shutil.ignore_patterns("*.wasm", ".spin"))
    for name in ("sdk", "tests", "wit"):
        (root / name).symlink_to(whorl.ROOT / name)
    (root / "bin").mkdir()
    (root / "bin" / "whorl").symlink_to(pathlib.Path(whorl.program()).resolve())
    return root


@contextlib.contextmanager
def outside(capability, folder):
    """The server that an example wants: (variables of the example, addresses of its README and what they are here, server)."""
    if capability in ("redis", "redis-trigger"):
        with real_servers.Redis() as server:
            yield {"server": f"127.0.0.1:{server.port}"}, {"redis-cli": f"redis-cli -p {server.port}"}, server
    elif capability == "postgres":
        with real_servers.Postgres() as server:
            yield {"server": f"127.0.0.1:{server.port}"}, {}, server
    elif capability == "mysql":
        with real_servers.MariaDb() as server:
            yield {"address": f"127.0.0.1:{server.port}", "user": "u:p", "database": "d"}, {}, server
    elif capability == "mqtt":
        with real_servers.Mosquitto() as server:
            yield {"server": f"127.0.0.1:{server.port}"}, {}, server
    elif capability == "outbound-http":
        (folder / "hello.txt").write_text("hello\n")
        handler = lambda *rest: http.server.SimpleHTTPRequestHandler(*rest, directory=folder)  # noqa: E731
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"127.0.0.1:{server.server_address[1]}"
            yield {"server": address}, {"127.0.0.1:8000": address}, server
            server.shutdown()
    elif capability == "llm":
        with services.Models("secret") as server:
            config = folder / "runtime-config.toml"
            config.write_text(config.read_text().replace("http://127.0.0.1:8080", server.url))
            yield {}, {}, server
    else:
        yield {}, {}, None


def commands_of(readme):
    """(first command, second command, what the second prints)"""
    block = re.search(r"^```\n\$ (.*)\n\$ (.*)\n((?:.*\n)*?)```", readme.read_text(), re.M)
    assert block, readme
    return block.groups()


def wait_for_redis(server, question, last_word, err):
    end = time.monotonic() + whorl.IO_TIMEOUT_S
    while server.cli(*question).split()[-1:] != [last_word]:
        assert time.monotonic() < end, err.text
        time.sleep(0.02)


def replaced(text, others):
    for here, there in others.items():
        text = text.replace(here, there)
    return text


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_example_does_what_its_readme_says(tree, language, capability):
    folder = tree / "examples" / language / capability
    up, ask, expected = commands_of(folder / "README.md")
    assert up.startswith(f"whorl up --build -f examples/{language}/{capability}")
    with outside(capability, folder) as (variables, others, server):
        port = real_servers.free_port()
        others = others | {"127.0.0.1:3000": f"127.0.0.1:{port}"}
        env = os.environ | {"PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "SPIN_HTTP_LISTEN_ADDR": f"127.0.0.1:{port}"}
        env |= {f"SPIN_VARIABLE_{name.upper()}": value for name, value in variables.items()}
        process = subprocess.Popen(["bash", "-c", f"exec {up}"], cwd=tree, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
        try:
            if not out.wait_for(r"Serving http|Active Channels on .*\n\t", BUILD_TIMEOUT_S):
                process.wait(20)
                if no_tool := re.search(r"NO TOOL: .*", err.text + out.text):
                    pytest.skip(f"{language}: {no_tool[0]}")
                raise AssertionError(out.text + err.text)
            if capability == "redis-trigger":  # its channels are named before the server has heard of them
                wait_for_redis(server, ("PUBSUB", "NUMSUB", "jobs"), "1", err)
            answer = subprocess.run(["bash", "-c", replaced(ask, others)],
                                    cwd=tree, capture_output=True, text=True, timeout=60)
            assert answer.returncode == 0, answer.stderr + err.text
            assert answer.stdout == replaced(expected, others), err.text
            if capability == "redis-trigger":
                wait_for_redis(server, ("GET", "handled"), "1", err)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
