#!/usr/bin/python3
"""What telemetry costs: Whorl with and without it, in one run, as load.py measures (CPU per request of the whole
process, the exporting threads included).

    ./dev bench telemetry --rounds 60

Many short slices in turn, every second round in the opposite order. Two processes have all of it off, `off` and `off-2`, and
the ratio is, round by round, to the mean of both: what these two differ in is what two processes of one program differ in by
their places in memory, and nothing below that is a finding. Of the ratios the median is shown and where 95 % of the
medians lie when rounds are drawn anew (a bootstrap); `least` is the cheapest slice to the cheaper process's cheapest one.

`metrics`: the endpoint for Prometheus. `log`, `log-json`: the access log to a file. `otlp-m+l`, `traces-1%`, `traces`: OTLP
to a collector in this program, by OTEL_EXPORTER_OTLP_PROTOCOL (`--protocol grpc` needs Debian's python3-grpcio). `traces` is
what there is without a setting, 1000 new ones a second (ADR 56); `traces-all` every one. `all` is everything at once,
traces as without a setting. `--only NAME`, as often as one likes: these alone.
"""

from __future__ import annotations

import dataclasses
import http.server
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes what comes."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()


def collector(protocol: str) -> tuple[str, object]:
    """(its URL, what ends it)"""
    if protocol == "grpc":
        program = load.ROOT / "tests" / "support" / "grpc_collector.py"
        process = subprocess.Popen(["/usr/bin/python3", program], stdout=subprocess.PIPE, text=True)
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        threading.Thread(target=lambda: [None for _ in process.stdout], daemon=True).start()
        return url, process.kill
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.shutdown


def subjects(options, url: str, protocol: str, work: pathlib.Path) -> list[load.Subject]:
    version = load.first_line([str(options.whorl), "--version"])
    otel = {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    per_signal = {name: otel | {f"OTEL_EXPORTER_OTLP_{name}_ENDPOINT": url if protocol == "grpc" else f"{url}/v1/{name.lower()}"}
                  for name in ("TRACES", "METRICS", "LOGS")}
    rare = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}
    every = {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
    metrics = ["--metrics-listen", "127.0.0.1:0"]
    log = ["--access-log", str(work / "access.log")]
    kinds: list[tuple[str, list[str], dict[str, str]]] = [
        ("off", [], {}), ("metrics", metrics, {}), ("log", log, {}),
        ("otlp-m+l", [], per_signal["METRICS"] | per_signal["LOGS"]), ("traces-1%", [], per_signal["TRACES"] | rare),
        ("traces", [], per_signal["TRACES"]), ("traces-all", [], per_signal["TRACES"] | every),
        ("all", metrics + log, otel | {"OTEL_EXPORTER_OTLP_ENDPOINT": url}),
        ("log-json", ["--access-log", str(work / "access.json"), "--access-log-format", "json"], {}), ("off-2", [], {})]
    if options.only:
        kinds = [kind for kind in kinds if kind[0].startswith("off") or kind[0] in options.only]

    def command(flags: list[str]):
        return lambda port: [str(options.whorl), "up", "-f", str(options.guest), "--listen", f"127.0.0.1:{port}", "--quiet",
                             "--threads", "1", *options.whorl_flag, *flags]

    return [load.Subject(name, command(flags), version, environment) for name, flags, environment in kinds]


def run_rounds(all_of: list[load.Subject], options, load_cores: list[int] | None) -> None:
    counts = {subject.name: load.requests_per_slice(subject, options, load_cores) for subject in all_of}
    for number in range(options.rounds):
        for subject in all_of if number % 2 == 0 else reversed(all_of):
            for _ in range(load.MAX_REPEATS):
                result = load.measure(subject, options, counts[subject.name], load_cores)
                if result.steal <= options.max_steal:
                    break
            subject.slices.append(result)
        print(f"round {number + 1}/{options.rounds}: " + "  ".join(
            f"{subject.name} {subject.slices[-1].cpu_us:.1f} us" for subject in all_of), file=sys.stderr)


def summary(subject: load.Subject, off: list[load.Subject]) -> dict:
    mine = [piece.cpu_us for piece in subject.slices]
    ratios = [cpu / statistics.mean(other.slices[number].cpu_us for other in off) for number, cpu in enumerate(mine)]
    drawn = random.Random(1)  # the same figures of the same slices
    medians = sorted(statistics.median(drawn.choices(ratios, k=len(ratios))) for _ in range(2000))
    least_off = min(piece.cpu_us for other in off for piece in other.slices)
    return {
        "name": subject.name, "version": subject.version, "cpu_us": statistics.median(mine),
        "ratio_to_off": {"median": statistics.median(ratios), "low": medians[50], "high": medians[-51],
                         "least": min(mine) / least_off},
        "per_second": statistics.median(piece.per_second for piece in subject.slices),
        "p99_ms": statistics.median(piece.p99_ms for piece in subject.slices),
        "slices": [dataclasses.asdict(piece) for piece in subject.slices],
    }


def main() -> int:
    protocol, only = "http/protobuf", []
    arguments, rest = iter(sys.argv[1:]), []
    for argument in arguments:
        if argument == "--protocol":
            protocol = next(arguments)
        elif argument == "--only":
            only.append(next(arguments))
        else:
            rest.append(argument)
    sys.argv[1:] = ["--rounds", "30", "--slice-seconds", "0.5", *rest]
    options = load.parse_arguments()
    options.only = only
    options.whorl = options.whorl.resolve()
    cores = sorted(os.sched_getaffinity(0))
    server_cores, load_cores = (None, None) if options.all_cores or len(cores) < 2 else (cores[:1], cores[1:])
    if load_cores:
        os.sched_setaffinity(0, load_cores)  # the collector's work is not the server's
    url, end = collector(protocol)
    with tempfile.TemporaryDirectory(prefix="whorl-bench-") as folder:
        all_of = subjects(options, url, protocol, pathlib.Path(folder))
        try:
            for subject in all_of:
                load.start(subject, server_cores, pathlib.Path(folder))
            run_rounds(all_of, options, load_cores)
        finally:
            for subject in all_of:
                load.stop(subject)
            end()
    rows = [summary(subject, [other for other in all_of if other.name.startswith("off")]) for subject in all_of]
    print(f"\n{options.guest.name}, OTLP by {protocol}, {options.rounds} rounds; the ratio is to the mean of both `off` in the same round")
    print(f"{'':10} {'CPU-us/req':>10} {'x off (95 %)':>24} {'least':>6} {'req/s':>9} {'p99 ms':>7}")
    for row in rows:
        ratio = row["ratio_to_off"]
        spread = f"{ratio['median']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f})"
        print(f"{row['name']:10} {row['cpu_us']:10.2f} {spread:>24} {ratio['least']:6.3f} {row['per_second']:9.0f} {row['p99_ms']:7.2f}")
    out = options.out
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"protocol": protocol, "rounds": options.rounds, "subjects": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
