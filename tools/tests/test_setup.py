"""What ./dev setup finds missing."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def missing_packages(*names: str) -> list[str]:
    """What tools/dev/setup.sh would install of these Debian packages, under the options that ./dev runs with."""
    script = 'set -euo pipefail; root=$1; shift; . "$root/tools/dev/setup.sh"; mapfile -t missing < <(missing_packages "$@"); printf "%s\\n" "${missing[@]}"'
    ran = subprocess.run(["bash", "-c", script, "bash", str(ROOT), *names], check=True, capture_output=True, text=True)
    return ran.stdout.split()


def test_a_package_the_machine_never_heard_of_is_missing():
    assert missing_packages("bash", "no-such-package-as-this", "coreutils") == ["no-such-package-as-this"]


def test_where_nothing_is_installed_all_is_missing():
    assert missing_packages("no-such-package-as-this", "nor-this-one") == ["no-such-package-as-this", "nor-this-one"]


def test_where_all_is_installed_nothing_is_missing():
    assert missing_packages("bash", "coreutils") == []
