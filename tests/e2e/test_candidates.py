"""Guests of the release candidates of WASI 0.2: the same sources, built against an older version."""

import subprocess

import pytest
import whorl

CANDIDATES = ["0.2.0-rc-2023-11-10"]


def build(tmp_path, name: str, version: str):
    source = whorl.ROOT / "examples" / name / "main.c"
    target = tmp_path / f"{name}.wasm"
    subprocess.run(
        [whorl.ROOT / "sdk" / "c" / "build.sh", source, target, f'-DWHORL_WASI="{version}"'], check=True, capture_output=True
    )
    assert f"wasi:http/incoming-handler@{version}#handle".encode() in target.read_bytes()
    return target


@pytest.mark.parametrize("version", CANDIDATES)
def test_a_guest_of_a_candidate_answers(tmp_path, version):
    with whorl.Server.start("-f", build(tmp_path, "hello", version)) as server:
        answer = server.get("/x")
        assert (answer.status, answer.body) == (200, b"Hello, World! You asked for /x\n")


@pytest.mark.parametrize("version", CANDIDATES)
def test_a_guest_of_a_candidate_streams(tmp_path, version):
    with whorl.Server.start("-f", build(tmp_path, "echo", version)) as server:
        body = bytes(range(256)) * 1000
        assert server.post("/", body).body == body


def test_a_candidate_that_nobody_offers(tmp_path):
    ended = whorl.run("up", "-f", build(tmp_path, "hello", "0.2.0-rc-2023-01-01"), "--listen", "127.0.0.1:0")
    assert ended.returncode == 1
    assert "0.2.0-rc-2023-01-01" in ended.stderr
