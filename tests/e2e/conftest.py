import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import peers  # noqa: E402
import whorl  # noqa: E402

# Before the test modules are read: they decide then what they skip.
peers.find()


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: minutes rather than seconds; `./dev test --all` runs them")


@pytest.fixture(scope="session", autouse=True)
def program_is_built():
    if not os.access(whorl.program(), os.X_OK):
        pytest.fail(f"{whorl.program()} is not built; `./dev test e2e` builds it", pytrace=False)


@pytest.fixture
def app(tmp_path):
    """A function that makes an application folder: app(manifest_text, guest_name, …)."""

    def make(text: str, *guests: str) -> pathlib.Path:
        for name in guests:
            shutil.copy(whorl.guest(name), tmp_path / f"{name}.wasm")
        return whorl.manifest(tmp_path, text)

    return make


@pytest.fixture(scope="module")
def multi():
    """A server of the guest with many behaviours, shared by a module's tests."""
    with whorl.Server.start("-f", whorl.guest("multi")) as server:
        yield server


@pytest.fixture(scope="module")
def echo():
    with whorl.Server.start("-f", whorl.guest("echo")) as server:
        yield server
