#!/usr/bin/env python3
"""Runs the cases of h1spec, a strictness suite for HTTP/1.1 servers, against the program.

Its table is read from the suite's source in $WHORL_SUITES, else ../shared/suites beside the project; the suite itself
would need another runtime. A case is a request and the status that is to come, or none within a second. The guest
echoes bodies, as the suite wants it.
"""

from __future__ import annotations

import argparse
import ast
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import whorl  # noqa: E402

SUITE = "h1spec/http_test.ts"
SILENCE_S = 1
SKIPPED = 77
STRING = r'"((?:[^"\\]|\\.)*)"'


@dataclasses.dataclass
class Case:
    name: str
    request: bytes
    statuses: list[tuple[int, int]]
    silent: bool
    body: bytes | None


def find_suite() -> pathlib.Path | None:
    suite = pathlib.Path(os.environ.get("WHORL_SUITES") or ROOT.parent / "shared" / "suites") / SUITE
    return suite if suite.is_file() else None


def text_of(literal: str) -> bytes:
    return ast.literal_eval(f'"{literal}"').encode("latin-1")


def read_cases(source: str) -> list[Case]:
    cases = []
    for block in re.findall(r"\{\s*request:.*?\n    \}", source, re.S):
        request = re.search(rf"request:\s*{STRING}", block).group(1)
        body = re.search(rf"expectedBody:\s*{STRING}", block)
        ranges = re.search(r"expectedStatus:\s*(\[\[.*?\]\])", block).group(1)
        cases.append(Case(
            re.search(rf"description:\s*{STRING}", block).group(1), text_of(request),
            [tuple(pair) for pair in ast.literal_eval(ranges)], "expectedTimeout: true" in block,
            text_of(body.group(1)) if body else None))
    return cases


def run_case(port: int, case: Case) -> str:
    """Why the case failed; empty if it passed."""
    with whorl.Connection(port, timeout=SILENCE_S if case.silent else 20) as connection:
        connection.send(case.request)
        try:
            answer = connection.head()
        except TimeoutError:
            return "" if case.silent else "no answer"
        except whorl.Cut as cut:
            return f"closed after {cut}"
        if case.silent:
            return f"answered with {answer.status}"
        if not any(low <= answer.status <= high for low, high in case.statuses):
            return f"answered with {answer.status}"
        if case.body is not None and answer.status == 200:
            body = connection.read_body(answer).body
            return "" if body == case.body else f"the body is {body}"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the program under test; else $WHORL_BIN or the one of build/dev")
    arguments = parser.parse_args()
    if arguments.program:
        os.environ.setdefault("WHORL_BIN", arguments.program)
    suite = find_suite()
    if suite is None or not os.access(whorl.program(), os.X_OK):
        print(f"{SUITE} is not among the suites" if suite is None else f"{whorl.program()} is not built")
        print("0 passed, 0 failed, 1 skipped")
        return SKIPPED
    cases = read_cases(suite.read_text())
    with whorl.Server.start("-f", whorl.guest("echo")) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        problems = list(pool.map(lambda case: run_case(server.port, case), cases))
    for case, problem in zip(cases, problems):
        if problem:
            print(f"FAILED {case.name}: {problem}")
    failed = sum(map(bool, problems))
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
