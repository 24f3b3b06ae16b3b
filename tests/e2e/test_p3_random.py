"""Guests of WASI 0.3 that call everything there is at random, in sequences that make sense most of the time.

A guest does what a script in its request's path says (tests/support/random_scripts.py); clients and servers behave at
random too. Whatever it is, the program goes on, others are answered, and nothing is left behind.

WHORL_RANDOM_SCRIPTS says how many scripts are run, WHORL_RANDOM_SEED of which seed: it is printed. Each script is made
of the seed and its number alone, but for the ports that it names.
"""

import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import time

import p3_guests
import pytest
import random_clients
import random_guest
import random_scripts
import random_values
import whorl

SCRIPTS = int(os.environ.get("WHORL_RANDOM_SCRIPTS", "1000"))
SEED = os.environ.get("WHORL_RANDOM_SEED") or str(random.SystemRandom().randrange(1 << 32))
BATCH = 250
AT_ONCE = 24
# Connections that are kept for the next request, logs that were opened.
KEPT_OPEN = 40
# The handler of the last one is a middleware before another guest of the same sort: handles go from one to the other.
KINDS = {"stackful": (), "callback": ("CALLBACK",), "middle": ()}
GRANTS = ["*://127.0.0.1:*", "*://localhost:*", "http://*.spin.internal", "http://self"]
FLAGS = ["--max-response-delay", "1s", "--request-timeout", "1s", "--max-request-cpu", "300ms", "--body-timeout", "1s",
         "--max-instance-memory", str(32 << 20), "--quiet", "--allow-transient-write"]
# What would be in the log of a program that did not expect this.
UNEXPECTED = re.compile("Sanitizer|runtime error|internal error|CHECK failed")


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    """By the kind of the guest."""
    if not (pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools").exists():
        pytest.skip("NO TOOL: wasm-tools, see tests/guests/p3/README.md")
    folder = tmp_path_factory.mktemp("random")
    plain, middleware = (random_guest.Imports(folder / str(each), each) for each in (False, True))
    return {"stackful": plain, "callback": plain, "middle": middleware}


@pytest.fixture(scope="module")
def folder(imports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    (folder / "files" / "d0").mkdir(parents=True)
    for name in ("f0", "f1", "d0/f"):
        (folder / "files" / name).write_bytes(bytes(5000))
    shutil.copy(whorl.guest("hello"), folder / "hello.wasm")
    text = '[[trigger.http]]\nroute = "/hello"\ncomponent = "hello"\n[component.hello]\nsource = "hello.wasm"\n'
    for kind, defines in KINDS.items():
        imports[kind].build(folder / f"{kind}.wasm", *defines)
        text += f'[[trigger.http]]\nroute = "/{kind}/..."\ncomponent = "{kind}"\n'
        text += 'dependencies.middleware = [{ path = "middle.wasm" }]\n' if kind == "middle" else ""
        text += f'[component.{kind}]\nsource = "{"callback" if kind == "middle" else kind}.wasm"\n'
        text += f'files = [{{ source = "files", destination = "/" }}]\nallowed_outbound_hosts = {GRANTS}\n'.replace("'", '"')
    return whorl.manifest(folder, text)


@pytest.fixture
def peer():
    running = random_clients.Peer(SEED)
    yield running
    running.close()


def surroundings(server, peer) -> random_values.Surroundings:
    plain = f"127.0.0.1:{peer.ports[0]}"
    inside = [f"{each}.spin.internal" for each in (*KINDS, "hello")]
    return random_values.Surroundings(
        (plain, plain, plain, f"127.0.0.1:{server.port}", *inside, "127.0.0.1:1", "bad host"), (*peer.ports, server.port, 1),
        tuple(f"/{kind}/" for kind in KINDS), ("/hello", "/x", "/hello?a=b", "bad path"))


def run(server, peer, imports, numbers) -> collections.Counter:
    """Asks for scripts of these numbers, many at once; how often each status came."""
    around = surroundings(server, peer)
    hosts = (f"127.0.0.1:{peer.ports[0]}", "127.0.0.1:1")

    def ask(number: int) -> bytes:
        kind = list(KINDS)[number % len(KINDS)]
        seed = f"{SEED}/{number}"
        script = random_scripts.Writer(imports[kind], around, seed, kind == "callback").write()
        path = f"/{kind}/{script.encode()}"
        try:
            return random_clients.ask(server.port, path, f"{seed}/client", 30, hosts)[9:12]
        except OSError as wrong:
            raise AssertionError(f"seed {SEED}, script {number}: {wrong}\n{server.err.text[-3000:]}") from wrong

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
        return collections.Counter(threads.map(ask, numbers))


def settled(server, most: int) -> int:
    """Open files once they are no more than that, or after ten seconds."""
    end = time.monotonic() + 10
    while (held := server.open_files()) > most and time.monotonic() < end:
        time.sleep(0.02)
    return held


def test_no_sequence_harms_the_host(folder, peer, imports):
    print(f"WHORL_RANDOM_SEED={SEED} WHORL_RANDOM_SCRIPTS={SCRIPTS}")
    statuses: collections.Counter = collections.Counter()
    with whorl.Server.start("-f", folder, *FLAGS) as server:
        assert server.get("/hello").status == 200
        most = server.open_files() + KEPT_OPEN
        for first in range(0, SCRIPTS, BATCH):
            statuses += run(server, peer, imports, range(first, min(first + BATCH, SCRIPTS)))
            assert server.get("/hello").status == 200, f"seed {SEED}, up to {first + BATCH}: {server.err.text[-3000:]}"
        print(dict(statuses))
        assert settled(server, most) <= most, f"seed {SEED}"
        assert server.stop() == 0, f"seed {SEED}: {server.err.text[-3000:]}"
        assert not UNEXPECTED.search(server.err.text), f"seed {SEED}: {server.err.text[-3000:]}"
    # Scripts that do nothing of use would harm nobody.
    assert statuses[b"200"] > SCRIPTS / 200
