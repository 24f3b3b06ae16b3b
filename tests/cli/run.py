#!/usr/bin/python3
"""Runs the transcripts beside this file: commands of `whorl` and, to the byte, what they print.

A transcript is a sequence of cases, each in a folder of its own:

    === name of the case
    --- file spin.toml            any number of files; a name may have folders
    spin_manifest_version = 2
    --- in sub                    run in this folder (made if missing)
    $ NAME=value up -f nothing    the command, without `whorl`; words as in a shell
    --- exit 1
    --- stdout                    left out: nothing is printed there
    --- stderr
    Error: File or directory 'nothing' not found. ...

Lines between two marks belong to the block, each with its line end. In expected output `DIR` stands
for the case's folder, `TIME` for a log line's time, `PORT` for a port, `VERSION` for what the build
is called, and a line `...` for any number of lines. Everything else is compared as it stands.

Usage: run.py [--all] [FILE…]. The program is $WHORL_BIN, or build/dev/apps/whorl/whorl. The last line
is `N passed, N failed, N skipped`.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TIMEOUT_S = 20
# The environment of the user must not change what is printed.
KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
PLACEHOLDERS = {
    "TIME": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "PORT": r"\d{1,5}",
    "VERSION": r"\d+\.\d+\.\d+(?: \([0-9a-f]{7,40} \d{4}-\d\d-\d\d\))?",
}


@dataclasses.dataclass
class Case:
    name: str
    command: str = ""
    folder: str = "."
    exit_code: int = 0
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""


class BadTranscript(Exception):
    pass


def parse(path: pathlib.Path) -> list[Case]:
    cases: list[Case] = []
    block: list[str] | None = None
    finish = None
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        if line.startswith(("=== ", "--- ", "$ ")) and finish and block is not None:
            finish("".join(block))
            block = finish = None
        words = line.rstrip("\n").split(" ", 2)
        if line.startswith("=== "):
            cases.append(Case(line[4:].strip()))
        elif line.startswith("$ ") and cases:
            cases[-1].command = line[2:].rstrip("\n")
        elif line.startswith("--- ") and cases:
            case = cases[-1]
            if words[1] == "file":
                block, finish = [], lambda text, c=case, name=words[2]: c.files.__setitem__(name, text)
            elif words[1] in ("stdout", "stderr"):
                block, finish = [], lambda text, c=case, name=words[1]: setattr(c, name, text)
            elif words[1] == "exit":
                case.exit_code = int(words[2])
            elif words[1] == "in":
                case.folder = words[2]
            else:
                raise BadTranscript(f"{path.name}:{number}: unknown mark {words[1]}")
        elif block is not None:
            block.append(line)
        elif line.strip() and not line.startswith("#"):
            raise BadTranscript(f"{path.name}:{number}: text outside of a block")
    if finish and block is not None:
        finish("".join(block))
    return cases


def pattern(expected: str, folder: str) -> re.Pattern[str]:
    out = []
    for line in expected.splitlines(keepends=True):
        if line == "...\n":
            out.append(r"(?:.*\n)*?")
            continue
        text = re.escape(line)
        for name, meaning in ({"DIR": re.escape(folder)} | PLACEHOLDERS).items():
            text = re.sub(rf"(?<![A-Z_]){name}(?![A-Z_])", lambda _, m=meaning: m, text)
        out.append(text)
    return re.compile("".join(out) + r"\Z")


def run(case: Case, program: str) -> list[str]:
    """Runs a case and says what was not as expected."""
    with tempfile.TemporaryDirectory(prefix="whorl-cli-") as name:
        folder = pathlib.Path(name).resolve()
        for path, text in case.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        work = folder / case.folder
        work.mkdir(parents=True, exist_ok=True)
        words = shlex.split(case.command)
        environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
        while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
            key, _, value = words.pop(0).partition("=")
            environment[key] = value
        try:
            done = subprocess.run([program, *words], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                  capture_output=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return [f"still running after {TIMEOUT_S} s"]
        problems = []
        if done.returncode != case.exit_code:
            problems.append(f"exit code {done.returncode} instead of {case.exit_code}")
        for stream, expected in (("stdout", case.stdout), ("stderr", case.stderr)):
            got = getattr(done, stream).decode(errors="replace")
            if not pattern(expected, str(folder)).match(got):
                problems.append(f"{stream}, expected:\n{expected}-- got:\n{got}--")
        return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="accepted for the sake of ./dev test; there is no more")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    program = os.path.abspath(os.environ.get("WHORL_BIN", ROOT / "build" / "dev" / "apps" / "whorl" / "whorl"))
    if not os.access(program, os.X_OK):
        print(f"{program} is not built; `./dev test cli` builds it")
        print("0 passed, 1 failed, 0 skipped")
        return 1
    passed = failed = 0
    for path in arguments.files or sorted(HERE.glob("*.transcript")):
        for case in parse(path):
            problems = run(case, program)
            if problems:
                failed += 1
                print(f"FAIL {path.name}: {case.name}\n$ {case.command}")
                print("\n".join(problems))
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
