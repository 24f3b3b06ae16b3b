"""Every case under `tests/ui` of Spin's manifest, loader and doctor has a twin of ours: this is the table of them. Where
Spin's suite lies beside the tree the table is compared with it, and the unit tests read its own files besides
(suite_test, lock_test, upgrade_test)."""

import os
import pathlib
import re

import pytest
import whorl

SUITE = pathlib.Path(os.environ.get("WHORL_SUITES") or whorl.ROOT.parent / "shared" / "suites") / "spin" / "crates"
PEER, REFUSED = "tests/e2e/test_peer_manifests.py", "tests/e2e/test_peer_requests.py"
# Case → a file of ours, and words of the case in it.
TWINS = {
    "manifest/invalid/bad_component_id": ("src/manifest/manifest_test.cpp", "7:12 3 words must be separated with '-', not '_'"),
    "manifest/invalid/bad_kebab_component_ref": ("src/manifest/ids_test.cpp", "words must start with an ASCII letter; got '1'"),
    "manifest/invalid/bad_variable_name": ("src/manifest/manifest_test.cpp", "5:1 8 words must be separated with '_', not '-'"),
    "manifest/invalid/bad_version": ("src/manifest/manifest_test.cpp", 'invalid manifest version: \\"2\\"'),
    "manifest/invalid/empty": ("src/manifest/manifest_test.cpp", '{"", "1:1 1 missing field `spin_manifest_version`"}'),
    "manifest/maximal": ("src/manifest/manifest_test.cpp", 'TEST_CASE("a whole manifest")'),
    "manifest/minimal": (PEER, '"minimal"'),
    "manifest/normalization": ("src/manifest/normalise_test.cpp", 'TEST_CASE("several components of a trigger are moved out, too")'),
    "manifest/v1/maximal": ("src/manifest/v1_test.cpp", 'TEST_CASE("a whole manifest of version 1 in the terms of version 2")'),
    "manifest/v1/minimal": (PEER, '"version 1, settings"'),
    "manifest/v1/old_version": ("tests/support/twin_cases.py", '"version 1 under its old name"'),
    "manifest/v1/update_component_ids": ("src/manifest/v1_test.cpp", 'TEST_CASE("ids of version 1")'),
    "loader/insecure-allow-all-with-invalid-url": (PEER, '"version 1, everything"'),
    "loader/invalid-digest": ("src/loader/sources_test.cpp", "must start with 'sha256:'"),
    "loader/invalid-manifest-duplicate-id": (PEER, '"version 1, twice"'),
    "loader/invalid-manifest": ("src/manifest/document_test.cpp", '{"ver\\n", "1:4 1 expected `.`, `=`"}'),
    "loader/invalid-url-in-allowed-http-hosts": ("src/loader/loader_test.cpp", "a/x contains a path, should be host and optional port only"),
    "loader/invalid-variable-default-in-allowed-hosts": ("src/loader/loader_test.cpp", "invalid international domain name"),
    "loader/invalid-version": ("src/loader/loader_test.cpp", "invalid manifest version: 3"),
    "loader/middleware": ("src/loader/loader_test.cpp", 'TEST_CASE("dependencies and middleware are locked")'),
    "loader/service-chaining": (PEER, "https://b.spin.internal"),
    "loader/valid-manifest": (PEER, '"details"'),
    "loader/valid-with-files/spin": ("src/loader/assets_test.cpp", 'TEST_CASE("mounts of copies, and in place")'),
    "loader/wagi-custom-entrypoint": ("src/app/http_trigger_test.cpp", "cannot use deprecated 'entrypoint' field"),
    "doctor/empty": ("src/doctor/diagnose_test.cpp", "missing top-level trigger config"),
    "doctor/maximal_v1": ("src/doctor/upgrade_test.cpp", 'TEST_CASE("a manifest of version 1 becomes one of version 2")'),
    "doctor/minimal_v1": ("src/doctor/diagnose_test.cpp", "Version 1 manifest can be upgraded to version 2"),
    "doctor/not_ok": ("src/doctor/diagnose_test.cpp", 'HTTP component \\"a\\" missing trigger.route'),
    "doctor/ok_v2": ("src/doctor/diagnose_test.cpp", 'TEST_CASE("every diagnosis of Spin\'s, with its cure")'),
}


@pytest.mark.parametrize("case", TWINS)
def test_the_twin_is_there(case):
    file, words = TWINS[case]
    # Texts of one case may be broken into lines.
    text = re.sub(r'"\s*\n\s*"', "", (whorl.ROOT / file).read_text())
    assert words in text


def test_no_case_is_without_a_twin():
    if not SUITE.exists():
        pytest.skip("NO SUITE: spin, see tests/conformance/README.md")
    cases = {str(path.relative_to(SUITE).with_suffix("")).replace("/tests/ui/", "/")
             for room in ("manifest", "loader", "doctor") for path in (SUITE / room / "tests" / "ui").rglob("*.toml")}
    assert cases == set(TWINS)
