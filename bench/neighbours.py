#!/usr/bin/python3
"""What a good tenant notices of bad ones: its latency alone, and beside one and four neighbours of each kind.

One process, one shard, one app with a good component and a bad one. The good one is asked over 8 connections at half of
the rate that it reaches alone; each neighbour asks its own bad path over and over, with a new connection each time:
`loop` computes for ever, `memory` takes all it can get, `trap` traps, `flood` writes its log as fast as it can. With
`--generation 0.3` the bad one is tests/guests/p3/c/hostile3.c, a kind for each of its ways: it leaks subtasks, never reads,
never writes, cancels, drops ends early, deadlocks, and does operations of no length, some or for ever. The server is pinned to core 0, all clients to the others, and each row has a server of its own: a loop goes on after its client.
What counts is the p99 beside that of the quiet server in the same round. Times are the server's: from when a request was
due to the kernel's stamp on its answer (paced_client.c). `p99 seen` has in it what the clients waited for their core.

    ./dev bench neighbours
    ./dev bench neighbours --rounds 5 --seconds 5
    ./dev bench neighbours --generation 0.3
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import load

sys.path.insert(0, str(load.ROOT / "tests" / "support"))
import p3_guests  # noqa: E402
import whorl as support  # noqa: E402

# By the bad guest's generation of WASI: the path of each kind, and the status of its answers: a guest finds its behaviour
# by the whole path. Loops go on until their clients leave.
KINDS = {
    "0.2": {"loop": ("/loop", None), "memory": ("/bomb", 500), "trap": ("/trap", 500), "flood": ("/log-flood", 200)},
    "0.3": {"leak": ("/leak", 200), "never-read": ("/never-read", 200), "never-write": ("/never-write", 200),
            "cancel": ("/cancel", 200), "early": ("/early", 200), "deadlock": ("/deadlock", 500), "flood": ("/flood", 200),
            "flood-forever": ("/flood-forever", None)},
}
BAD_ROUTE = '[[trigger.http]]\nroute = "{}"\ncomponent = "bad"\n'
MANIFEST = """spin_manifest_version = 2
[application]
name = "neighbours"
[[trigger.http]]
route = "/good"
component = "good"
{routes}
[component.good]
source = "{good}"
[component.bad]
source = "{bad}"
"""
CONNECTIONS = 8
# A good tenant may see this or twice its quiet p99, whichever is more.
FLOOR_MS = 1.0
MARGIN_SECONDS = 0.25


def build_client(work: pathlib.Path) -> pathlib.Path:
    program = work / "paced_client"
    subprocess.run(["cc", "-O2", "-o", program, pathlib.Path(__file__).parent / "paced_client.c"], check=True)
    return program


class Row:
    """A server of its own and the clients of one row: what bad guests left behind is no part of the next."""

    def __init__(self, options: argparse.Namespace, work: pathlib.Path, cores: list[int] | None):
        self.client, self.cores, self.port = work / "paced_client", cores, load.free_port()
        command = [options.whorl, "up", "-f", str(work), "--threads", "1", "--listen", f"127.0.0.1:{self.port}", "--quiet"]
        with open(work / "log", "wb") as log:
            process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=load.pin_to([0]) if cores else None)
        self.server = load.Subject("whorl", lambda _: command, "", process=process)
        while True:
            with contextlib.suppress(OSError):
                load.fetch(self.port, "/good")
                break
            if process.poll() is not None:
                sys.exit(f"Error: the server ended with {process.returncode}\n\n{(work / 'log').read_text()[-2000:]}")

    def __enter__(self) -> Row:
        return self

    def __exit__(self, *_: object) -> None:
        load.stop(self.server)

    def start(self, path: str, connections: int, seconds: float, rate: float) -> subprocess.Popen:
        return subprocess.Popen([self.client, str(self.port), path, str(connections), str(seconds), f"{rate:.0f}"],
                                stdout=subprocess.PIPE, text=True, preexec_fn=load.pin_to(self.cores))

    def ask(self, seconds: float, rate: float) -> dict:
        """The good tenant's times in ms; an answer that is not 200 ends the bench."""
        found = json.loads(self.start("/good", CONNECTIONS, seconds, rate).communicate()[0])
        if found["wrong"] or not found["answers"]:
            sys.exit(f"Error: {found['wrong']} of {found['answers']} answers of the good tenant were no 200")
        return found | {"per_second": found["answers"] / seconds}


def run_round(options: argparse.Namespace, work: pathlib.Path, cores: list[int] | None) -> list[dict]:
    with Row(options, work, cores) as row:
        rate = row.ask(options.seconds, 0)["per_second"] / 2
        rows = [{"neighbours": "none", "bad": 0, **row.ask(options.seconds, rate)}]
    for kind, (path, status) in options.kinds.items():
        for count in (1, 4):
            with Row(options, work, cores) as row:
                # They begin before and go on after, by as much as one of their requests may take.
                bad = row.start(path, count, options.seconds + 2 * MARGIN_SECONDS, -1)
                time.sleep(MARGIN_SECONDS)
                found = row.ask(options.seconds, rate)
                theirs = json.loads(bad.communicate()[0])
                answers = {None: 0, 200: theirs["answers"] - theirs["wrong"], 500: theirs["wrong"]}[status]
                if theirs["answers"] != answers:
                    sys.exit(f"Error: neighbours of kind {kind} are not bad as they should be: {theirs}")
                rows.append({"neighbours": f"{count} × {kind}", "bad": answers, **found})
    limit = max(2 * rows[0]["served"]["p99"], FLOOR_MS)
    return [row | {"within": row["served"]["p99"] <= limit} for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", default=str(load.ROOT / "build" / "whorl"))
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest(), help="the good tenant")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--generation", choices=tuple(KINDS), default="0.2", help="of WASI, of the bad guest")
    parser.add_argument("--kind", help="only neighbours of this kind")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    options.kinds = KINDS[options.generation]
    if options.kind:
        if options.kind not in options.kinds:
            parser.error(f"neighbours of {options.generation} are one of {', '.join(options.kinds)}")
        options.kinds = {options.kind: options.kinds[options.kind]}
    cores = sorted(os.sched_getaffinity(0))[1:] or None
    with tempfile.TemporaryDirectory(prefix="whorl-neighbours-") as folder:
        work = pathlib.Path(folder)
        bad = p3_guests.build(work, "hostile3") if options.generation == "0.3" else support.guest("multi")
        routes = "".join(BAD_ROUTE.format(path) for path, _ in options.kinds.values())
        (work / "spin.toml").write_text(MANIFEST.format(good=options.guest.resolve(), bad=bad, routes=routes))
        build_client(work)
        rounds = [run_round(options, work, cores) for _ in range(options.rounds)]
    columns = ("p50", "p99", "p999", "most")
    print(f"{'neighbours':<18}{''.join(f'{name:>9}' for name in columns)}{'× quiet':>9}{'p99 seen':>10}"
          f"{'per second':>12}{'bad ones':>10}{'within':>8}")
    for at, first in enumerate(rounds[0]):
        rows = [each[at] for each in rounds]
        ratio = statistics.median(each[at]["served"]["p99"] / each[0]["served"]["p99"] for each in rounds)
        middle = {name: statistics.median(row["served"][name] for row in rows) for name in columns}
        print(f"{first['neighbours']:<18}{''.join(f'{middle[name]:9.3f}' for name in columns)}{ratio:9.2f}"
              f"{statistics.median(row['seen']['p99'] for row in rows):10.3f}"
              f"{statistics.median(row['per_second'] for row in rows):12.0f}"
              f"{statistics.median(row['bad'] / (options.seconds + 2 * MARGIN_SECONDS) for row in rows):10.0f}"
              f"{sum(row['within'] for row in rows):>6}/{len(rows)}")
    if options.out:
        options.out.write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
