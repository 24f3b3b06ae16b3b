"""The same applications under Whorl and under real Spin: the same requests, to the byte, get the same status, fields
and body, but for what docs/differences.md names. Runs where WHORL_PEER_SPIN names a Spin. `-s` shows the count."""

import os
import re
import shutil
import subprocess

import componentize
import pytest
import twin_cases
import twins
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
pytestmark = pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
CASES = twin_cases.CASES
LEAST_MANIFESTS = 60
CORE_GUESTS = {"cgi", "old"}  # commands, and what is older than components, run as they are


def guests_of(case: twins.Case, folder) -> dict:
    names = set(re.findall(r'"([a-z0-9_]+)\.wasm"', case.manifest))
    return {f"{name}.wasm": whorl.guest(name) if name in CORE_GUESTS else componentize.guest(name, folder) for name in names}


@pytest.mark.parametrize("name", CASES)
def test_same_answers(name, tmp_path):
    case = CASES[name]
    different = []
    with twins.start(tmp_path, case, guests_of(case, tmp_path), SPIN) as pair:
        for request in case.requests:
            ours, theirs = pair.answers(request)
            if ours != theirs and request.name not in case.differs:
                different.append(f"{request.name}\n  ours:   {ours}\n  theirs: {theirs}")
            if ours == theirs and request.name in case.differs:
                different.append(f"{request.name}: no difference any more")
    shutil.rmtree(tmp_path, ignore_errors=True)
    assert not different, "\n".join(different)


# Says that factors are configured, and which; what is wrong stands behind it.
AROUND = re.compile(r"failed to configure app$|spin_factor_\w+::\w+::configure_app failed: ")


def said(program: str, folder) -> tuple[int, list[str]]:
    """The exit code and the first lines of the error and of its causes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPIN_")}
    ended = subprocess.run([program, "up", "--listen", "127.0.0.1:0"], cwd=folder, env=environment, capture_output=True,
                           text=True, timeout=60, stdin=subprocess.DEVNULL)
    error = re.search(r"^Error: .*", ended.stderr, re.M | re.S)
    assert error, ended.stderr
    head, _, causes = error[0].partition("\n\nCaused by:\n")
    found = [head.removeprefix("Error: ").split("\n")[0], *re.findall(r"^ {3,5}(?:\d+: | +)(\S.*)$", causes, re.M)]
    return ended.returncode, [text for text in (AROUND.sub("", line) for line in found) if text]


@pytest.mark.parametrize("name", twin_cases.REFUSED)
def test_same_refusals(name, tmp_path):
    """The words that Spin begins with, whatever is said around them."""
    case = twins.Case(twin_cases.REFUSED[name], [])
    guests = guests_of(case, tmp_path)
    (our_code, ours), (their_code, theirs) = (
        said(program, twins.copy(tmp_path, each, case, guests)) for each, program in (("whorl", whorl.program()), ("spin", SPIN)))
    assert our_code == their_code
    assert any(theirs[0].startswith(mine) for mine in ours), (theirs, ours)


def test_every_difference_is_told():
    told = (whorl.ROOT / "docs" / "differences.md").read_text()
    for name, case in CASES.items():
        names = {request.name for request in case.requests}
        for request, why in case.differs.items():
            assert request in names, f"{name}: {request}"
            assert why in told, why


def test_there_are_enough_of_them():
    manifests = {case.manifest for case in CASES.values()}
    print(f"\n{len(manifests)} manifests, {len(CASES)} applications, {sum(len(case.requests) for case in CASES.values())} requests of each")
    assert len(manifests) >= LEAST_MANIFESTS
