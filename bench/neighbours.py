#!/usr/bin/python3
"""What a good tenant notices of bad ones: its latency alone, and beside one and four neighbours of each kind.

One process, one shard, one app with a good component and a bad one. The good one is asked over 8 connections at half of
the rate that it reaches alone; each neighbour asks its own bad path over and over, in a connection of its own:
`loop` computes for ever, `memory` takes all it can get, `trap` traps, `flood` writes its log as fast as it can. The server
is pinned to core 0, all clients to the others. What counts is the p99 beside that of the quiet server in the same round.

    ./dev bench neighbours
    ./dev bench neighbours --rounds 5 --seconds 5
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import http.client
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading

import load

sys.path.insert(0, str(load.ROOT / "tests" / "support"))
import whorl as support  # noqa: E402

KINDS = {"loop": "/loop", "memory": "/bomb", "trap": "/trap", "flood": "/log-flood"}
MANIFEST = """spin_manifest_version = 2
[application]
name = "neighbours"
[[trigger.http]]
route = "/good"
component = "good"
[[trigger.http]]
route = "/bad/..."
component = "bad"
[component.good]
source = "{good}"
[component.bad]
source = "{bad}"
"""
CONNECTIONS = 8
# A good tenant may see this or twice its quiet p99, whichever is more.
FLOOR_MS = 1.0


class Neighbours:
    """So many clients of a bad path, until they are told to stop."""

    def __init__(self, port: int, path: str, count: int):
        self.port, self.path, self.over, self.answers = port, path, threading.Event(), 0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]

    def __enter__(self) -> Neighbours:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def run(self) -> None:
        while not self.over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("GET", "/bad" + self.path)
                connection.getresponse().read()
                connection.close()
                self.answers += 1


def ask(port: int, seconds: float, per_second: float | None, cores: list[int] | None) -> dict:
    """Latencies of the good tenant in ms, and its rate; an answer that is not 200 ends the bench."""
    command = ["hey", "-c", str(CONNECTIONS), "-z", f"{seconds}s", "-o", "csv"]
    if per_second:
        command += ["-q", f"{per_second / CONNECTIONS:.1f}"]
    text = subprocess.run([*command, f"http://127.0.0.1:{port}/good"], capture_output=True, text=True, check=True,
                          preexec_fn=load.pin_to(cores)).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows or {row["status-code"] for row in rows} != {"200"}:
        sys.exit(f"Error: not every answer of the good tenant was a 200\n\n{text[:500]}")
    times = sorted(float(row["response-time"]) * 1000 for row in rows)
    return {"per_second": len(times) / seconds, "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100],
            "most": times[-1]}


def run_round(port: int, options: argparse.Namespace, cores: list[int] | None) -> list[dict]:
    peak = ask(port, options.seconds, None, cores)["per_second"]
    rows = [{"neighbours": "none", **ask(port, options.seconds, peak / 2, cores)}]
    for kind, path in KINDS.items():
        for count in (1, 4):
            with Neighbours(port, path, count) as bad:
                row = {"neighbours": f"{count} × {kind}", **ask(port, options.seconds, peak / 2, cores)}
            rows.append(row | {"answers": bad.answers})
    limit = max(2 * rows[0]["p99"], FLOOR_MS)
    return [row | {"within": row["p99"] <= limit} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", default=str(load.ROOT / "build" / "whorl"))
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest(), help="the good tenant")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[1:]
    with tempfile.TemporaryDirectory(prefix="whorl-neighbours-") as folder:
        work = pathlib.Path(folder)
        (work / "spin.toml").write_text(MANIFEST.format(good=options.guest.resolve(), bad=support.guest("multi")))
        port = load.free_port()
        command = [options.whorl, "up", "-f", str(work), "--threads", "1", "--listen", f"127.0.0.1:{port}", "--quiet"]
        with open(work / "log", "wb") as log:
            process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=load.pin_to([0]) if cores else None)
        server = load.Subject("whorl", lambda _: command, "", process=process)
        try:
            while True:
                with contextlib.suppress(OSError):
                    load.fetch(port, "/good")
                    break
                if process.poll() is not None:
                    sys.exit(f"Error: the server ended with {process.returncode}\n\n{(work / 'log').read_text()[-2000:]}")
            rounds = [run_round(port, options, cores or None) for _ in range(options.rounds)]
        finally:
            load.stop(server)
    print(f"{'neighbours':<14}{'p50 ms':>9}{'p99 ms':>9}{'× quiet':>9}{'most ms':>9}{'per second':>12}{'rounds within':>15}")
    for at, first in enumerate(rounds[0]):
        rows = [each[at] for each in rounds]
        ratio = statistics.median(each[at]["p99"] / each[0]["p99"] for each in rounds)
        middle = {key: statistics.median(row[key] for row in rows) for key in ("p50", "p99", "most", "per_second")}
        print(f"{first['neighbours']:<14}{middle['p50']:9.2f}{middle['p99']:9.2f}{ratio:9.2f}{middle['most']:9.1f}"
              f"{middle['per_second']:12.0f}{sum(row['within'] for row in rows):>9}/{len(rows)}")
    if options.out:
        options.out.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
