"""Guests of other toolchains, built by tests/guests/<name>/build.sh and kept by the content of what they are made of.

    wasm = toolchains.built("rust-sdk7", tmp_path)

Where a tool is missing the script says so and ends with 77: the test that asks is then skipped, loudly.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import typing

import pytest
import whorl

GUESTS = whorl.ROOT / "tests" / "guests"
CACHE = pathlib.Path(os.environ.get("WHORL_CACHE_DIR") or pathlib.Path.home() / ".cache" / "whorl") / "toolchains"
NOTHING = 77
BUILD_TIMEOUT_S = 1800  # the first one of Rust makes its standard library


def files_of(folder: pathlib.Path) -> typing.Iterator[pathlib.Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def key_of(name: str) -> str:
    """A digest of the sources and of the scripts that several toolchains share."""
    shared = files_of(GUESTS / "rust") if name.startswith("rust-") else ()
    digest = hashlib.sha256()
    for path in sorted([*files_of(GUESTS / name), *GUESTS.glob("*.mjs"), *GUESTS.glob("*.sh"), *shared]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def kept(name: str, key: str, folder: pathlib.Path, build: typing.Callable[[pathlib.Path], list[object]]) -> pathlib.Path:
    """The file NAME-KEY.wasm of the cache; `build` says the command that makes it, run in a new folder below `folder`."""
    target = CACHE / f"{name}-{key}.wasm"
    if target.exists():
        return target
    work = folder / f"build-{name}"
    work.mkdir()
    out = work / "out.wasm"
    ended = subprocess.run(build(out), cwd=work, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S)
    if ended.returncode == NOTHING:
        pytest.skip(f"{name}: {ended.stderr.strip().splitlines()[-1]}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    CACHE.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}")
    shutil.copy(out, part)
    part.rename(target)
    return target


def built(name: str, folder: pathlib.Path) -> pathlib.Path:
    return kept(name, key_of(name), folder, lambda out: [GUESTS / name / "build.sh", out])
