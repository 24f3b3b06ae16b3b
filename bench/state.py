#!/usr/bin/python3
"""State and the outside world side by side: the same guest on Whorl and on Spin, against the same real servers.

One guest that uses each capability by path (`capabilities` of the prebuilt guests), real servers of Debian's packages on
the same machine, 32 connections. Both programs are started once and get slices of load in turn, path by path. Told
for each path: CPU of the program per request (median of the rounds, and of the ratio within a round), answers per
second, p50 and p99, failures, connections held to the real server, and what the rest of the machine had left: `limit` is
the rate at which the real server and the load generator alone, by the CPU that they use per request, fill all cores. A path
whose limit is less than five times Spin's rate cannot be five times as fast, whatever is in the middle.

Then the Redis trigger: messages for handlers of 5 ms, as fast as they are taken.

    WHORL_PEER_SPIN=/path/spin ./dev bench state
    bench/state.py --paths kv/set sqlite/put --rounds 7
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import load

sys.path.insert(0, str(load.ROOT / "tests" / "support"))

import peers  # noqa: E402
import real_servers  # noqa: E402



@dataclasses.dataclass(frozen=True)
class Path:
    """What is asked for, and of Whorl beside Spin: CPU per request, answers per second, p99 in ms."""

    server: str = ""  # the real one behind it
    where: str = ""  # where it differs from the name
    rate: float = 5
    cpu: float = 10
    p99: float | None = None


PATHS = {
    "noop": Path(), "var": Path(), "kv/set": Path(rate=20, p99=10), "kv/set same": Path(where="kv/set", p99=10), "kv/get": Path(),
    "sqlite/get": Path(), "sqlite/put": Path(p99=20), "redis/set": Path("redis"), "redis/get": Path("redis"), "pg": Path("postgres"),
    "mysql": Path("mysql"), "mqtt": Path("mqtt"), "http": Path("http")}
MANIFEST = """spin_manifest_version = 2
[application]
name = "capabilities"
version = "1.0.0"
[variables]
greeting = {{ default = "hi" }}
[[trigger.http]]
route = "/..."
component = "capabilities"
[component.capabilities]
source = "capabilities.wasm"
key_value_stores = ["default"]
sqlite_databases = ["default"]
allowed_outbound_hosts = ["redis://127.0.0.1:{redis}", "postgres://127.0.0.1:{postgres}", "mysql://127.0.0.1:{mysql}", "mqtt://127.0.0.1:{mqtt}", "http://127.0.0.1:{http}"]
variables = {{ greeting = "{{{{ greeting }}}}" }}
[component.capabilities.environment]
REDIS = "redis://127.0.0.1:{redis}"
PG = "postgres://postgres@127.0.0.1:{postgres}/postgres?sslmode=disable"
MYSQL = "mysql://u:p@127.0.0.1:{mysql}/d"
MQTT = "mqtt://127.0.0.1:{mqtt}?client_id=bench"
HTTP = "http://127.0.0.1:{http}/"
"""
TRIGGER_MANIFEST = """spin_manifest_version = 2
[application]
name = "worker"
version = "1.0.0"
[application.trigger.redis]
address = "redis://127.0.0.1:{redis}"
[[trigger.redis]]
channel = "{channel}"
component = "worker"
[component.worker]
source = "worker.wasm"
allowed_outbound_hosts = ["redis://127.0.0.1:{redis}"]
[component.worker.environment]
REDIS = "redis://127.0.0.1:{redis}"
HANDLED = "{channel}"
"""
TRIGGER_TIMEOUT_S = 60


@dataclasses.dataclass
class Slice:
    requests: int
    failed: int
    cpu_us: float  # of the program, per request
    server_us: float  # of the real server
    load_us: float  # of the load generator
    per_second: float
    p50_ms: float
    p99_ms: float
    connections: int  # to the real server, at most
    busy: float  # share of all cores
    steal: float


class Program(load.Subject):
    """Whorl or Spin, with a copy of the application of its own."""

    slices_of: dict[str, list[Slice]]


def connections_to(port: int, pids: list[int]) -> int:
    """Established connections of these processes to a port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "01" and int(parts[2].rsplit(":", 1)[1], 16) == port:
                inodes.add(parts[9])
    found = set()  # some are open under two numbers, a library's and the program's
    for pid in pids:
        for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(entry)
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return len(found & inodes)


class ConnectionWatch:
    """Counts a program's connections a few times a second; `most` of them is kept."""

    def __init__(self, port: int, pids: list[int]) -> None:
        self.most = 0
        self._port, self._pids = port, pids
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while True:
            self.most = max(self.most, connections_to(self._port, self._pids))
            if self._end.wait(0.3):
                return

    def __enter__(self):
        if self._port:
            self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        if self._port:
            self._thread.join()


def busy_and_total() -> tuple[int, int, int]:
    ticks = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks), ticks[7]


# Spin writes nothing when a key is given the value that it has: each set of these is of a new key.
NEW_KEYS = """local n, run = 0, os.time()
request = function() n = n + 1; return wrk.format("GET", "/kv/set?key=" .. run .. "-" .. n) end
"""


def run_wrk(port: int, path: str, connections: int, seconds: float) -> tuple[int, int, float, float, float, float]:
    """(answers, failures, per second, p50 ms, p99 ms, CPU us of the generator per answer)"""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s", "--latency",
               f"http://127.0.0.1:{port}/{PATHS[path].where or path}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        if path == "kv/set":
            script.write(NEW_KEYS)
            script.flush()
            command[1:1] = ["-s", script.name]
        before = os.times()
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    answers = int(re.search(r"(\d+) requests in", output).group(1))
    failed = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", output))
    if errors := re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output):
        failed += sum(int(n) for n in errors.groups())
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
    quantile = {q: float(value) * scale[unit] for q, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s|m)\b", output)}
    return (answers, failed, float(re.search(r"Requests/sec:\s*([\d.]+)", output).group(1)), quantile.get("50", 0.0),
            quantile.get("99", 0.0), used * 1e6 / max(1, answers))


def measure(program: Program, path: str, server, options: argparse.Namespace, seconds: float) -> Slice:
    mine = load.tree(program.process.pid)
    theirs = load.tree(server.process.pid) if server else []
    busy_before, total_before, steal_before = busy_and_total()
    cpu, server_cpu = load.cpu_ns(mine), load.cpu_ns(theirs)
    with ConnectionWatch(server.port if server else 0, mine) as watch:
        answers, failed, per_second, p50, p99, load_us = run_wrk(program.port, path, options.connections, seconds)
    cpu, server_cpu = load.cpu_ns(mine) - cpu, load.cpu_ns(theirs) - server_cpu
    busy_after, total_after, steal_after = busy_and_total()
    total = max(1, total_after - total_before)
    each = max(1, answers) * 1000
    return Slice(answers, failed, cpu / each, server_cpu / each, load_us, per_second, p50, p99, watch.most,
                 (busy_after - busy_before) / total, (steal_after - steal_before) / total)


def make_app(folder: pathlib.Path, guest: pathlib.Path, ports: dict[str, int]) -> pathlib.Path:
    folder.mkdir()
    shutil.copy(guest, folder / "capabilities.wasm")
    (folder / "spin.toml").write_text(MANIFEST.format(**ports))
    return folder


def programs(options: argparse.Namespace, work: pathlib.Path, ports: dict[str, int]) -> list[Program]:
    chosen = []
    for name, program in (("whorl", options.whorl), ("spin", os.environ.get("WHORL_PEER_SPIN"))):
        if not program or not os.access(program, os.X_OK):
            print(f"({name} takes no part: no program)", file=sys.stderr)
            continue
        app = make_app(work / name, options.guest, ports)
        chosen.append(Program(
            name, lambda port, p=program, a=app: [str(p), "up", "-f", str(a / "spin.toml"), "--listen", f"127.0.0.1:{port}", "--quiet"],
            load.first_line([str(program), "--version"])))
        chosen[-1].slices_of = {}
    return chosen


def start(program: Program, work: pathlib.Path) -> None:
    program.port = load.free_port()
    log = open(work / f"{program.name}.log", "wb")
    program.process = subprocess.Popen(program.command(program.port), cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    began = time.monotonic()
    while True:
        try:
            load.fetch(program.port, "/noop")
            break
        except OSError:
            if program.process.poll() is not None or time.monotonic() - began > load.START_TIMEOUT_S:
                sys.exit(f"Error: {program.name} does not answer\n\n{(work / f'{program.name}.log').read_text()[-2000:]}")
            time.sleep(0.01)
    for path in ("/sqlite/init", "/kv/set", "/redis/set"):
        load.fetch(program.port, path)


class Backend:
    """nginx with a fixed answer, for outbound HTTP."""

    def __init__(self, work: pathlib.Path) -> None:
        folder = work / "backend"
        folder.mkdir()
        self.port = load.free_port()
        self.process = subprocess.Popen(load.nginx(b"backend", folder).command(self.port), stdin=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run_rounds(all_of: list[Program], servers: dict, options: argparse.Namespace) -> None:
    for path in options.paths:
        server = servers.get(PATHS[path].server)
        for program in all_of:
            measure(program, path, server, options, 1)  # pools fill, code and caches get warm
            program.slices_of[path] = []
        for _ in range(options.rounds):
            for program in all_of:
                program.slices_of[path].append(measure(program, path, server, options, options.slice_seconds))
        print(path + ": " + "  ".join(
            f"{p.name} {statistics.median(s.cpu_us for s in p.slices_of[path]):.1f} us "
            f"{statistics.median(s.per_second for s in p.slices_of[path]):.0f}/s" for p in all_of), file=sys.stderr)


def summary(program: Program, path: str, base: Program | None, cores: int) -> dict:
    slices = program.slices_of[path]
    middle = lambda key: statistics.median(getattr(s, key) for s in slices)  # noqa: E731
    row = {"program": program.name, "path": path, "failed": sum(s.failed for s in slices), "requests": sum(s.requests for s in slices),
           "p99_ms_worst": max(s.p99_ms for s in slices), "connections": [s.connections for s in slices],
           "steal": max(s.steal for s in slices), "slices": [dataclasses.asdict(s) for s in slices]}
    row |= {key: middle(key) for key in ("cpu_us", "server_us", "load_us", "per_second", "p50_ms", "p99_ms", "busy")}
    row["limit"] = cores * 1e6 / max(1e-9, row["server_us"] + row["load_us"])
    if base and base is not program:
        others = base.slices_of[path]
        row["less_cpu"] = statistics.median(b.cpu_us / a.cpu_us for a, b in zip(slices, others))
        row["more_rate"] = statistics.median(a.per_second / b.per_second for a, b in zip(slices, others))
        row["limit_of_rate"] = row["limit"] / statistics.median(b.per_second for b in others)
    return row


def verdict(row: dict) -> str:
    if "less_cpu" not in row:
        return ""
    goal = PATHS[row["path"]]
    goals = [f"cpu {'ok' if row['less_cpu'] >= goal.cpu else 'no'}"]
    if row["more_rate"] >= goal.rate:
        goals.append("rate ok")
    elif row["limit_of_rate"] < goal.rate:
        goals.append(f"rate {row['per_second'] / row['limit']:.0%} of the rest's limit")
    else:
        goals.append("rate no")
    if goal.p99 is not None:
        goals.append(f"p99 {'ok' if row['p99_ms'] <= goal.p99 else 'no'}")
    return ", ".join([*goals, *(["FAILURES"] if row["failed"] else [])])


def connections(row: dict) -> str:
    """To the real server, in the first and the last round."""
    return "-".join(str(count) for count in (row["connections"][0], row["connections"][-1]))


def print_table(rows: list[dict], options: argparse.Namespace) -> None:
    print(f"\n{options.guest.name}, {options.connections} connections, {options.rounds} rounds of {options.slice_seconds} s; medians; p99 also the worst\n"
          "round's; server us and load us: the real server's and the load generator's CPU per request; limit: see --help")
    print(f"{'path':12}{'':7}{'CPU us':>8}{'x less':>8}{'req/s':>8}{'x more':>8}{'p50 ms':>8}{'p99 ms':>8}{'worst':>8}{'failed':>8}"
          f"{'conns':>8}{'server us':>10}{'load us':>8}{'busy':>6}{'limit/s':>9}  goals")
    for row in rows:
        ratio = lambda key: f"{row[key]:.1f}" if key in row else ""  # noqa: E731
        print(f"{row['path']:12}{row['program']:7}{row['cpu_us']:8.1f}{ratio('less_cpu'):>8}{row['per_second']:8.0f}{ratio('more_rate'):>8}"
              f"{row['p50_ms']:8.2f}{row['p99_ms']:8.2f}{row['p99_ms_worst']:8.2f}{row['failed']:8}{connections(row):>8}"
              f"{row['server_us']:10.1f}{row['load_us']:8.1f}{row['busy']:6.0%}{row['limit']:9.0f}  {verdict(row)}")


def trigger_guest(work: pathlib.Path) -> pathlib.Path | None:
    """The handler, built with Debian's Rust (its results are kept)."""
    out = work / "worker.wasm"
    built = subprocess.run([load.ROOT / "tests" / "guests" / "rust-redis-worker" / "build.sh", out], cwd=work, capture_output=True, text=True)
    if built.returncode != 0:
        print(f"(no figure of the Redis trigger: {(built.stderr.strip().splitlines() or ['its guest is not built'])[-1]})", file=sys.stderr)
        return None
    return out


def publish(redis, channel: str, count: int) -> None:
    """Messages in one go, by the pipe mode of redis-cli."""
    text = "".join(f"PUBLISH {channel} {number}\r\n" for number in range(count))
    subprocess.run(["redis-cli", "-p", str(redis.port), "--pipe"], input=text, text=True, check=True, capture_output=True)


def handled(redis, channel: str) -> int:
    return int(redis.cli("GET", channel).strip() or 0)


def run_trigger(name: str, program: str, guest: pathlib.Path, redis, count: int, work: pathlib.Path) -> dict:
    """Messages per second that a program handles, and how many it did not."""
    channel, folder = f"bench-{name}", work / f"trigger-{name}"
    folder.mkdir()
    shutil.copy(guest, folder)
    (folder / "spin.toml").write_text(TRIGGER_MANIFEST.format(redis=redis.port, channel=channel))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([str(program), "up", "-f", str(folder / "spin.toml"), "--quiet"], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end = time.monotonic() + TRIGGER_TIMEOUT_S
        while redis.cli("PUBSUB", "NUMSUB", channel).split()[1:] != ["1"]:
            if time.monotonic() > end or process.poll() is not None:
                sys.exit(f"Error: {name} does not subscribe\n\n{(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)
        publish(redis, channel, 20)  # warm
        while handled(redis, channel) < 20 and time.monotonic() < end:
            time.sleep(0.01)
        pids = load.tree(process.pid)
        cpu, began = load.cpu_ns(pids), time.monotonic()
        publish(redis, channel, count)
        seen = quiet_since = began
        last = 20
        while last < count + 20 and time.monotonic() - quiet_since < 5:
            time.sleep(0.02)
            current = handled(redis, channel)
            if current != last:
                last, quiet_since = current, time.monotonic()
                seen = quiet_since
        took = seen - began
        return {"program": name, "messages": count, "lost": count + 20 - last, "per_second": (last - 20) / took,
                "cpu_us": (load.cpu_ns(pids) - cpu) / 1000 / max(1, last - 20)}
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def trigger_rows(options: argparse.Namespace, redis, work: pathlib.Path) -> list[dict]:
    guest = trigger_guest(work)
    if guest is None:
        return []
    rows = []
    for name, program, count in (("whorl", options.whorl, options.messages), ("spin", os.environ.get("WHORL_PEER_SPIN"), options.messages // 20)):
        if program and os.access(program, os.X_OK):
            rows.append(run_trigger(name, str(program), guest, redis, count, work))
    print("\nRedis trigger, handlers of 5 ms that count in the same Redis server")
    for row in rows:
        more = row["per_second"] / rows[-1]["per_second"]
        print(f"{row['program']:7}{row['per_second']:9.0f} messages/s  {f'{more:.1f} x' if row is not rows[-1] else '':8} "
              f"{row['cpu_us']:8.1f} CPU us each  {row['lost']} of {row['messages']} lost")
    return rows


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    prebuilt = pathlib.Path(os.environ.get("WHORL_GUESTS", load.ROOT.parent / "shared" / "guests")) / "capabilities" / "capabilities.wasm"
    parser.add_argument("--guest", type=pathlib.Path, default=prebuilt)
    parser.add_argument("--whorl", type=pathlib.Path, default=load.ROOT / "build" / "whorl")
    parser.add_argument("--paths", nargs="*", choices=[*PATHS, []], default=list(PATHS), metavar="PATH", help=", ".join(PATHS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--slice-seconds", type=int, default=2)
    parser.add_argument("--messages", type=int, default=20000, help="for the Redis trigger, of which Spin gets a twentieth; 0: none")
    parser.add_argument("--out", type=pathlib.Path, default=load.ROOT / "build" / "bench" / "state.json")
    options = parser.parse_args()
    options.guest, options.whorl = options.guest.resolve(), options.whorl.resolve()
    return options


def main() -> int:
    options = parse_arguments()
    peers.find()
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="whorl-bench-") as name:
        work = pathlib.Path(name)
        os.chmod(work, 0o755)  # servers run as users of their own
        with real_servers.Redis() as redis, real_servers.Postgres() as postgres, real_servers.MariaDb() as mysql, \
                real_servers.Mosquitto() as mqtt, Backend(work) as backend:
            servers = {"redis": redis, "postgres": postgres, "mysql": mysql, "mqtt": mqtt, "http": backend}
            all_of = programs(options, work, {key: server.port for key, server in servers.items()})
            try:
                for program in all_of:
                    start(program, work)
                run_rounds(all_of, servers, options)
            finally:
                for program in all_of:
                    load.stop(program)
            base = next((p for p in all_of if p.name == "spin"), None)
            rows = [summary(program, path, base, cores) for path in options.paths for program in all_of]
            print_table(rows, options)
            trigger = trigger_rows(options, redis, work) if options.messages else []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": platform.platform(), "cores": cores,
        "connections": options.connections, "rounds": options.rounds, "versions": {p.name: p.version for p in all_of},
        "rows": rows, "trigger": trigger}, indent=2) + "\n")
    print(f"\nwritten to {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
