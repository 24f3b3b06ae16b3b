"""A resolver of the test's own for the program under test, which finds it through LD_PRELOAD.

    names = fake_names.FakeNames(tmp_path, "rebind.test=127.0.0.2/127.0.0.1")
    with whorl.Server.start(…, env=names.env) as server:
        … names.looked_up()

Entries: see fake_names.c.
"""

from __future__ import annotations

import pathlib
import subprocess


class FakeNames:
    def __init__(self, folder: pathlib.Path, *entries: str) -> None:
        library = folder / "fake_names.so"
        source = pathlib.Path(__file__).with_suffix(".c")
        subprocess.run(["clang-19", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-o", library, "-ldl"],
                       check=True, capture_output=True)
        self._log = folder / "looked-up"
        self.env = {"LD_PRELOAD": str(library), "FAKE_NAMES": " ".join(entries), "FAKE_NAMES_LOG": str(self._log)}

    def looked_up(self) -> list[str]:
        """Every name that was looked up, in order."""
        return self._log.read_text().split() if self._log.exists() else []
