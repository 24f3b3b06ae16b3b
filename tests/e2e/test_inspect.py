"""`whorl inspect` over whole components: every prebuilt guest, and a few to the letter."""

import json
import os
import pathlib
import subprocess

import pytest
import whorl

FOLDER = pathlib.Path(os.environ.get("WHORL_GUESTS", whorl.ROOT.parent / "shared" / "guests"))

# Would it run here, and what is said if not.
VERDICTS = {
    "c-hello": "",
    "c-p2-core": "",
    "rust-spin5-component": "",
    "rust-wstd-wasip2": "",
    "js-componentize-p2": "",
    "go-p2": "",
    "go-wasip1-reactor": "the core module exports no function of an interface",
}


def inspect(name: str, *flags: str) -> str:
    file = FOLDER / f"{name}.wasm"
    if not file.exists():
        pytest.skip(f"no {file}: set WHORL_GUESTS to the folder of the prebuilt guests")
    done = subprocess.run([whorl.program(), "inspect", file, *flags], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def guests() -> list[str]:
    return sorted(p.stem for p in FOLDER.glob("*.wasm")) or ["none"]


@pytest.mark.parametrize("name", guests())
def test_every_guest_can_be_inspected(name):
    text = inspect(name)
    found = json.loads(inspect(name, "--json"))
    assert found["bytes"] == (FOLDER / f"{name}.wasm").stat().st_size
    assert found["core_modules"] and found["exports"]
    assert text.endswith("Would run here: yes\n") == found["runs"]
    assert ("Would run here: no\n" in text) != found["runs"]
    if not found["runs"]:
        assert found["reason"] in text
    if found["wit"]:
        assert text.startswith(found["wit"])
        assert inspect(name, "--wit") == found["wit"]
    if found["kind"] == "component":
        assert found["wit"].startswith("package root:component;\n\nworld root {\n")


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts(name):
    found = json.loads(inspect(name, "--json"))
    assert found["runs"] == (VERDICTS[name] == ""), found.get("reason")
    assert VERDICTS[name] in found.get("reason", "")


def test_a_small_guest_to_the_letter():
    text = inspect("c-loop")
    assert text.startswith("""package root:component;

world root {
  import wasi:http/types@0.2.4;
  export wasi:http/incoming-handler@0.2.4;
}

package wasi:http@0.2.4 {
  interface types {
    resource incoming-request;
    resource response-outparam;
  }

  interface incoming-handler {
    use wasi:http/types@0.2.4.{incoming-request};
    use wasi:http/types@0.2.4.{response-outparam};
    handle: func(request: incoming-request, response-out: response-outparam);
  }
}

File: """), text
    assert "Kind: component\nSize: 48,753 bytes\n\nCore modules (2):\n" in text
    assert "\nExports (1):\n  wasi:http/incoming-handler@0.2.4\n\nWould run here: yes\n" in text
