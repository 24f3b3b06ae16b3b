"""Guests of WASI 0.3 in C, built from tests/guests/p3 with tools of the crate registry."""

import contextlib
import functools
import os
import pathlib
import re
import subprocess

import pytest
import whorl

GUESTS = whorl.ROOT / "tests" / "guests" / "p3"


@functools.cache
def tools():
    """The folder of wit-bindgen and wasm-tools: WHORL_TOOLS, else one of ours, filled from the crate registry once."""
    if given := os.environ.get("WHORL_TOOLS"):
        return given
    cache = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    folder = pathlib.Path(cache) / "whorl" / "component-tools"
    for command in re.findall(r'cargo install --root "\$WHORL_TOOLS" (.*)', (GUESTS / "build_c.sh").read_text()):
        program = command.split("@")[0].split()[-1].removesuffix("-cli")
        if not (folder / "bin" / program).exists():
            subprocess.run(["cargo", "install", "--root", folder, *command.split()], capture_output=True, timeout=1200)
    return str(folder)


def build(folder, name):
    if built := os.environ.get("WHORL_GUESTS_P3"):
        return pathlib.Path(built) / f"{name}.wasm"
    target = folder / f"{name}.wasm"
    done = subprocess.run([GUESTS / "build_c.sh", name, target], capture_output=True, text=True,
                          env=os.environ | {"WHORL_TOOLS": tools()})
    if done.returncode != 0:
        pytest.skip(f"cannot build the guest of WASI 0.3, see tests/guests/p3/README.md: {done.stderr.strip()[-200:]}")
    return target


@functools.cache
def python():
    """A virtual environment with componentize-py: WHORL_PYTHON, else one of ours, filled from the package index once."""
    if given := os.environ.get("WHORL_PYTHON"):
        return given
    cache = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    folder = pathlib.Path(cache) / "whorl" / "component-tools" / "python"
    packages = re.findall(r"pip\" install (.*)", (GUESTS / "build_python.sh").read_text())[0].split()
    if not (folder / "bin" / "componentize-py").exists():
        subprocess.run(["python3", "-m", "venv", folder], capture_output=True)
        subprocess.run([folder / "bin" / "pip", "install", *packages], capture_output=True, timeout=1200)
    return str(folder)


@functools.cache
def node_modules():
    """A folder with componentize-qjs: WHORL_NODE_MODULES, else one of ours, filled from the npm registry once."""
    if given := os.environ.get("WHORL_NODE_MODULES"):
        return given
    cache = os.environ.get("XDG_CACHE_HOME") or str(pathlib.Path.home() / ".cache")
    packages = re.findall(r'npm install --prefix "\$WHORL_NODE_MODULES" (.*)', (GUESTS / "build_js.sh").read_text())[0].split()
    # By what is in it: another version is another folder.
    folder = pathlib.Path(cache) / "whorl" / "component-tools" / "node" / "+".join(packages).replace("/", "-")
    if not (folder / "node_modules" / ".bin" / "componentize-qjs").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):  # without npm the build says what is missing
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, *packages],
                           capture_output=True, timeout=1200)
    return str(folder)


def build_in(language, target):
    """A guest that is built by the script of its language."""
    if (built := os.environ.get("WHORL_GUESTS_P3")) and (pathlib.Path(built) / f"{language}.wasm").exists():
        return pathlib.Path(built) / f"{language}.wasm"
    tools_of = {"python": ("WHORL_PYTHON", python), "js": ("WHORL_NODE_MODULES", node_modules)}
    variable, find = tools_of[language]
    env = os.environ | {variable: find()}
    done = subprocess.run([GUESTS / f"build_{language}.sh", target], capture_output=True, text=True, env=env)
    if done.returncode != 0:
        pytest.skip(f"cannot build, see tests/guests/p3/README.md: {done.stderr.strip()[-200:]}")
    return target
