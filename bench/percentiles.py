#!/usr/bin/python3
"""`hey -c 50 -n 10000`, as in the hands-on article about Spin of 2022: every line of hey's report beside the article's, and
beside Spin's on this machine.

As people start them: nothing is pinned, each server chooses its threads. Whorl and Spin take turns; the run whose total is the
median of the rounds is shown whole. The server's CPU time and memory are of the same run; `instances` are those that Whorl
made anew or put back for it, of which there must be one for each request.

    ./dev bench percentiles
    WHORL_PEER_SPIN=/path/spin ./dev bench percentiles --guest rust.wasm --rounds 5
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import load

REQUESTS, CONNECTIONS = 10_000, 50
# What the article printed; times in seconds.
ARTICLE = {"total": 2.7089, "per second": 3691.5819, "slowest": 0.0387, "fastest": 0.0003, "average": 0.0133,
           "p10": 0.0070, "p25": 0.0100, "p50": 0.0134, "p75": 0.0167, "p90": 0.0196, "p95": 0.0212, "p99": 0.0245, "answers 200": 10_000}
LINES = {"total": "Total", "per second": "Requests/sec", "slowest": "Slowest", "fastest": "Fastest", "average": "Average"}


def report_of(output: str) -> dict[str, float]:
    """hey's report by the names above."""
    found = {name: float(re.search(rf"{line}:\s*([\d.]+)", output).group(1)) for name, line in LINES.items()}
    found |= {f"p{quantile}": float(value) for quantile, value in re.findall(r"(\d+)%+ in ([\d.]+) secs", output)}
    codes = dict(re.findall(r"\[(\d+)\]\s+(\d+) responses", output))
    return found | {"answers 200": int(codes.get("200", 0))}


def instances(port: int) -> int:
    """Instances that were made anew or put back until now."""
    counters = load.fetch(port, "/metrics").decode()
    return sum(int(n) for n in re.findall(r"^whorl_instances_(?:started|reset)_total\{[^}]*\} (\d+)", counters, re.M))


def run(subject: load.Subject, metrics: int | None) -> dict[str, float]:
    pids = load.tree(subject.process.pid)
    cpu, made = load.cpu_ns(pids), instances(metrics) if metrics else 0
    output = subprocess.run(["hey", "-c", str(CONNECTIONS), "-n", str(REQUESTS), f"http://127.0.0.1:{subject.port}/"],
                            capture_output=True, text=True, check=True).stdout
    row = report_of(output) | {"CPU seconds": (load.cpu_ns(pids) - cpu) / 1e9, "RSS MiB": load.memory_kib(pids, "Rss") / 1024}
    return row | ({"instances": instances(metrics) - made} if metrics else {})


def print_table(columns: dict[str, dict[str, float]]) -> None:
    print(f"\n{'':12} " + " ".join(f"{name:>12}" for name in columns))
    for line in list(ARTICLE) + ["CPU seconds", "RSS MiB", "instances"]:
        cells = (column.get(line) for column in columns.values())
        print(f"{line:12} " + " ".join(f"{'' if cell is None else f'{cell:.4f}' if isinstance(cell, float) else cell:>12}" for cell in cells))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest())
    parser.add_argument("--whorl", type=pathlib.Path, default=load.ROOT / "build" / "whorl")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=pathlib.Path, default=load.ROOT / "build" / "bench" / "percentiles.json")
    options = parser.parse_args()
    guest, metrics = str(options.guest.resolve()), load.free_port()
    programs = {"Whorl": str(options.whorl.resolve()), "Spin": os.environ.get("WHORL_PEER_SPIN")}
    flags = {"Whorl": ["--metrics-listen", f"127.0.0.1:{metrics}"]}
    subjects = [load.Subject(name, lambda port, n=name, p=program: [p, "up", "-f", guest, "--listen", f"127.0.0.1:{port}", "--quiet",
                                                                  *flags.get(n, [])], load.first_line([program, "--version"]))
                for name, program in programs.items() if program]
    if len(subjects) == 1:
        print("(spin is not compared: WHORL_PEER_SPIN is not set)", file=sys.stderr)
    rows: dict[str, list[dict[str, float]]] = {subject.name: [] for subject in subjects}
    with tempfile.TemporaryDirectory(prefix="whorl-bench-") as folder:
        try:
            for subject in subjects:
                load.start(subject, None, pathlib.Path(folder))
                run(subject, None)  # warm
            for _ in range(options.rounds):
                for subject in subjects:
                    rows[subject.name].append(run(subject, metrics if subject.name == "Whorl" else None))
        finally:
            for subject in subjects:
                load.stop(subject)
    medians = {name: sorted(found, key=lambda row: row["total"])[len(found) // 2] for name, found in rows.items()}
    print_table({"article": ARTICLE} | medians)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"guest": options.guest.name, "rounds": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
