#!/usr/bin/env python3
"""Runs one folder of the component-model suite with wast-runner.

The suite is looked for in $WHORL_SUITES, else ../shared/suites beside the project. What is known to fail stands in
wast_expected_failures.txt, with reasons; that list can only shrink. Arguments after the folder go to the runner.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUITE = "component-model/test"
LIST = pathlib.Path(__file__).with_name("wast_expected_failures.txt")
SKIPPED = 77


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runner", default=str(ROOT / "build" / "dev" / "tests" / "conformance" / "wast-runner"))
    parser.add_argument("folder", help="binary, linking, resources, validation, values or async")
    options, rest = parser.parse_known_args()
    if not pathlib.Path(options.runner).exists():
        print(f"no program {options.runner}: build wast-runner, or name it with --runner")
        return 2
    suites = pathlib.Path(os.environ.get("WHORL_SUITES") or ROOT.parent / "shared" / "suites")
    folder = suites / SUITE / options.folder
    if not folder.is_dir():
        print(f"NO SUITE: no {SUITE}/{options.folder} in $WHORL_SUITES or ../shared/suites; all of it is skipped")
        print("0 passed, 0 failed, 1 skipped")
        return SKIPPED
    sys.stdout.flush()
    return subprocess.run([options.runner, "--expect", str(LIST), *rest, str(folder)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
