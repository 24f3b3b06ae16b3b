"""Triggers in processes of their own, under Spin's contract: plugins that `up` starts, and `trigger` run by
somebody else's `up`."""

import json
import os
import pathlib
import select
import signal
import subprocess
import time
import urllib.parse

import pytest
import whorl

# What it was given, as JSON in the file RECORD; then it ends, or waits to be told to.
PLUGIN = """#!/usr/bin/python3
import json, os, signal, sys
if "--help-args-only" in sys.argv:
    print("      --test  For tests,", os.environ.get("SPIN_PLUGINS_SUPPRESS_COMPATIBILITY_WARNINGS"))
    sys.exit(0)
if "--launch-metadata-only" in sys.argv:
    print(json.dumps({"all_flags": [{"long": "--test"}, {"short": "-q", "long": "--quiet"}]}), file=sys.stderr)
    sys.exit(0)
names = ("SPIN_LOCKED_URL", "SPIN_WORKING_DIR", "SPIN_LOCAL_APP_DIR", "SPIN_VERSION_MAJOR", "SPIN_BIN_PATH", "SPIN_COMMIT_SHA",
         "SPIN_COMMIT_DATE")
record = {"arguments": sys.argv[1:], **{name: os.environ.get(name) for name in names}}
record["lock"] = json.load(open(record["SPIN_LOCKED_URL"].removeprefix("file://")))
open(os.environ["RECORD"] + ".new", "w").write(json.dumps(record))
os.rename(os.environ["RECORD"] + ".new", os.environ["RECORD"])
if "--test" in sys.argv:
    sys.exit(int(os.environ.get("CODE", "0")))
signal.pause()
"""
TIMER = '[[trigger.timer]]\ninterval = 1\ncomponent = "hello"\n'
HTTP = '[[trigger.http]]\nroute = "/..."\ncomponent = "hello"\n'
HELLO = '[component.hello]\nsource = "hello.wasm"\nfiles = ["a.txt"]\n'


@pytest.fixture
def world(tmp_path):
    """The environment with the plugin installed, and where it leaves its record."""
    folder = tmp_path / "data" / "plugins" / "trigger-timer"
    folder.mkdir(parents=True)
    (folder / "trigger-timer").write_text(PLUGIN)
    (folder / "trigger-timer").chmod(0o755)
    return {"SPIN_DATA_DIR": str(tmp_path / "data"), "RECORD": str(tmp_path / "record.json")}


@pytest.fixture
def made(app, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    return lambda text: app(text + HELLO, "hello")


def record(world) -> dict:
    return json.loads(pathlib.Path(world["RECORD"]).read_text())


def wait_for_record(world) -> dict:
    """For a plugin that runs beside others."""
    deadline = time.monotonic() + whorl.IO_TIMEOUT_S
    while not os.path.exists(world["RECORD"]):
        assert time.monotonic() < deadline
        select.select([], [], [], 0.02)
    return record(world)


def test_a_plugin_gets_the_lock_and_the_arguments(made, world):
    folder = made(TIMER)
    ended = whorl.run("up", "-f", folder, "-e", "A=b", "--test", "--custom", "x", env=world)
    assert (ended.returncode, ended.stderr) == (0, "")
    given = record(world)
    assert given["arguments"] == ["--test", "--custom", "x"]
    assert given["SPIN_LOCAL_APP_DIR"] == str(folder)
    assert given["SPIN_VERSION_MAJOR"] == "4"
    assert given["SPIN_COMMIT_SHA"] and given["SPIN_COMMIT_DATE"]
    assert os.path.samefile(given["SPIN_BIN_PATH"], whorl.program())
    assert given["SPIN_LOCKED_URL"] == "file://" + urllib.parse.quote(given["SPIN_WORKING_DIR"] + "/spin.lock")
    component = given["lock"]["components"][0]
    assert component["env"] == {"A": "b"}
    assert given["lock"]["triggers"][0]["trigger_type"] == "timer"
    assert not os.path.exists(given["SPIN_WORKING_DIR"])  # a temporary one goes with the program


def test_a_plugin_is_asked_to_compose(made, world):
    """What Spin's `registry push --compose` asks of a trigger: by `up` as well as by the plugin's own name."""
    arguments = ["--precompose-only", "--precompose-component-id", "hello", "--test"]
    assert whorl.run("up", "-f", made(TIMER), *arguments, env=world).returncode == 0
    assert record(world)["arguments"] == arguments
    contract = {name: record(world)[name] for name in ("SPIN_WORKING_DIR", "SPIN_LOCAL_APP_DIR")}
    lock = pathlib.Path(world["RECORD"]).with_name("spin.lock")
    lock.write_text(json.dumps(record(world)["lock"]))
    ended = whorl.run("trigger-timer", *arguments[:3], "--test", env=world | contract | {"SPIN_LOCKED_URL": f"file://{lock}"})
    assert (ended.returncode, record(world)["arguments"]) == (0, arguments)


def test_copies_of_files_are_there_for_the_plugin(made, world, tmp_path):
    assert whorl.run("up", "-f", made(TIMER), "--temp", tmp_path / "t", "--test", env=world).returncode == 0
    files = record(world)["lock"]["components"][0]["files"]
    assert (pathlib.Path(files[0]["source"].removeprefix("file://")) / "a.txt").read_text() == "a"


def test_the_exit_code_is_the_plugins(made, world):
    ended = whorl.run("up", "-f", made(TIMER), "--test", env=world | {"CODE": "7"})
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "", "")


def test_help_has_the_plugins_flags(made, world):
    ended = whorl.run("up", "-f", made(TIMER), "--help", env=world)
    assert ended.returncode == 0
    assert "--from <APPLICATION>" in ended.stdout
    assert "--test  For tests, 1" in ended.stdout
    assert "--listen" not in ended.stdout


REDIS = '[[trigger.redis]]\naddress = "redis://127.0.0.1:1"\nchannel = "c"\ncomponent = "hello"\n'


@pytest.mark.parametrize("text, title", [(HTTP + REDIS, "Trigger Options:"), (REDIS, "Redis Trigger Options:"), (HTTP + TIMER, "Trigger Options:"),
                                         (HTTP, "HTTP Trigger Options:")])
def test_help_has_what_all_triggers_have(made, world, text, title):
    lines = whorl.run("up", "-f", made(text), "--help", env=world).stdout.splitlines()
    assert title in lines
    assert ("      --listen <ADDRESS>" in lines) == (title == "HTTP Trigger Options:")
    assert "      --truncate-logs" in lines
    if os.environ.get("WHORL_PEER_SPIN") and "timer" not in text:
        theirs = subprocess.run([os.environ["WHORL_PEER_SPIN"], "up", "-f", made(text), "--help"], capture_output=True, text=True)
        assert title in theirs.stdout.splitlines()


def test_two_types_each_with_its_flags(made, world):
    with whorl.Server.start("-f", made(TIMER + HTTP), "-q", env=world) as server:
        assert server.get("/").status == 200
        assert wait_for_record(world)["arguments"] == ["-q"]
        assert server.stop(signal.SIGTERM) == 0
        with pytest.raises(OSError):
            server.connect()


def test_one_that_fails_ends_the_others(made, world):
    ended = whorl.run("up", "-f", made(TIMER + HTTP), "--test", "--listen", "127.0.0.1:0", env=world | {"CODE": "3"})
    assert ended.returncode == 3
    assert "A trigger exited unexpectedly. Terminating.\n" in ended.stdout


def test_an_argument_that_nobody_takes(made, world):
    ended = whorl.run("up", "-f", made(TIMER + HTTP), "--bogus", env=world)
    assert (ended.returncode, ended.stderr) == (1, 'Error: Unrecognised trigger option "--bogus"\n')


def test_what_is_not_installed(made, world, tmp_path):
    text = TIMER.replace("timer", "cron")
    message = "No built-in trigger named 'cron', {}\n"
    ended = whorl.run("up", "-f", made(text), env=world)
    assert ended.returncode == 1
    assert message.format("and no plugin named 'trigger-cron' was found") in ended.stderr
    entry = tmp_path / "data/plugins/.spin-plugins/manifests/trigger-cron/trigger-cron.json"
    entry.parent.mkdir(parents=True)
    entry.write_text("{}")
    ended = whorl.run("up", "-f", made(text), env=world)
    assert message.format("but plugin 'trigger-cron' is available to install") in ended.stderr
    installed = tmp_path / "data/plugins/manifests/trigger-cron.json"
    installed.parent.mkdir(parents=True)
    installed.write_text("{}")
    assert "plugin executable" in whorl.run("up", "-f", made(text), env=world).stderr


def lock_of(folder) -> str:
    return whorl.run("maintenance", "generate-lock", "-f", folder / "spin.toml").stdout


@pytest.fixture
def contract(made, tmp_path):
    """The environment of a trigger process for an application that has triggers of two types."""
    folder = made(TIMER + HTTP)
    work = tmp_path / "work"
    work.mkdir()
    (work / "spin.lock").write_text(lock_of(folder))
    return {
        "SPIN_LOCKED_URL": f"file://{work}/spin.lock",
        "SPIN_WORKING_DIR": str(work),
        "SPIN_LOCAL_APP_DIR": str(folder),
    }


def start_trigger(*arguments: str, env: dict[str, str]) -> whorl.Server:
    process = subprocess.Popen(
        [whorl.program(), "trigger", "http", "--listen", "127.0.0.1:0", *arguments],
        env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
    match = out.wait_for(r"Serving http://127\.0\.0\.1:(\d+)\n")
    assert match, err.text
    return whorl.Server(process, int(match.group(1)), out, err)


def test_a_lock_of_somebody_else_is_run(contract):
    with start_trigger(env=contract) as server:
        assert server.get("/").status == 200
        assert "  hello: http" in server.out.text
        assert server.stop() == 0
    assert (pathlib.Path(contract["SPIN_LOCAL_APP_DIR"]) / ".spin" / "logs").is_dir()


def test_without_the_contract():
    ended = whorl.run("trigger", "http")
    assert ended.returncode == 1
    assert ended.stderr == "Error: SPIN_WORKING_DIR\n\nCaused by:\n      environment variable not found\n"


def test_a_lock_that_requires_too_much(contract):
    path = pathlib.Path(contract["SPIN_WORKING_DIR"]) / "spin.lock"
    lock = json.loads(path.read_text())
    path.write_text(json.dumps(lock | {"spin_lock_version": 1, "must_understand": ["future"]}))
    ended = whorl.run("trigger", "http", env=contract)
    assert ended.returncode == 1
    assert "future" in ended.stderr


def test_questions_about_flags():
    ended = whorl.run("trigger", "http", "--help-args-only")
    assert ended.returncode == 0
    assert "--listen <ADDRESS>" in ended.stdout
    assert "--from" not in ended.stdout
    ended = whorl.run("trigger", "http", "--launch-metadata-only")
    assert (ended.returncode, ended.stdout) == (0, "")
    flags = json.loads(ended.stderr)["all_flags"]
    assert {"short": "-L", "long": "--log-dir"} in flags
    assert {"long": "--launch-metadata-only"} in flags
    assert not [flag for flag in flags if flag["long"] == "--from"]


def test_precompose_only_wants_to_know_which(contract):
    for arguments, message in [
        ([], "got --precompose-only but no --precompose-component-id"),
        (["--precompose-component-id", "x"], "--precompose-component-id: component does not exist"),
    ]:
        ended = whorl.run("trigger", "http", "--precompose-only", *arguments, env=contract)
        assert (ended.returncode, ended.stderr) == (1, f"Error: {message}\n")


def test_a_plugin_that_is_a_command(tmp_path, world):
    folder = tmp_path / "data" / "plugins" / "greet"
    folder.mkdir()
    (folder / "greet").write_text('#!/bin/sh\necho "$SPIN_VERSION_MAJOR" "$@"\nexit 9\n')
    (folder / "greet").chmod(0o755)
    ended = whorl.run("greet", "--override-compatibility-check", "a", "-b", env=world)
    assert (ended.returncode, ended.stdout) == (9, "4 a -b\n")


@pytest.mark.parametrize("verb, told", [("deploy", "deploy"), ("d", "deploy"), ("login", "login")])
def test_a_deployment_plugin(tmp_path, world, verb, told):
    folder = tmp_path / "data" / "plugins" / "place"
    folder.mkdir()
    (folder / "place").write_text('#!/bin/sh\necho "$@"\nexit 4\n')
    (folder / "place").chmod(0o755)
    ended = whorl.run(verb, "a", "--help", env=world | {"SPIN_DEPLOY_PLUGIN": "place"})
    assert (ended.returncode, ended.stdout) == (4, f"{told} a --help\n")
    ended = whorl.run(verb, env=world | {"SPIN_DEPLOY_PLUGIN": "none"})
    assert (ended.returncode, ended.stderr) == (1, "Error: the plugin 'none' of SPIN_DEPLOY_PLUGIN is not installed\n")
    ended = whorl.run(verb, env=world | {"SPIN_DEPLOY_PLUGIN": ""})
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"which deployment plugin to use. Either:\nError: Unable to {told}\n")
    assert "* Set the `SPIN_DEPLOY_PLUGIN` environment variable.\n" in ended.stdout


def install(world, name: str, supported: str) -> None:
    """As Spin leaves a plugin's manifest; the program is there already."""
    folder = pathlib.Path(world["SPIN_DATA_DIR"]) / "plugins" / "manifests"
    folder.mkdir(exist_ok=True)
    manifest = {"name": name, "version": "1.0.0", "spinCompatibility": supported, "license": "x", "packages": []}
    (folder / f"{name}.json").write_text(json.dumps(manifest))


def test_a_plugin_for_another_version(made, world):
    folder = made(TIMER)
    install(world, "trigger-timer", ">=2.0, <5.0")
    assert whorl.run("up", "-f", folder, "--test", env=world).returncode == 0
    install(world, "trigger-timer", ">=1.0, <2.0")
    message = "Plugin is not compatible with this version of Spin (supported: >=1.0, <2.0, actual: 4.1.0). Try running"
    ended = whorl.run("up", "-f", folder, "--test", env=world)
    assert ended.returncode == 1
    assert message in ended.stderr
    ended = whorl.run("trigger-timer", "--test", env=world)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Error: {message}")
    install(world, "trigger-timer", "bogus")
    assert "version bogus as valid semver" in whorl.run("trigger-timer", env=world).stderr


@pytest.mark.skipif(not os.environ.get("WHORL_PEER_SPIN"), reason="NO PEER: WHORL_PEER_SPIN names no program")
def test_spins_lock_is_run(made, world, tmp_path):
    """Spin's `up` locks for a plugin, and our trigger runs the same lock."""
    folder = made(TIMER + HTTP)
    spin = os.environ["WHORL_PEER_SPIN"]
    keep = f'#!/bin/sh\ncp "$SPIN_WORKING_DIR/spin.lock" {tmp_path}/kept.lock\ncp -r "$SPIN_WORKING_DIR" {tmp_path}/work\n'
    (tmp_path / "data/plugins/trigger-timer/trigger-timer").write_text(keep)
    manifest = {"name": "trigger-timer", "version": "1.0.0", "spinCompatibility": ">=2.0", "license": "x", "packages": []}
    (tmp_path / "data/plugins/manifests").mkdir()
    (tmp_path / "data/plugins/manifests/trigger-timer.json").write_text(json.dumps(manifest))
    subprocess.run([spin, "up", "-f", folder], env=os.environ | world, capture_output=True, timeout=60)
    lock = json.loads((tmp_path / "kept.lock").read_text())
    assert {trigger["trigger_type"] for trigger in lock["triggers"]} == {"http", "timer"}
    work = tmp_path / "work"
    for component in lock["components"]:
        component["files"] = [{"source": f"file://{work}/assets/hello", "path": "/"}]
    (work / "spin.lock").write_text(json.dumps(lock))
    env = {"SPIN_LOCKED_URL": f"file://{work}/spin.lock", "SPIN_WORKING_DIR": str(work), "SPIN_LOCAL_APP_DIR": str(folder)}
    with start_trigger(env=env) as server:
        assert server.get("/").status == 200


@pytest.mark.skipif(not os.environ.get("WHORL_PEER_SPIN"), reason="NO PEER: WHORL_PEER_SPIN names no program")
def test_dependencies_in_the_lock_of_a_plugin_are_spins(made, world, tmp_path):
    """They are handed over as they are: who runs the trigger composes, or asks with --precompose-only."""
    folder = made(TIMER)
    with (folder / "spin.toml").open("a") as out:
        out.write('[component.hello.dependencies]\n"a:b/c@1.0.0" = { path = "d.wasm", inherit_configuration = ["files"] }\n'
                  '"x:y" = { path = "d.wasm" }\nz = { path = "d.wasm", export = "q", inherit_configuration = true }\n')
    (folder / "d.wasm").write_bytes(whorl.guest("hello").read_bytes())
    install(world, "trigger-timer", ">=2.0")
    locks = []
    for program in (whorl.program(), os.environ["WHORL_PEER_SPIN"]):
        subprocess.run([program, "up", "-f", folder, "--test"], env=os.environ | world, capture_output=True, timeout=60)
        lock = record(world)["lock"]
        for component in lock["components"]:
            component.pop("files")  # in a folder of each program's own
        locks.append(lock)
        os.remove(world["RECORD"])
    assert locks[0] == locks[1]
    assert set(locks[0]["components"][0]["dependencies"]) == {"a:b/c@1.0.0", "x:y", "z"}
