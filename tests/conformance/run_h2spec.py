#!/usr/bin/env python3
"""Runs h2spec, the conformance suite for HTTP/2 servers, against the program: over TLS and in clear text.

h2spec is a Go program. It is looked for in $WHORL_H2SPEC, on the PATH, and where this script puts it:
${XDG_CACHE_HOME:-~/.cache}/whorl/h2spec. Where it is missing it is installed from the Go module proxy, if there is a
`go` that can; otherwise the suite is skipped. The guest that answers takes each request whole and thinks for 20 ms, so
that requests overlap. Cases that are known to fail stand in h2spec_expected_failures.txt: a case that fails without
being listed, or passes although it is listed, is a failure, so that the list can only shrink.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import whorl  # noqa: E402

MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
LIST = pathlib.Path(__file__).with_name("h2spec_expected_failures.txt")
INSTALL_TIMEOUT_S = 300
TIMEOUT_S = 300
SKIPPED = 77


def cached() -> pathlib.Path:
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "whorl" / "h2spec" / "h2spec"


def find_h2spec() -> str | None:
    for known in (os.environ.get("WHORL_H2SPEC"), shutil.which("h2spec"), str(cached())):
        if known and os.access(known, os.X_OK):
            return known
    return install()


def install() -> str | None:
    go = shutil.which("go") or ("/usr/local/go/bin/go" if os.access("/usr/local/go/bin/go", os.X_OK) else None)
    if go is None:
        return None
    cached().parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run([go, "install", MODULE], env=os.environ | {"GOBIN": str(cached().parent)},
                              capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
    return str(cached()) if os.access(cached(), os.X_OK) else None


def certificate(folder: pathlib.Path) -> list[object]:
    files = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    files[1], "-out", files[0], "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    return ["--tls-cert", files[0], "--tls-key", files[1]]


def run(h2spec: str, mode: str, folder: pathlib.Path) -> dict[str, str]:
    """Cases by name, with why they failed or `skipped`; empty text if they passed."""
    tls = mode == "tls"
    with whorl.Server.start("-f", whorl.guest("patient"), *(certificate(folder) if tls else [])) as server:
        report = folder / f"{mode}.xml"
        command = [h2spec, "-h", "127.0.0.1", "-p", str(server.port), "-j", str(report), *(["-t", "-k"] if tls else [])]
        subprocess.run(command, capture_output=True, timeout=TIMEOUT_S)
        if server.process.poll() is not None:
            return {f"{mode} the program": f"ended: {server.err.text}"}
    cases = {}
    for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
        for case in suite.iter("testcase"):
            name = f"{mode} {case.get('package')} {case.get('classname')}"
            problem = next((c for c in case if c.tag in ("failure", "error", "skipped")), None)
            cases[name] = "" if problem is None else problem.tag if problem.tag == "skipped" else problem.text or "failed"
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the program under test; else $WHORL_BIN or the one of build/dev")
    parser.add_argument("modes", nargs="*", default=["tls", "clear"], metavar="tls|clear")
    arguments = parser.parse_args()
    if arguments.program:
        os.environ.setdefault("WHORL_BIN", arguments.program)
    h2spec = find_h2spec()
    if h2spec is None or not os.access(whorl.program(), os.X_OK):
        print("h2spec is not there and cannot be installed: $WHORL_H2SPEC names it"
              if h2spec is None else f"{whorl.program()} is not built")
        print("0 passed, 0 failed, 1 skipped")
        return SKIPPED
    expected = {line.split("  #")[0].strip() for line in LIST.read_text().splitlines() if line and line[0] != "#"}
    cases: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="whorl-h2spec-") as folder:
        for mode in arguments.modes:
            cases |= run(h2spec, mode, pathlib.Path(folder))
    failed = skipped = 0
    for name, problem in cases.items():
        if problem == "skipped":
            skipped += 1
            print(f"skipped by h2spec: {name}")
        elif bool(problem) != (name in expected):
            failed += 1
            print(f"FAILED {name}\n{problem or 'passes although it is expected to fail'}")
    print(f"{len(cases) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
