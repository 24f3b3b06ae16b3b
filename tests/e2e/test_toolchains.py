"""A guest of each toolchain, built by tests/guests/<language>/build.sh from the package registries, answers."""

import hashlib
import os
import pathlib
import shutil
import subprocess

import pytest
import whorl

GUESTS = whorl.ROOT / "tests" / "guests"
CACHE = pathlib.Path(os.environ.get("WHORL_CACHE_DIR") or pathlib.Path.home() / ".cache" / "whorl") / "toolchains"
NOTHING = 77
BUILD_TIMEOUT_S = 900

# Language → how it is run, and what it answers to /x/y?q=1
WAGI = {
    "c": "C 2 /x/y q=1\n",
    "cpp": "C++ 2 /x/y q=1\nbye\n",
    "go": "Go 2 /x/y q=1\n",
    "zig": "Zig\n",
    "assemblyscript": "AssemblyScript /x/y q=1\n",
    "rust-wasip1": "Rust 2 /x/y q=1\n",
    "rust-wasip2": "Rust 2 /x/y q=1\n",
    "ruby": "",
}
COMPONENT = {
    "javascript": "JavaScript /x/y?q=1\n",
    "typescript": "TypeScript /x/y?q=1\n",
    "python": "Python /x/y?q=1\n",
}


def key_of(language: str) -> str:
    digest = hashlib.sha256()
    for path in sorted([*(GUESTS / language).iterdir(), *GUESTS.glob("*.mjs"), *GUESTS.glob("*.sh"), *(GUESTS / "rust-wasip1").iterdir()]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def built(language: str, tmp_path: pathlib.Path) -> pathlib.Path:
    kept = CACHE / f"{language}-{key_of(language)}.wasm"
    if kept.exists():
        return kept
    work = tmp_path / "build"
    work.mkdir()
    out = work / "out.wasm"
    ended = subprocess.run(
        [GUESTS / language / "build.sh", out], cwd=work, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S
    )
    if ended.returncode == NOTHING:
        pytest.skip(f"{language}: {ended.stderr.strip().splitlines()[-1]}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    CACHE.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    shutil.copy(out, part)
    part.rename(kept)
    return kept


def ask(tmp_path: pathlib.Path, wasm: pathlib.Path, executor: str) -> whorl.Response:
    folder = whorl.manifest(tmp_path / "app", f"""[[trigger.http]]
route = "/..."
component = "guest"
{executor}
[component.guest]
source = "{wasm}"
""")
    with whorl.Server.start("-f", folder, timeout=300) as server:
        first = server.get("/x/y?q=1", timeout=60)
        again = server.get("/x/y?q=1", timeout=60)
        assert (again.status, again.body) == (first.status, first.body)
        return first


@pytest.mark.parametrize("language", WAGI)
def test_a_command_answers(language, tmp_path):
    answer = ask(tmp_path, built(language, tmp_path), 'executor = { type = "wagi" }')
    assert (answer.status, answer.body.decode()) == (200, WAGI[language])


@pytest.mark.parametrize("language", COMPONENT)
def test_a_component_answers(language, tmp_path):
    answer = ask(tmp_path, built(language, tmp_path), "")
    assert (answer.status, answer.body.decode()) == (200, COMPONENT[language])
    assert answer.header("content-type") == "text/plain"
