#!/usr/bin/python3
"""Memory of many apps in one process: as started, after each was asked once, and back at rest.

Every app is a component of its own from a file of its own. Two kinds are told apart: `--builds same` gives all the
same bytes (many deployments of one build), `--builds own` gives each file a custom section of its own, so that no
two have a digest in common and each is compiled and loaded by itself: have patience with a big guest.
The figure is PSS, which counts a shared page once.

    ./dev bench density
    ./dev bench density --guest app.wasm --apps 200 --builds own
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import load

START_TIMEOUT_S = 3600


def own_build(module: bytes, number: int) -> bytes:
    """The same program with another digest: a custom section at its end (core specification, 5.5.3)."""
    name = b"bench"
    content = bytes([len(name)]) + name + f"{number:08}".encode()
    return module + b"\x00" + bytes([len(content)]) + content


def write_app(folder: pathlib.Path, options: argparse.Namespace) -> pathlib.Path:
    module = options.guest.read_bytes()
    parts = ['spin_manifest_version = 2\n[application]\nname = "density"\n']
    for number in range(options.apps):
        source = folder / (f"{number}.wasm" if options.builds == "own" else "app.wasm")
        if not source.exists():
            source.write_bytes(own_build(module, number))
        parts.append(f'[[trigger.http]]\nroute = "/a{number}/..."\ncomponent = "a{number}"\n'
                     f'[component.a{number}]\nsource = "{source.name}"\n')
    manifest = folder / "spin.toml"
    manifest.write_text("".join(parts))
    return manifest


def wait_for_listener(port: int, process: subprocess.Popen, log: pathlib.Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            load.fetch(port, "/a0/")
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"Error: the server does not answer (exit code {process.poll()})\n\n{log.read_text()[-2000:]}")


def ask(port: int, number: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/a{number}/", timeout=600) as answer:
        answer.read()
        return answer.status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whorl", type=pathlib.Path, default=load.ROOT / "build" / "whorl")
    parser.add_argument("--guest", type=pathlib.Path, default=load.default_guest())
    parser.add_argument("--apps", type=int, default=1000)
    parser.add_argument("--builds", choices=("same", "own"), default="same")
    parser.add_argument("--rest-seconds", type=int, default=30, help="how long it may give memory back (default: 30)")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whorl-density-") as name:
        folder = pathlib.Path(name)
        manifest, port, log = write_app(folder, options), load.free_port(), folder / "log"
        with open(log, "wb") as sink:
            process = subprocess.Popen([str(options.whorl.resolve()), "up", "-f", str(manifest), "--listen", f"127.0.0.1:{port}", "--quiet"],
                                       cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        try:
            wait_for_listener(port, process, log)
            rows = [("started, one asked", load.memory_kib([process.pid], "Pss"))]
            with concurrent.futures.ThreadPoolExecutor(8) as clients:
                statuses = list(clients.map(lambda number: ask(port, number), range(options.apps)))
            if set(statuses) != {200}:
                sys.exit(f"Error: statuses other than 200: {sorted(set(statuses))}")
            rows.append(("all asked once", load.memory_kib([process.pid], "Pss")))
            time.sleep(options.rest_seconds)
            rows.append((f"{options.rest_seconds} s later", load.memory_kib([process.pid], "Pss")))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    print(f"{options.apps} apps of {options.guest.name} ({options.builds} builds)   PSS MiB   KiB per app")
    for what, kib in rows:
        print(f"{what:<45}{kib / 1024:>10.1f}{kib / options.apps:>14.1f}")
    if options.out:
        options.out.write_text(json.dumps({"guest": options.guest.name, "apps": options.apps, "builds": options.builds,
                                           "pss_kib": dict(rows)}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
