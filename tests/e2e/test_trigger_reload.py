"""Replacing an application that has triggers of plugins: what is ours swaps in place, a plugin is started anew where
its part has changed, and a version that cannot run leaves the last one as it was."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
import whorl

# Leaves a line for each start: its id, and its components' environments. Fails where one says so. Says when it is told to end.
PLUGIN = """#!/usr/bin/python3
import json, os, signal, sys
if "--launch-metadata-only" in sys.argv:
    print(json.dumps({"all_flags": [{"long": "--test"}]}), file=sys.stderr)
    sys.exit(0)
lock = json.load(open(os.environ["SPIN_LOCKED_URL"].removeprefix("file://")))
own = {trigger["trigger_config"]["component"] for trigger in lock["triggers"] if trigger["trigger_type"] == "timer"}
seen = {each["id"]: each.get("env", {}) for each in lock["components"] if each["id"] in own}
files = [open(os.path.join(each["files"][0]["source"].removeprefix("file://"), "a.txt")).read()
         for each in lock["components"] if each["id"] in own and "files" in each]
def leave(*_):
    note({"ended": os.getpid()})
    sys.exit(0)
def note(what):
    with open(os.environ["RECORD"], "a") as record:
        record.write(json.dumps(what) + "\\n")
signal.signal(signal.SIGTERM, leave)
note({"pid": os.getpid(), "seen": seen, "files": files})
if any(each.get("FAILS") for each in seen.values()):
    sys.exit(5)
while True:
    signal.pause()
"""
TIMER = '[[trigger.timer]]\ncomponent = "tick"\n'
HTTP = '[[trigger.http]]\nroute = "/..."\ncomponent = "multi"\n'


def components(web: str, tick: str, more: str = "") -> str:
    return (f'[component.multi]\nsource = "multi.wasm"\nenvironment = {{ GREETING = "{web}" }}\n'
            f'[component.tick]\nsource = "tick.wasm"\nfiles = ["a.txt"]\nenvironment = {{ STEP = "{tick}"{more} }}\n')


class World:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.record = folder, folder / "record.jsonl"
        plugin = folder / "data" / "plugins" / "trigger-timer" / "trigger-timer"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(PLUGIN)
        plugin.chmod(0o755)
        self.app = folder / "app"
        self.app.mkdir()
        (self.app / "multi.wasm").write_bytes(whorl.guest("multi").read_bytes())
        (self.app / "tick.wasm").write_bytes(whorl.guest("hello").read_bytes())
        (self.app / "a.txt").write_text("one")
        self.env = {"SPIN_DATA_DIR": str(folder / "data"), "RECORD": str(self.record)}

    def write(self, text: str) -> None:
        """As editors do: a new file, renamed over the old one."""
        whorl.manifest(self.folder / "new", text)
        os.rename(self.folder / "new" / "spin.toml", self.app / "spin.toml")

    def notes(self, key: str) -> list[dict]:
        if not self.record.exists():
            return []
        return [note for note in map(json.loads, self.record.read_text().splitlines()) if key in note]

    def starts(self, count: int) -> list[dict]:
        """All starts of the plugin, when there have been that many."""
        return wait(lambda: self.notes("pid") if len(self.notes("pid")) >= count else None)

    def serve(self) -> whorl.Server:
        return whorl.Server.start("-f", self.app, env=self.env, preexec=os.setsid)


def wait(ask):
    deadline = time.monotonic() + whorl.IO_TIMEOUT_S
    while (found := ask()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def greeting(server: whorl.Server) -> str:
    return server.get("/env").body.decode().splitlines()[0].removeprefix("GREETING=")


def reload(server: whorl.Server, said: str) -> None:
    """Asks for the version on disk and waits until that was said once more."""
    before = server.err.text.count(said)
    server.process.send_signal(signal.SIGHUP)
    wait(lambda: True if server.err.text.count(said) > before else None)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.write(TIMER + HTTP + components("a", "1"))
    return world


RELOADED = "Reloaded the application."
KEPT = "could not be reloaded"


def test_only_what_has_changed_is_started_anew(world):
    with world.serve() as server:
        first = world.starts(1)[0]
        world.write(TIMER + HTTP + components("b", "1"))
        reload(server, RELOADED)
        assert greeting(server) == "b"
        assert [note["pid"] for note in world.notes("pid")] == [first["pid"]]
        world.write(TIMER + HTTP + components("b", "2"))
        reload(server, RELOADED)
        second = world.starts(2)[1]
        assert second["seen"] == {"tick": {"STEP": "2"}}
        assert [note["ended"] for note in world.notes("ended")] == [first["pid"]]  # gracefully
        assert greeting(server) == "b"
        assert server.stop() == 0
    assert len(world.notes("ended")) == 2


@pytest.mark.parametrize("name, content", [("a.txt", b"two"), ("tick.wasm", None)])
def test_contents_of_files_count(world, name, content):
    with world.serve() as server:
        world.starts(1)
        (world.app / name).write_bytes(content or whorl.guest("echo").read_bytes())
        reload(server, RELOADED)
        assert world.starts(2)[1]["files"] == ["two" if content else "one"]
        assert greeting(server) == "a"


def test_a_plugin_that_fails_brings_the_last_version_back(world):
    with world.serve() as server:
        world.starts(1)
        world.write(TIMER + HTTP + components("b", "2", ', FAILS = "yes"'))
        reload(server, KEPT)
        assert "the 'timer' trigger ended with exit code 5 as soon as it was started" in server.err.text
        last = world.starts(3)[2]
        assert last["seen"] == {"tick": {"STEP": "1"}} and last["files"] == ["one"]
        assert greeting(server) == "a"
        world.write(TIMER + HTTP + components("c", "3"))
        reload(server, RELOADED)
        assert world.starts(4)[3]["seen"] == {"tick": {"STEP": "3"}}
        assert greeting(server) == "c"


@pytest.mark.parametrize("text", ["[[trigger.", TIMER.replace("timer", "none") + HTTP + components("b", "2"),
                                  TIMER + HTTP + components("b", "2").replace("tick.wasm", "none.wasm")])
def test_what_cannot_be_loaded_changes_nothing(world, text):
    with world.serve() as server:
        world.starts(1)
        world.write(text)
        reload(server, KEPT)
        assert greeting(server) == "a"
        assert len(world.notes("pid")) == 1


def test_types_of_triggers_come_and_go(world):
    with world.serve() as server:
        first = world.starts(1)[0]
        world.write(HTTP + components("b", "1"))
        reload(server, RELOADED)
        assert [note["ended"] for note in world.notes("ended")] == [first["pid"]]
        assert greeting(server) == "b"
        world.write(TIMER + HTTP + components("b", "1"))
        reload(server, RELOADED)
        world.starts(2)
        assert greeting(server) == "b"


def test_requests_never_fail_meanwhile(world):
    count = int(os.environ.get("WHORL_RELOADS", "8"))
    from test_reload import Load
    with world.serve() as server, Load(server) as load:
        world.starts(1)
        for generation in range(1, count + 1):
            world.write(TIMER + HTTP + components(str(generation), "1"))
            reload(server, RELOADED)
            assert greeting(server) == str(generation)
        assert not load.failures
        assert load.answers > count
    assert len(world.notes("pid")) == 1


def test_watch(world):
    world.write(TIMER + components("a", "1"))
    process = subprocess.Popen([whorl.program(), "watch", "-f", world.app, "--skip-build", "--test"], cwd=world.folder,
                               env=os.environ | world.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=os.setsid)
    err = whorl.Output(process.stderr)
    try:
        assert world.starts(1)[0]["seen"] == {"tick": {"STEP": "1"}}
        world.write(TIMER + components("a", "2"))
        assert world.starts(2)[1]["seen"] == {"tick": {"STEP": "2"}}
        assert err.wait_for(RELOADED)
        world.write(TIMER + components("a", "3", ', FAILS = "yes"'))
        assert world.starts(4)[3]["seen"] == {"tick": {"STEP": "2"}}
        assert err.wait_for("as soon as it was started")
        world.write(TIMER + components("a", "4"))
        assert world.starts(5)[4]["seen"] == {"tick": {"STEP": "4"}}
    finally:
        process.terminate()
        assert process.wait(20) == 0
