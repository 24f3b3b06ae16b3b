"""The first start of a big guest: quick code answers while the optimised code is being made."""

import collections
import pathlib
import re
import shutil
import threading
import time

import pytest
import whorl

GUEST = whorl.ROOT.parent / "shared" / "guests" / "js-componentize-p2.wasm"
ANSWER = b"Hello from componentize-js"
QUICK = r"code that was compiled quickly answers"
OPTIMISED = r"optimised code, made in [0-9.]+ s, answers from now on"
SLOW_S = 240

pytestmark = pytest.mark.skipif(not GUEST.exists(), reason="the shared guests are not here")


def start(cache: pathlib.Path, *options: str, level: str = "info") -> whorl.Server:
    environment = {"WHORL_CACHE_DIR": str(cache), "RUST_LOG": f"whorl={level}"}
    return whorl.Server.start("-f", GUEST, *options, env=environment, timeout=SLOW_S)


def files(cache: pathlib.Path, suffix: str) -> int:
    return len(list(cache.rglob(f"*{suffix}")))


def big_code(cache: pathlib.Path) -> int:
    return len([file for file in cache.rglob("*.code") if file.stat().st_size > 1 << 20])


class Load:
    """Clients that ask without pause and count what they get."""

    def __init__(self, server: whorl.Server, clients: int = 4):
        self.answers: collections.Counter = collections.Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(server,)) for _ in range(clients)]

    def _ask(self, server: whorl.Server) -> None:
        with server.connect(timeout=SLOW_S) as connection:
            while not self._stop.is_set():
                connection.request("GET", "/")
                answer = connection.response()
                with self._lock:
                    self.answers[(answer.status, answer.body)] += 1

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self) -> int:
        with self._lock:
            return sum(self.answers.values())

    def wait_for_more(self, more: int) -> None:
        goal = self.count() + more
        while self.count() < goal:
            time.sleep(0.01)


@pytest.fixture(scope="module")
def warm(tmp_path_factory) -> pathlib.Path:
    """A cache that a cold start has filled; the test of that start is part of making it."""
    cache = tmp_path_factory.mktemp("cache")
    with start(cache, "--threads", "2") as server:
        with Load(server) as load:
            load.wait_for_more(20)
            # The first answers are there while the optimised code is not.
            assert server.err.wait_for(QUICK)
            assert "optimised code, made" not in server.err.text
            assert big_code(cache) == 0
            assert server.err.wait_for(OPTIMISED, SLOW_S)
            load.wait_for_more(200)
        assert set(load.answers) == {(200, ANSWER)}
        assert server.get("/").body == ANSWER
    assert big_code(cache) > 0
    return cache


def test_quick_code_answers_until_the_optimised_takes_over_without_a_failed_request(warm):
    assert files(warm, ".functions") == 1


def test_the_next_start_has_the_optimised_code(warm):
    with start(warm) as server:
        assert server.get("/").body == ANSWER
        assert "quickly" not in server.err.text


def test_the_next_build_compiles_only_what_differs(warm, tmp_path):
    cache = shutil.copytree(warm, tmp_path / "cache")
    text = b"Hello from the next build!"
    assert len(text) == len(ANSWER)
    (tmp_path / "next.wasm").write_bytes(GUEST.read_bytes().replace(ANSWER, text))
    environment = {"WHORL_CACHE_DIR": str(cache), "RUST_LOG": "whorl=info"}
    with whorl.Server.start("-f", tmp_path / "next.wasm", env=environment, timeout=SLOW_S) as server:
        assert server.get("/").body == text
        assert "quickly" not in server.err.text
    packs = sorted(file.stat().st_size for file in cache.rglob("*.functions"))
    # Nothing of it, or the little that belongs to no function of the module.
    assert len(packs) == 1 or (len(packs) == 2 and packs[0] * 100 < packs[1])


def test_nothing_is_said_to_who_did_not_ask(tmp_path):
    with start(tmp_path, "--quiet", level="warn") as server:
        assert server.get("/").body == ANSWER
        assert server.err.text == ""
        assert server.stop() == 0
    assert big_code(tmp_path) == 0, "stopping does not wait for the compiler"


def test_code_can_be_compiled_ahead(tmp_path):
    environment = {"WHORL_CACHE_DIR": str(tmp_path / "cache")}
    (tmp_path / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
    text = (
        '[[trigger.http]]\nroute = "/..."\ncomponent = "app"\n'
        f'[component.app]\nsource = "{GUEST}"\n'
        '[[trigger.http]]\nroute = "/c/..."\ncomponent = "c"\n[component.c]\nsource = "multi.wasm"\n'
    )
    folder = whorl.manifest(tmp_path, text)
    ran = whorl.run("up", "-f", folder, "--precompile", env=environment, timeout=SLOW_S)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [re.sub(r"[0-9.]+ s", "N s", line) for line in ran.stdout.splitlines()]
    assert lines == ["Precompiled app in N s", "Precompiled c in N s"]
    compiled = files(tmp_path, ".code")
    assert compiled >= 2
    with whorl.Server.start("-f", folder, env=environment | {"RUST_LOG": "whorl=info"}) as server:
        assert server.get("/").body == ANSWER
        assert "quickly" not in server.err.text
    assert files(tmp_path, ".code") == compiled


def test_compiling_ahead_says_why_it_cannot(tmp_path):
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\x0d\0\x01\0\x63")
    ran = whorl.run("up", "-f", tmp_path / "bad.wasm", "--precompile", env={"WHORL_CACHE_DIR": str(tmp_path / "cache")})
    assert ran.returncode == 1
    assert "bad" in ran.stderr
    ran = whorl.run("up", "-f", tmp_path / "bad.wasm", "--precompile", "--disable-cache")
    assert ran.returncode == 2
    assert "'--precompile' cannot be used with '--disable-cache'" in ran.stderr


@pytest.mark.parametrize("guest, answer", [("js-qjs-p3", b"hello p3 from JS\n"), ("py-spin3-p2", None)])
def test_quick_code_of_an_interpreter_has_the_stack_it_needs(guest, answer, tmp_path):
    """Frames of quick code are many times as large: with 512 KiB these ended as by a recursion without end."""
    environment = {"WHORL_CACHE_DIR": str(tmp_path), "RUST_LOG": "whorl=info"}
    with whorl.Server.start("-f", GUEST.with_name(f"{guest}.wasm"), env=environment, timeout=SLOW_S) as server:
        response = server.get("/", timeout=SLOW_S)
        assert "stack overflow" not in server.err.text
        assert response.status == 200
        assert answer in (None, response.body)
        assert re.search(QUICK, server.err.text), server.err.text
