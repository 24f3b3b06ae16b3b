"""`--precompose-only` as a trigger is asked for it: with a lock, in the environment of a trigger process."""

import os
import subprocess

import whorl


def locked(folder):
    """The environment of a trigger process for the application, with a lock of ours."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    lock = whorl.run("maintenance", "generate-lock", "-f", folder / "spin.toml")
    assert lock.returncode == 0, lock.stderr
    (work / "spin.lock").write_text(lock.stdout)
    return {"SPIN_LOCKED_URL": f"file://{work}/spin.lock", "SPIN_WORKING_DIR": str(work), "SPIN_LOCAL_APP_DIR": str(folder)}


def run(program, folder, component):
    return subprocess.run([program, "trigger", "http", "--precompose-only", "--precompose-component-id", component],
                          env=os.environ | locked(folder), capture_output=True, timeout=60)


def precompose(program, folder, component):
    """The bytes that it writes."""
    ended = run(program, folder, component)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended.stdout


def refuse(program, folder, component):
    """What it says instead."""
    ended = run(program, folder, component)
    assert (ended.returncode, ended.stdout) == (1, b"")
    return ended.stderr.decode()
