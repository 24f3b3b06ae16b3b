#!/usr/bin/env python3
"""Runs the preview 1 part of wasi-testsuite with whorl_p1_runner.

Each X.wasm is run in a fresh copy of the directory that X.json names, with its arguments and environment; exit code,
standard output and error are compared. The suite is looked for in $WHORL_SUITES, else ../shared/suites beside the
project. Tests that are known to fail stand in p1_expected_failures.txt: a test that fails without being listed, or
passes although it is listed, is a failure, so that the list can only shrink.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITE = "wasi-testsuite/0.3.0/tests"
FOLDERS = ("assemblyscript", "c", "rust")
# The Rust tests accept any plausible error number unless they are told what system the host is like.
FOLDER_ENV = {"rust": {"ERRNO_MODE_UNIX": "1"}}
LIST = pathlib.Path(__file__).with_name("p1_expected_failures.txt")
TIMEOUT_S = 120
SKIPPED = 77


def find_suite() -> pathlib.Path | None:
    suite = pathlib.Path(os.environ.get("WHORL_SUITES") or ROOT.parent / "shared" / "suites") / SUITE
    return suite if suite.is_dir() else None


def find_tests(suite: pathlib.Path) -> dict[str, pathlib.Path]:
    tests = {}
    for folder in FOLDERS:
        for wasm in sorted((suite / folder / "testsuite" / "wasm32-wasip1").glob("*.wasm")):
            tests["/".join(name_of(wasm))] = wasm
    return tests


def name_of(wasm: pathlib.Path) -> tuple[str, str]:
    return wasm.parent.parent.parent.name, wasm.stem


def run_test(runner: str, wasm: pathlib.Path) -> str:
    """Why the test failed; empty if it passed."""
    spec_file = wasm.with_suffix(".json")
    spec = json.loads(spec_file.read_text()) if spec_file.exists() else {}
    unknown = set(spec) - {"args", "env", "root", "exit_code", "stdout", "stderr"}
    if unknown:
        return f"specification with unknown keys {sorted(unknown)}"
    with tempfile.TemporaryDirectory(prefix="whorl-p1-") as folder:
        command = [runner, "--timeout", str(TIMEOUT_S)]
        for name, value in {**FOLDER_ENV.get(name_of(wasm)[0], {}), **spec.get("env", {})}.items():
            command += ["--env", f"{name}={value}"]
        if spec.get("root"):
            root = pathlib.Path(folder) / "root"
            shutil.copytree(wasm.parent / spec["root"], root, symlinks=True)
            make_writable(root)
            command += ["--dir", f"{root}::/"]
        command += [str(wasm), *spec.get("args", [])]
        try:
            done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S + 30, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return "took too long"
    return compare(spec, done)


def make_writable(root: pathlib.Path) -> None:
    """The suite may be stored read-only."""
    for path in [root, *root.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o700 if path.is_dir() else 0o600))


def compare(spec: dict, done: subprocess.CompletedProcess) -> str:
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    problems = []
    if done.returncode != spec.get("exit_code", 0):
        problems.append(f"exit code {done.returncode}, wanted {spec.get('exit_code', 0)}")
    for name, got in (("stdout", out), ("stderr", err)):
        if name in spec and got != spec[name]:
            problems.append(f"{name} {got!r}, wanted {spec[name]!r}")
    if problems and err and "stderr" not in spec:
        problems.append("stderr: " + err.strip())
    return "; ".join(problems)


def expected_failures() -> set[str]:
    lines = LIST.read_text().splitlines() if LIST.exists() else []
    return {line.split("#")[0].strip() for line in lines} - {""}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", default=str(ROOT / "build" / "dev" / "tests" / "conformance" / "whorl_p1_runner"))
    parser.add_argument("--only", help="run the tests whose name contains this")
    options = parser.parse_args()
    suite = find_suite()
    if not pathlib.Path(options.runner).exists():
        print(f"no program {options.runner}: build whorl_p1_runner, or name it with --runner")
        return 2
    if suite is None:
        print(f"NO SUITE: no {SUITE} in $WHORL_SUITES or ../shared/suites; every preview 1 test is skipped")
        print("0 passed, 0 failed, 72 skipped")
        return SKIPPED
    tests = {name: wasm for name, wasm in find_tests(suite).items() if not options.only or options.only in name}
    known = expected_failures()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = dict(zip(tests, pool.map(lambda wasm: run_test(options.runner, wasm), tests.values())))
    failed = 0
    for name, problem in outcomes.items():
        if bool(problem) != (name in known):
            failed += 1
            print(f"FAILED {name}: {problem or 'passes, take it off the list of expected failures'}")
        elif problem:
            print(f"failed as expected {name}: {problem}")
    passed = sum(1 for problem in outcomes.values() if not problem)
    print(f"{passed} passed, {len(outcomes) - passed} failed, 0 skipped")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
