#!/usr/bin/python3
"""Runs Google Benchmark programs and prints one table; the JSON of each goes to --out.

    ./dev bench micro
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys


def find_program(build: pathlib.Path, name: str) -> pathlib.Path:
    found = [p for p in build.rglob(name) if p.is_file()]
    if not found:
        sys.exit(f"Error: {name} is not built in {build}")
    return found[0]


def run(program: pathlib.Path, out: pathlib.Path) -> list[dict]:
    report = out / f"{program.name}.json"
    subprocess.run([program, f"--benchmark_out={report}", "--benchmark_out_format=json", "--benchmark_repetitions=5",
                    "--benchmark_report_aggregates_only=true"], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return json.loads(report.read_text())["benchmarks"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("programs", nargs="+")
    options = parser.parse_args()
    print(f"\n{'median of 5':48} {'CPU':>12} {'wall':>12}")
    for name in options.programs:
        for row in run(find_program(options.build, name), options.out):
            if row.get("aggregate_name") == "median":
                print(f"{row['run_name'][:48]:48} {row['cpu_time']:9.1f} {row['time_unit']} {row['real_time']:9.1f} {row['time_unit']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
