#!/usr/bin/python3
"""Runs the test runners of the tree and adds up what they say; `./dev test` calls it after building.

Runners: lint (layers, forbidden words, format, shell, spelling), tools (pytest of tools/), one per
unit-test program (named like its room), conformance, cli, e2e, fuzz. A NAME selects a runner (`http`, `e2e`), a
group (`unit`, `fuzz`) or one fuzz target (`fuzz/whorl_http1_fuzz`). Arguments after `--` go to pytest.

The last line is always `N passed, N failed, N skipped`; the exit code is 1 when anything failed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = "/usr/bin/python3"
UNIT_TIMEOUT_S = 600
LONG_TIMEOUT_S = 3000
# The exit code of a test that found nothing to run, as CMake's SKIP_RETURN_CODE has it.
NOTHING_TO_RUN = 77
# What a whole `./dev test` may spend on fuzzing, shared by the targets.
FUZZ_BUDGET_S = 120
FUZZ_EACH_S = 10
# Targets that start from the component-model suite too, and from another folder of the corpus.
FUZZ_CORPUS = {"composition": "component", "decoder": "component", "linker": "component", "skeleton": "component"}
FUZZ_SEED_BYTES = 16 * 1024
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
DOCTEST = re.compile(r"test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    output: str = ""
    note: str = ""


@dataclasses.dataclass
class Runner:
    group: str
    name: str
    run: Callable[[], Outcome]
    parallel: bool = False


@dataclasses.dataclass
class Options:
    build: pathlib.Path
    everything: bool
    fuzz_seconds: int | None
    pytest_arguments: list[str]


def execute(command: list[str], timeout: int, **extra) -> tuple[int, str]:
    """Runs a command in its own process group, so that a time-out takes its children along."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", start_new_session=True, **extra)
    try:
        output, _ = process.communicate(timeout=timeout)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 124, f"{output}\n(killed after {timeout} s)\n"


def counted(code: int, output: str, passed: int, failed: int, skipped: int) -> Outcome:
    """A runner that ends badly without naming a failed case (crash, time-out) counts as one."""
    if code != 0 and failed == 0:
        failed = 1
        output += f"\n(exit code {code})\n"
    return Outcome(passed, failed, skipped, output)


def run_program(command: list[str]) -> Outcome:
    """A unit-test program, or a script registered beside them: doctest's summary or ours."""
    code, output = execute(command, UNIT_TIMEOUT_S)
    found = DOCTEST.findall(output) or SUMMARY.findall(output)
    if not found:
        return counted(code or 1, output, 0, 0, 0)
    passed, failed, skipped = (int(n) for n in found[-1])
    outcome = counted(0 if code == NOTHING_TO_RUN else code, output, passed, failed, skipped)
    if skipped and not failed:
        outcome.note = f"SKIPPED {output.splitlines()[0]}"
    return outcome


def run_pytest(paths: list[str], options: Options, environment: dict[str, str]) -> Outcome:
    report = tempfile.NamedTemporaryFile(suffix=".xml")
    marks = [] if options.everything else ["-m", "not slow"]
    command = [PYTHON, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--junit-xml={report.name}"]
    code, output = execute(command + marks + options.pytest_arguments + paths, LONG_TIMEOUT_S,
                           env=os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"})
    try:
        suites = list(xml.etree.ElementTree.parse(report.name).getroot().iter("testsuite"))
    except xml.etree.ElementTree.ParseError:
        return counted(code or 1, output, 0, 0, 0)
    total, bad, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",)))
    note = "\n".join(line for line in output.splitlines() if line.startswith("SKIPPED"))
    outcome = counted(0 if code == 5 else code, output, total - bad - skipped, bad, skipped)
    outcome.note = note
    return outcome


def run_own(command: list[str], environment: dict[str, str]) -> Outcome:
    """A script of ours whose last line is the usual summary."""
    code, output = execute(command, LONG_TIMEOUT_S, env=os.environ | environment)
    found = SUMMARY.findall(output)
    if not found:
        return counted(code or 1, output, 0, 0, 0)
    return counted(code, output, *(int(n) for n in found[-1]))


def run_check(command: list[str]) -> Outcome:
    """One command, one case: passed when it exits 0, skipped when the program is not installed."""
    if not shutil.which(command[0]):
        return Outcome(skipped=1, note=f"SKIPPED {command[0]} is not installed")
    code, output = execute(command, UNIT_TIMEOUT_S)
    return counted(code, output, int(code == 0), 0, 0)


def fuzz_seeds(short: str, links: pathlib.Path) -> list[str]:
    """Folders to start from: those of the tree, and the suites' small binaries, linked into `links`."""
    folders = [p for p in [ROOT / "fuzz" / "corpus" / FUZZ_CORPUS.get(short, short)] if p.is_dir()]
    suite = pathlib.Path(os.environ.get("WHORL_SUITES") or ROOT.parent / "shared" / "suites") / "component-model"
    if short in FUZZ_CORPUS and suite.is_dir():
        links.mkdir()
        small = (p for p in sorted(suite.rglob("*.wasm")) if p.stat().st_size <= FUZZ_SEED_BYTES)
        for number, wasm in enumerate(small):
            (links / str(number)).symlink_to(wasm.resolve())
        folders.append(links)
    return [str(p) for p in folders]


def run_fuzz(program: pathlib.Path, seconds: int) -> Outcome:
    short = program.name.removeprefix("whorl_").removesuffix("_fuzz")
    with tempfile.TemporaryDirectory(prefix="whorl-fuzz-") as folder:
        found = pathlib.Path(folder) / "found"
        found.mkdir()
        artifacts = ROOT / "build" / "fuzz-artifacts"
        artifacts.mkdir(parents=True, exist_ok=True)
        dictionary = ROOT / "fuzz" / f"{short}.dict"
        extra = [f"-dict={dictionary}"] if dictionary.exists() else []
        # Where two programs are compared, a new difference is a decision for whoever fuzzes (./dev fuzz), not a red run
        # of somebody else's change. Only the known inputs are run here: even a search from a fixed seed differs from
        # run to run, for libFuzzer also mixes in the values it sees compared, addresses among them.
        extra += ["-runs=0"] if short.endswith("_diff") else []
        code, output = execute(
            [str(program), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
             "-print_final_stats=1", f"-artifact_prefix={artifacts}/{short}-", *extra, str(found),
             *fuzz_seeds(short, pathlib.Path(folder) / "seeds")],
            seconds + 120)
    runs = re.search(r"number_of_executed_units:\s*(\d+)", output)
    rate = re.search(r"average_exec_per_sec:\s*(\d+)", output)
    outcome = counted(code, output, int(code == 0), 0, 0)
    outcome.note = f"{runs.group(1)} inputs, {rate.group(1)} a second" if runs and rate else ""
    return outcome


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if (ROOT / name).is_file()]


def lint_runners() -> list[Runner]:
    sources = tracked("*.cpp", "*.hpp", "sdk/*.[ch]", "examples/*.c", "tests/*.c")
    shell = tracked("dev", ".ci/run", "*.sh")
    prose = tracked("*.md", "src/*.[ch]pp", "apps/*.cpp", "sdk/*.[ch]", "tools/*", "bench/*.py", "tests/*.py", "dev")
    checks = {
        "layers": [PYTHON, "tools/check_layers.py"],
        "words": [PYTHON, "tools/lint.py"],
        "rooms": [PYTHON, "tools/check_rooms.py"],
        "format": ["clang-format-19", "--dry-run", "--Werror", *sources],
        "shell": ["shellcheck", "-x", *shell],
        "spelling": ["codespell", "--config", "tools/codespell.cfg", *prose],
    }
    return [Runner("lint", name, lambda c=command: run_check(c)) for name, command in checks.items()]


def unit_runners(options: Options) -> list[Runner]:
    if not (options.build / "CTestTestfile.cmake").exists():
        return []
    listing = subprocess.run(["ctest", "--test-dir", str(options.build), "--show-only=json-v1"],
                             capture_output=True, text=True, check=True).stdout
    return [
        Runner("conformance" if test["name"].startswith("conformance") else "unit", test["name"],
               lambda t=test: run_program(t["command"]), parallel=True)
        for test in json.loads(listing)["tests"] if "command" in test]


def fuzz_runners(options: Options) -> list[Runner]:
    programs = sorted(p for p in (ROOT / "build" / "fuzz").rglob("whorl_*_fuzz") if os.access(p, os.X_OK) and p.is_file())
    each = options.fuzz_seconds or (60 if options.everything else min(FUZZ_EACH_S, FUZZ_BUDGET_S // max(1, len(programs))))
    return [Runner("fuzz", f"fuzz/{p.name}", lambda p=p: run_fuzz(p, each), parallel=True) for p in programs]


def all_runners(options: Options) -> list[Runner]:
    program = {"WHORL_BIN": os.environ.get("WHORL_BIN", str(options.build / "apps" / "whorl" / "whorl"))}
    runners = lint_runners()
    runners.append(Runner("tools", "tools", lambda: run_pytest(["tools"], options, {})))
    runners += unit_runners(options)
    if (ROOT / "tests" / "cli" / "run.py").exists():
        flag = ["--all"] if options.everything else []
        runners.append(Runner("cli", "cli/transcripts", lambda: run_own([PYTHON, "tests/cli/run.py", *flag], program)))
    runners.append(Runner("e2e", "e2e", lambda: run_pytest(["tests/e2e"], options, program)))
    return runners + fuzz_runners(options)


def report(runner: Runner, outcome: Outcome, seconds: float) -> None:
    counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
    print(f"{'FAIL' if outcome.failed else 'ok':4} {runner.name:28} {counts:38} {seconds:6.1f} s  "
          f"{outcome.note if chr(10) not in outcome.note and not outcome.note.startswith('SKIPPED') else ''}".rstrip())
    if outcome.failed:
        print("".join(f"     | {line}\n" for line in outcome.output.splitlines()[-200:]), end="")
    elif outcome.skipped and outcome.note.startswith("SKIPPED"):
        print("".join(f"     | {line}\n" for line in outcome.note.splitlines()), end="")
    sys.stdout.flush()


def timed(runner: Runner) -> tuple[Outcome, float]:
    start = time.monotonic()
    try:
        outcome = runner.run()
    except Exception as error:  # a broken runner is a failed one; the others still run
        outcome = Outcome(failed=1, output=f"{type(error).__name__}: {error}")
    return outcome, time.monotonic() - start


def run_all(runners: list[Runner]) -> Outcome:
    total = Outcome()
    batches: list[list[Runner]] = []
    for runner in runners:
        if batches and runner.parallel and batches[-1][0].parallel and batches[-1][0].group == runner.group:
            batches[-1].append(runner)
        else:
            batches.append([runner])
    with concurrent.futures.ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        for batch in batches:
            started = {pool.submit(timed, runner): runner for runner in batch}
            for done in concurrent.futures.as_completed(started):
                outcome, seconds = done.result()
                report(started[done], outcome, seconds)
                total.passed += outcome.passed
                total.failed += outcome.failed
                total.skipped += outcome.skipped
    return total


def selected(runners: list[Runner], names: list[str]) -> list[Runner]:
    if not names:
        return runners
    chosen = [r for r in runners if {r.group, r.name} & set(names)]
    known = {r.group for r in runners} | {r.name for r in runners}
    for name in names:
        if name not in known:
            sys.exit(f"Error: there is no test runner '{name}'\n\nHelp: there are {', '.join(sorted(known))}")
    return chosen


def main() -> int:
    own, passed_on = sys.argv[1:], []
    if "--" in own:
        split = own.index("--")
        own, passed_on = own[:split], own[split + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True, help="the CMake build folder under test")
    parser.add_argument("--all", action="store_true", help="the long tests too")
    parser.add_argument("--fuzz-seconds", type=int, help="time for each fuzz target")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args(own)
    options = Options(arguments.build, arguments.all, arguments.fuzz_seconds, passed_on)
    total = run_all(selected(all_runners(options), arguments.names))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
