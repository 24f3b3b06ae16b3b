"""wast-runner, the runner of converted scripts: what it says and how it ends."""

import json
import pathlib
import subprocess

import pytest
import whorl

RUNNER = pathlib.Path(whorl.program()).parents[2] / "tests" / "conformance" / "wast-runner"

EMPTY_COMPONENT = b"\0asm\x0d\0\1\0"
# (module (func (export "two") (result i32) i32.const 2) (func (export "trap") unreachable)
#         (global (export "g") i32 i32.const 7))
CORE = (b"\0asm\1\0\0\0" b"\1\x08\2\x60\0\1\x7f\x60\0\0" b"\3\3\2\0\1" b"\6\6\1\x7f\0\x41\7\x0b"
        b"\7\x12\3\3two\0\0\4trap\0\1\1g\3\0" b"\x0a\x0a\2\4\0\x41\2\x0b\3\0\0\x0b")


@pytest.fixture
def run(tmp_path):
    if not RUNNER.exists():
        pytest.skip(f"no {RUNNER}: build wast-runner")
    (tmp_path / "empty.wasm").write_bytes(EMPTY_COMPONENT)
    (tmp_path / "core.wasm").write_bytes(CORE)
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\x0d\0\1\0\7\3\1\x70\5")

    def go(commands, *flags):
        script = tmp_path / "script.json"
        script.write_text(json.dumps({"source_filename": "x.wast", "commands": commands}))
        done = subprocess.run([RUNNER, *flags, script], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout.replace(str(tmp_path), "DIR"), done.stderr

    return go


def module(line, file, kind="module", **more):
    return {"type": kind, "line": line, "filename": file, "module_type": "binary", **more}


def invoke(line, field, kind="assert_return", **more):
    return {"type": kind, "line": line, "action": {"type": "invoke", "field": field, "args": []}, **more}


def test_passes_and_counts(run):
    code, out, err = run([
        module(1, "empty.wasm"),
        module(2, "bad.wasm", "assert_invalid", text="unknown type"),
        module(3, "core.wasm", name="C"),
        invoke(4, "two", expected=[{"type": "i32", "value": "2"}]),
        invoke(5, "trap", "assert_trap", text="unreachable"),
        # After a trap core scripts go on.
        invoke(6, "two", expected=[{"type": "i32", "value": "2"}]),
        {"type": "assert_return", "line": 7, "action": {"type": "get", "field": "g", "module": "C"},
         "expected": [{"type": "i32", "value": "7"}]},
        {"type": "register", "line": 8, "name": "C", "as": "other"},
        {"type": "module", "line": 9, "filename": "x.wat", "module_type": "text"},
        {"type": "thread", "line": 10},
    ])
    assert (code, err) == (0, "")
    assert out == "DIR/script.json: 8 passed, 0 failed, 2 skipped\n8 passed, 0 failed, 2 skipped\n"


def test_failures_say_where_what_and_why(run):
    code, out, _ = run([
        module(1, "core.wasm"),
        invoke(2, "two", expected=[{"type": "i32", "value": "3"}]),
        invoke(3, "two", "assert_trap", text="unreachable"),
        invoke(4, "trap", "assert_trap", text="out of bounds memory access"),
        module(5, "empty.wasm", "assert_invalid", text="nothing"),
        module(6, "bad.wasm"),
        invoke(7, "two", expected=[]),
    ])
    assert code == 1
    lines = out.splitlines()
    assert lines[0] == ("FAIL DIR/script.json:2: assert_return: expected the result given; "
                        "result 0 is i32 0x2, not 0x3")
    assert lines[1] == "FAIL DIR/script.json:3: assert_trap: expected a trap: unreachable; it returned"
    assert lines[2].endswith("trapped (unreachable): the guest executed `unreachable`; that is no memory-out-of-bounds")
    assert lines[3] == "FAIL DIR/script.json:5: assert_invalid: expected refused as invalid: nothing; accepted"
    assert lines[4].startswith("FAIL DIR/script.json:6: module: expected a valid module; refused as invalid: ")
    assert lines[5].endswith("expected the result given; there is no instance")
    assert lines[-1] == "1 passed, 6 failed, 0 skipped"


def test_known_failures_may_only_shrink(run, tmp_path):
    known = tmp_path / "known.txt"
    commands = [module(1, "bad.wasm"), module(2, "empty.wasm")]
    known.write_text("# reasons\nscript.json:1 a bad one\n")
    code, out, _ = run(commands, "--expect", known)
    assert code == 0
    assert out.startswith("KNOWN DIR/script.json:1: module: ") and "(a bad one)" in out
    assert out.endswith("1 passed, 0 failed, 1 skipped\n")
    known.write_text("script.json:1 a bad one\nscript.json:2 passes by now\n")
    code, out, _ = run(commands, "--expect", known)
    assert code == 1
    assert "FAIL script.json:2: does not fail; take it off the list" in out
    known.write_text("script.json:1\n")
    code, _, err = run(commands, "--expect", known)
    assert code == 2 and "expected `PATH:LINE reason`" in err


@pytest.mark.parametrize("flags,code,text", [
    (["--help"], 0, "Usage: wast-runner"),
    ([], 2, "no script is given"),
    (["--nonsense"], 2, "unexpected argument '--nonsense' found"),
    (["/nowhere/script.json"], 2, "No such file"),
])
def test_usage(flags, code, text):
    if not RUNNER.exists():
        pytest.skip(f"no {RUNNER}: build wast-runner")
    done = subprocess.run([RUNNER, *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert text in done.stdout + done.stderr


def test_a_file_that_is_no_script(run, tmp_path):
    (tmp_path / "folder").mkdir()
    for name, text in (("a.json", "{}"), ("b.json", "no json")):
        file = tmp_path / name
        file.write_text(text)
        done = subprocess.run([RUNNER, file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "is not a converted script" in done.stderr
    done = subprocess.run([RUNNER, tmp_path / "folder"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "there is no script.json in" in done.stderr
