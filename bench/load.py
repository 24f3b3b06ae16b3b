#!/usr/bin/python3
"""Load side by side: nginx `return 200`, Whorl, and the peers that are named, in one run.

Servers are started once and get slices of the same fixed-count keep-alive load in turn, A B C A B C …, so that
a noisy machine hits all alike. The figure that counts is CPU time of the server's whole process tree per
request, and of that the median over rounds of the ratio to nginx in the same round. Slices during which
the hypervisor took more than `--max-steal` of the machine are repeated.

Servers are pinned to core 0 and the load to the others, all with one thread; `--all-cores` pins nothing and lets the peers
choose their threads, which alone shows what unmapping memory costs a process with several. For a claim run both.

`--speak` chooses what is spoken: `http` (with hey), `tls` (HTTP/1.1 on kept connections), `h2` and `h2c` (HTTP/2 with and
without TLS, `--streams` at once on each connection), these by h2load; `resumed` (a TLS connection for each request, whose
session is resumed), by our own client. nginx has the same certificate, ciphers and protocols; peers take part in `http` only.

    ./dev bench load
    ./dev bench load --speak h2 --streams 10
    WHORL_PEER_SPIN=/path/spin WHORL_PEER_WASMTIME=/path/wasmtime ./dev bench load --guest c-hello.wasm --rounds 9
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 240
MAX_REPEATS = 3


@dataclasses.dataclass
class Slice:
    """One slice of load on one server."""

    requests: int
    cpu_us: float  # per request, the whole process tree
    per_second: float
    p50_ms: float
    p99_ms: float
    steal: float


@dataclasses.dataclass
class Subject:
    """A server under load."""

    name: str
    command: Callable[[int], list[str]]  # port → command line
    version: str
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    process: subprocess.Popen | None = None
    port: int = 0
    start_ms: float = 0
    idle_rss_kib: int = 0
    rss_kib: int = 0
    pss_kib: int = 0
    slices: list[Slice] = dataclasses.field(default_factory=list)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def cpu_ns(pids: list[int]) -> int:
    """CPU time of all their threads; schedstat counts nanoseconds where stat counts ticks of 10 ms."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def memory_kib(pids: list[int], key: str) -> int:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            match = re.search(rf"^{key}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(match.group(1)) if match else 0
    return total


def steal_and_total() -> tuple[int, int]:
    ticks = [int(n) for n in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


def fetch(port: int, path: str = "/") -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read()


def connects(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), timeout=30).close()


def pin_to(cores: list[int] | None):
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


def start(subject: Subject, cores: list[int] | None, work: pathlib.Path, ask=fetch) -> None:
    """Until it answers, as `ask(port)` finds."""
    subject.port = free_port()
    log = open(work / f"{subject.name}.log", "wb")
    began = time.monotonic()
    subject.process = subprocess.Popen(subject.command(subject.port), env=os.environ | subject.environment, cwd=work,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=pin_to(cores))
    while True:
        try:
            ask(subject.port)
            break
        except OSError:
            if subject.process.poll() is not None or time.monotonic() - began > START_TIMEOUT_S:
                sys.exit(f"Error: {subject.name} does not answer\n\n{(work / f'{subject.name}.log').read_text()[-2000:]}")
            time.sleep(0.002)
    subject.start_ms = (time.monotonic() - began) * 1000
    subject.idle_rss_kib = memory_kib(tree(subject.process.pid), "Rss")


def stop(subject: Subject) -> None:
    if subject.process and subject.process.poll() is None:
        subject.process.send_signal(signal.SIGTERM)
        try:
            subject.process.wait(10)
        except subprocess.TimeoutExpired:
            subject.process.kill()
            subject.process.wait()


def run_hey(port: int, options: argparse.Namespace, requests: int, cores: list[int] | None) -> tuple[int, float, float, float]:
    """(answers with 200, per second, p50 ms, p99 ms); an answer that is not 200 ends the bench."""
    output = subprocess.run(
        ["hey", "-n", str(requests), "-c", str(options.connections), "-t", "60", f"http://127.0.0.1:{port}{options.path}"],
        capture_output=True, text=True, check=True, preexec_fn=pin_to(cores)).stdout
    codes = {int(code): int(count) for code, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", output)}
    if set(codes) != {200} or "Error distribution" in output:
        sys.exit(f"Error: not every answer was a 200: {codes}\n\n{output}")
    quantile = {int(q): float(s) * 1000 for q, s in re.findall(r"(\d+)%+ in ([\d.]+) secs", output)}
    per_second = float(re.search(r"Requests/sec:\s*([\d.]+)", output).group(1))
    return codes[200], per_second, quantile.get(50, 0.0), quantile.get(99, 0.0)


def run_h2load(port: int, options: argparse.Namespace, requests: int, cores: list[int] | None) -> tuple[int, float, float, float]:
    """As run_hey()."""
    scheme = "http" if options.speak == "h2c" else "https"
    how = ["--h1"] if options.speak == "tls" else ["-m", str(options.streams)]
    with tempfile.NamedTemporaryFile(prefix="whorl-h2load-") as log:
        output = subprocess.run(
            ["h2load", "-n", str(requests), "-c", str(options.connections), *how, f"--log-file={log.name}", f"{scheme}://127.0.0.1:{port}{options.path}"],
            capture_output=True, text=True, check=True, preexec_fn=pin_to(cores)).stdout
        lines = [line.split() for line in pathlib.Path(log.name).read_text().splitlines()]
    good = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", output)
    if not good or int(good.group(1)) != requests or {line[1] for line in lines} != {"200"}:
        sys.exit(f"Error: not every answer was a 200\n\n{output}")
    took = sorted(int(line[2]) / 1000 for line in lines)
    per_second = float(re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", output).group(1))
    return requests, per_second, took[len(took) // 2], took[len(took) * 99 // 100]


RESUMING = """
import socket, ssl, sys, time
port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
request = f"GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n\\r\\n".encode()
session, took = None, []
begun = time.monotonic()
for number in range(count):
    begin = time.perf_counter()
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(sock, session=session) as tls:
        tls.sendall(request)
        answer = b""
        while piece := tls.recv(65536):
            answer += piece
        if not answer.startswith(b"HTTP/1.1 200") or (number > 0 and not tls.session_reused):
            sys.exit(f"connection {number}: {tls.session_reused} {answer[:200]}")
        session = tls.session
    took.append((time.perf_counter() - begin) * 1000)
took.sort()
print(count, count / (time.monotonic() - begun), took[count // 2], took[count * 99 // 100])
"""


def run_resuming(port: int, options: argparse.Namespace, requests: int, cores: list[int] | None) -> tuple[int, float, float, float]:
    """As run_hey(), one client after the other."""
    done = subprocess.run([sys.executable, "-c", RESUMING, str(port), options.path, str(requests)], capture_output=True, text=True,
                          preexec_fn=pin_to(cores))
    if done.returncode != 0:
        sys.exit(f"Error: {done.stderr}")
    count, per_second, p50, p99 = map(float, done.stdout.split())
    return int(count), per_second, p50, p99


RUNNERS = {"http": run_hey, "tls": run_h2load, "resumed": run_resuming, "h2": run_h2load, "h2c": run_h2load}


def measure(subject: Subject, options: argparse.Namespace, requests: int, cores: list[int] | None) -> Slice:
    pids = tree(subject.process.pid)
    steal_before, total_before = steal_and_total()
    cpu_before = cpu_ns(pids)
    done, per_second, p50, p99 = RUNNERS[options.speak](subject.port, options, requests, cores)
    cpu = cpu_ns(pids) - cpu_before
    steal_after, total_after = steal_and_total()
    steal = (steal_after - steal_before) / max(1, total_after - total_before)
    return Slice(done, cpu / 1000 / done, per_second, p50, p99, steal)


def first_line(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True)
    return ((result.stdout + result.stderr).splitlines() or ["?"])[0].strip()


def make_identity(work: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """One certificate for all servers of a run."""
    files = work / "cert.pem", work / "cert.key"
    if not files[0].exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files[1],
                        "-out", files[0], "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    return files


def nginx(body: bytes, work: pathlib.Path, speak: str = "http", workers: int = 1) -> Subject:
    protocol = {"http": "", "tls": " ssl", "resumed": " ssl", "h2": " ssl http2", "h2c": " http2"}[speak]
    secrets, balance = "", " reuseport" if workers > 1 else ""
    if "ssl" in protocol:
        certificate, key = make_identity(work)
        secrets = (f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; "
                   "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; ssl_session_tickets on; ")

    def command(port: int) -> list[str]:
        text = body.decode("latin-1").replace("\\", "\\\\").replace('"', '\\"').replace("$", "").replace("\n", "\\n")
        (work / "nginx.conf").write_text(
            f"worker_processes {workers};\ndaemon off;\npid {work}/nginx.pid;\nerror_log {work}/nginx-error.log;\n"
            "events { worker_connections 1024; }\n"
            f"http {{ access_log off; keepalive_requests 1000000000; default_type text/plain;\n"
            f'  server {{ listen 127.0.0.1:{port}{protocol}{balance}; {secrets}location / {{ return 200 "{text}"; }} }} }}\n')
        return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{work}/nginx.conf", "-p", str(work)]

    return Subject("nginx", command, first_line([shutil.which("nginx") or "/usr/sbin/nginx", "-v"]))


def is_component(guest: pathlib.Path) -> bool:
    return guest.read_bytes()[4:8] == b"\x0d\0\1\0"


def subjects(options: argparse.Namespace, body: bytes, work: pathlib.Path) -> list[Subject]:
    guest, speak = str(options.guest), getattr(options, "speak", "http")
    all_cores = getattr(options, "all_cores", False)
    threads = getattr(options, "threads", None) or (len(os.sched_getaffinity(0)) if all_cores else 1)
    chosen = [nginx(body, work, speak, threads)]
    secrets = []
    if speak in ("tls", "resumed", "h2"):
        certificate, key = make_identity(work)
        secrets = ["--tls-cert", str(certificate), "--tls-key", str(key)]
    if options.whorl and os.access(options.whorl, os.X_OK):
        chosen.append(Subject(
            "whorl", lambda port: [str(options.whorl), "up", "-f", guest, "--listen", f"127.0.0.1:{port}", "--quiet",
                                   "--threads", str(threads), *secrets, *options.whorl_flag], first_line([str(options.whorl), "--version"])))
    peers = {"WHORL_PEER_SPIN": "spin", "WHORL_PEER_WASMTIME": "wasmtime"}
    for variable, name in peers.items() if speak == "http" else ():
        program = os.environ.get(variable)
        if not program:
            print(f"({name} is not compared: {variable} is not set)", file=sys.stderr)
        elif not is_component(options.guest):
            print(f"({name} is not compared: {options.guest.name} is a core module, which it does not take)", file=sys.stderr)
        else:
            command = {
                "spin": lambda port, p=program: [p, "up", "-f", guest, "--listen", f"127.0.0.1:{port}", "--quiet", *options.peer_flag],
                "wasmtime": lambda port, p=program: [p, "serve", "-Scli", "--addr", f"127.0.0.1:{port}", *options.peer_flag, guest],
            }[name]
            chosen.append(Subject(name, command, first_line([program, "--version"]),
                                  {} if all_cores else {"TOKIO_WORKER_THREADS": "1"}))
    return chosen


def default_guest() -> pathlib.Path:
    """A component where there is one, since peers take nothing else; else our own example."""
    prebuilt = pathlib.Path(os.environ.get("WHORL_GUESTS", ROOT.parent / "shared" / "guests")) / "c-hello.wasm"
    return prebuilt if prebuilt.exists() else ROOT / "examples" / "hello" / "hello.wasm"


def guest_body(options: argparse.Namespace, work: pathlib.Path) -> bytes:
    """What the guest answers, for nginx to answer the same; asked from Whorl, or from a peer without it."""
    plain = argparse.Namespace(**(vars(options) | {"speak": "http"}))
    for probe in subjects(plain, b"", work)[1:]:
        start(probe, None, work)
        try:
            return fetch(probe.port, options.path)
        finally:
            stop(probe)
    return b"Hello, World!\n"


def requests_per_slice(subject: Subject, options: argparse.Namespace, cores: list[int] | None) -> int:
    """As many as take about the slice's time, from the warm-up's speed."""
    warm = measure(subject, options, 4 * options.connections, cores)
    warm = measure(subject, options, max(4 * options.connections, int(warm.per_second * 0.5)), cores)
    wanted = int(warm.per_second * options.slice_seconds)
    return options.requests or max(options.connections, wanted // options.connections * options.connections)


def run_rounds(all_of: list[Subject], options: argparse.Namespace, load_cores: list[int] | None) -> None:
    counts = {subject.name: requests_per_slice(subject, options, load_cores) for subject in all_of}
    for number in range(options.rounds):
        for subject in all_of:
            for _ in range(MAX_REPEATS):
                result = measure(subject, options, counts[subject.name], load_cores)
                if result.steal <= options.max_steal:
                    break
            subject.slices.append(result)
        print(f"round {number + 1}/{options.rounds}: " + "  ".join(
            f"{s.name} {s.slices[-1].cpu_us:.1f} us" for s in all_of), file=sys.stderr)
    for subject in all_of:
        pids = tree(subject.process.pid)
        subject.rss_kib, subject.pss_kib = memory_kib(pids, "Rss"), memory_kib(pids, "Pss")


def summary(subject: Subject, base: Subject) -> dict:
    ratios = [mine.cpu_us / other.cpu_us for mine, other in zip(subject.slices, base.slices)]
    return {
        "name": subject.name, "version": subject.version,
        "cpu_us": statistics.median(s.cpu_us for s in subject.slices),
        "ratio_to_nginx": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "per_second": statistics.median(s.per_second for s in subject.slices),
        "p50_ms": statistics.median(s.p50_ms for s in subject.slices),
        "p99_ms": statistics.median(s.p99_ms for s in subject.slices),
        "start_ms": subject.start_ms, "idle_rss_mib": subject.idle_rss_kib / 1024,
        "rss_mib": subject.rss_kib / 1024, "pss_mib": subject.pss_kib / 1024,
        "slices": [dataclasses.asdict(s) for s in subject.slices],
    }


def print_table(rows: list[dict], options: argparse.Namespace) -> None:
    print(f"\n{options.guest.name}, {options.speak}, {options.connections} connections, {options.rounds} rounds; "
          "medians; ratio is per round, min to max in brackets")
    print(f"{'':10} {'CPU-us/req':>10} {'x nginx':>22} {'req/s':>9} {'p50 ms':>7} {'p99 ms':>7} "
          f"{'start ms':>9} {'idle MiB':>9} {'RSS MiB':>8} {'PSS MiB':>8}")
    for row in rows:
        ratio = row["ratio_to_nginx"]
        spread = f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})"
        print(f"{row['name']:10} {row['cpu_us']:10.1f} {spread:>22} {row['per_second']:9.0f} {row['p50_ms']:7.2f} "
              f"{row['p99_ms']:7.2f} {row['start_ms']:9.0f} {row['idle_rss_mib']:9.1f} {row['rss_mib']:8.1f} {row['pss_mib']:8.1f}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", type=pathlib.Path, default=default_guest())
    parser.add_argument("--whorl", type=pathlib.Path, default=ROOT / "build" / "whorl")
    parser.add_argument("--whorl-flag", action="append", default=[], help="a flag for `whorl up`, repeatable")
    parser.add_argument("--peer-flag", action="append", default=[],
                        help="a flag for both peers, repeatable: --peer-flag=--max-instance-reuse-count=1 has them use fresh instances for 0.3")
    parser.add_argument("--path", default="/")
    parser.add_argument("--speak", choices=tuple(RUNNERS), default="http")
    parser.add_argument("--streams", type=int, default=1, help="requests at once on each connection of HTTP/2")
    parser.add_argument("--rounds", type=int, default=7, help="15 for a claim")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--requests", type=int, help="per slice; default: what takes --slice-seconds")
    parser.add_argument("--slice-seconds", type=float, default=1.5)
    parser.add_argument("--max-steal", type=float, default=0.05)
    parser.add_argument("--threads", type=int, help="threads of Whorl and workers of nginx; default: 1, with --all-cores one for each core")
    parser.add_argument("--all-cores", action="store_true",
                        help="nothing is pinned, and peers have the threads they choose themselves: as people start them")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "bench" / "load.json")
    options = parser.parse_args()
    options.guest, options.whorl = options.guest.resolve(), options.whorl.resolve()
    return options


def main() -> int:
    options = parse_arguments()
    cores = sorted(os.sched_getaffinity(0))
    server_cores, load_cores = (None, None) if options.all_cores or len(cores) < 2 else (cores[:1], cores[1:])
    with tempfile.TemporaryDirectory(prefix="whorl-bench-") as folder:
        work = pathlib.Path(folder)
        os.chmod(work, 0o755)  # nginx's worker runs as another user
        all_of = subjects(options, guest_body(options, work), work)
        try:
            for subject in all_of:
                start(subject, server_cores, work, fetch if options.speak == "http" else connects)
            run_rounds(all_of, options, load_cores)
        finally:
            for subject in all_of:
                stop(subject)
    rows = [summary(subject, all_of[0]) for subject in all_of]
    print_table(rows, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": platform.platform(), "cores": len(cores),
        "pinned": server_cores is not None, "threads": options.threads, "speak": options.speak, "connections": options.connections, "rounds": options.rounds,
        "guest": options.guest.name, "guest_sha256": hashlib.sha256(options.guest.read_bytes()).hexdigest(),
        "subjects": rows}, indent=2) + "\n")
    print(f"\nwritten to {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
