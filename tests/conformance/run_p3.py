#!/usr/bin/env python3
"""Runs the WASI 0.3 part of wasi-testsuite: commands with whorl_p3_runner, services with the program itself.

Each X.wasm is run as X.json says: started, written to, read from, connected to, sent requests, and waited for. The
suite is looked for in $WHORL_SUITES, else ../shared/suites beside the project. Tests that are known to fail stand in
p3_expected_failures.txt: a test that fails without being listed, or passes although it is listed, is a failure, so
that the list can only shrink.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import run_p1
import test_server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import whorl  # noqa: E402

SUITES = ("wasi-testsuite/0.3.0/tests", "wasi-testsuite/0.3.0-rc-2026-03-15/tests")
FOLDER = "rust/testsuite/wasm32-wasip3"
LIST = pathlib.Path(__file__).with_name("p3_expected_failures.txt")
TIMEOUT_S = 60
DEFAULT = [{"type": "run"}, {"type": "wait"}]


class Failed(Exception):
    """What a test wanted and did not get."""


def find_tests() -> dict[str, pathlib.Path]:
    root = pathlib.Path(os.environ.get("WHORL_SUITES") or run_p1.ROOT.parent / "shared" / "suites")
    tests = {}
    for suite in SUITES:
        for wasm in sorted((root / suite / FOLDER).glob("*.wasm")):
            tests[f"{suite.split('/')[1]}/{wasm.stem}"] = wasm
    return tests


def operations_of(spec: dict) -> list[dict]:
    if "operations" in spec:
        return spec["operations"]
    run = {"type": "run"} | {key: spec[key] for key in ("args", "env", "root", "dirs") if key in spec}
    reads = [{"type": "read", "id": key, "payload": spec[key]} for key in ("stdout", "stderr") if spec.get(key)]
    return [run, *reads, {"type": "wait", "exit_code": spec.get("exit_code", 0)}]


def expect(what: str, got: object, wanted: object) -> None:
    if got != wanted:
        raise Failed(f"{what} is {got!r}, wanted {wanted!r}")


class Command:
    """A test that is a command."""

    def __init__(self, runner: str, wasm: pathlib.Path, folder: str):
        self.runner, self.wasm, self.folder = runner, wasm, folder
        self.process: subprocess.Popen | None = None
        self.sockets: dict[str, socket.socket] = {}

    def run(self, operation: dict) -> None:
        command = [self.runner, "--timeout", str(TIMEOUT_S), "--stdin"]
        for name, value in operation.get("env", {}).items():
            command += ["--env", f"{name}={value}"]
        if operation.get("root"):
            root = pathlib.Path(self.folder) / "root"
            shutil.copytree(self.wasm.parent / operation["root"], root, symlinks=True)
            run_p1.make_writable(root)
            command += ["--dir", f"{root}::/"]
        for name in operation.get("dirs", []):
            shutil.copytree(self.wasm.parent / name, pathlib.Path(self.folder) / name, symlinks=True)
            run_p1.make_writable(pathlib.Path(self.folder) / name)
            command += ["--dir", f"{pathlib.Path(self.folder) / name}::{name}"]
        command += [str(self.wasm), *operation.get("args", [])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def write(self, operation: dict) -> None:
        self.process.stdin.write(operation["payload"].encode())
        # That is all: some read to the end.
        self.process.stdin.close()

    def read(self, operation: dict) -> None:
        stream = getattr(self.process, operation.get("id", "stdout"))
        wanted = operation.get("payload", "").encode()
        expect(operation.get("id", "stdout"), take(stream.fileno(), len(wanted)), wanted)

    def connect(self, operation: dict) -> None:
        # The address is the first line that the test prints.
        match = re.match(rb"(.*):(\d+)\n", take_line(self.process.stdout.fileno()))
        if not match:
            raise Failed("no address on stdout")
        address = (match.group(1).decode().strip("[]"), int(match.group(2)))
        self.sockets[operation.get("id", "server")] = socket.create_connection(address, TIMEOUT_S)

    def send(self, operation: dict) -> None:
        self.sockets[operation["id"]].sendall(operation.get("payload", "").encode())

    def recv(self, operation: dict) -> None:
        wanted = operation.get("payload", "").encode()
        expect("what was received", take(self.sockets[operation["id"]].fileno(), len(wanted)), wanted)

    def wait(self, operation: dict) -> None:
        for each in self.sockets.values():
            each.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            code = self.process.wait(TIMEOUT_S + 30)
        except subprocess.TimeoutExpired:
            raise Failed("took too long") from None
        expect("exit code", code, operation.get("exit_code", 0))

    def close(self) -> str:
        if self.process is None:
            return ""
        self.process.kill()
        self.process.wait()
        return self.process.stderr.read().decode(errors="replace").strip()


class Service:
    """A test that answers HTTP."""

    def __init__(self, wasm: pathlib.Path, folder: str, servers: list[dict]):
        self.wasm, self.folder = wasm, pathlib.Path(folder)
        self.server: whorl.Server | None = None
        self.others = []
        self.environment = {}
        for entry in servers:
            if entry.get("kind") == "closed":
                authority = test_server.closed_authority()
            else:
                self.others.append(test_server.Server(entry.get("endpoints", [])))
                authority = self.others[-1].authority
            self.environment[f"HTTP_SERVER_{entry['name'].upper()}"] = authority

    def run(self, operation: dict) -> None:
        environment = self.environment | operation.get("env", {})
        shutil.copy(self.wasm, self.folder / "test.wasm")
        text = '[[trigger.http]]\nroute = "/..."\ncomponent = "test"\n[component.test]\nsource = "test.wasm"\n'
        text += 'allowed_outbound_hosts = ["*://*:*"]\n'
        text += "environment = {" + ", ".join(f'{k} = "{v}"' for k, v in environment.items()) + "}\n"
        whorl.manifest(self.folder, text)
        self.server = whorl.Server.start("-f", self.folder / "spin.toml")

    def request(self, operation: dict) -> None:
        wanted = operation.get("response", {})
        body = operation["body"].encode() if "body" in operation else None
        headers = list(operation.get("headers", {}).items())
        got = whorl.exchange(self.server.port, operation["method"], operation["path"], headers, body, TIMEOUT_S)
        expect("status", got.status, wanted.get("status", got.status))
        for name, value in wanted.get("headers", {}).items():
            expect(f"header {name}", got.header(name), value)
        if "body" in wanted:
            expect("body", got.body, wanted["body"].encode())

    def kill(self, operation: dict) -> None:
        expect("exit code", self.server.stop(), 0)

    def wait(self, operation: dict) -> None:
        pass

    def close(self) -> str:
        for other in self.others:
            other.stop()
        if self.server is None:
            return ""
        if self.server.process.poll() is None:
            self.server.stop()
        return self.server.err.text.strip()


def take(file: int, size: int) -> bytes:
    """Up to that many bytes, fewer at the end or when none come any more."""
    taken, deadline = b"", time.monotonic() + TIMEOUT_S
    while len(taken) < size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([file], [], [], left)[0]:
            break
        piece = os.read(file, size - len(taken))
        if not piece:
            break
        taken += piece
    return taken


def take_line(file: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (piece := take(file, 1)):
        line += piece
    return line


def run_test(runner: str, wasm: pathlib.Path) -> str:
    """Why the test failed; empty if it passed."""
    spec_file = wasm.with_suffix(".json")
    spec = json.loads(spec_file.read_text()) if spec_file.exists() else {}
    with tempfile.TemporaryDirectory(prefix="whorl-p3-") as folder:
        if spec.get("world") == "wasi:http/service":
            test = Service(wasm, folder, spec.get("servers", []))
        else:
            test = Command(runner, wasm, folder)
        problem = ""
        try:
            for operation in operations_of(spec) or DEFAULT:
                getattr(test, operation["type"])(operation)
        except (Failed, AssertionError, OSError, whorl.Cut) as failure:
            problem = str(failure) or repr(failure)
        finally:
            said = test.close()
    return f"{problem}; {said}" if problem else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    build = run_p1.ROOT / "build" / "dev"
    parser.add_argument("--runner", default=str(build / "tests" / "conformance" / "whorl_p3_runner"))
    parser.add_argument("--program", default=str(build / "apps" / "whorl" / "whorl"))
    parser.add_argument("--only", help="run the tests whose name contains this")
    options = parser.parse_args()
    os.environ["WHORL_BIN"] = options.program
    for needed in (options.runner, options.program):
        if not pathlib.Path(needed).exists():
            print(f"no program {needed}: build it, or name it with --runner or --program")
            return 2
    tests = {name: wasm for name, wasm in find_tests().items() if not options.only or options.only in name}
    if not tests:
        print("NO SUITE: no WASI 0.3 tests in $WHORL_SUITES or ../shared/suites; every one is skipped")
        print("0 passed, 0 failed, 110 skipped")
        return run_p1.SKIPPED
    lines = LIST.read_text().splitlines() if LIST.exists() else []
    known = {line.split("#")[0].strip() for line in lines} - {""}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = dict(zip(tests, pool.map(lambda wasm: run_test(options.runner, wasm), tests.values())))
    failed = 0
    for name, problem in outcomes.items():
        if bool(problem) != (name in known):
            failed += 1
            print(f"FAILED {name}: {problem or 'passes, take it off the list of expected failures'}")
        elif problem:
            print(f"failed as expected {name}: {problem}")
    known_to_fail = sum(1 for name, problem in outcomes.items() if problem and name in known)
    print(f"{len(outcomes) - failed - known_to_fail} passed, {failed} failed, {known_to_fail} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
