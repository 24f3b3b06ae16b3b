"""The checks of tools/ find what they are for and pass what is right."""

import pathlib
import subprocess

import check_layers
import check_rooms
import cpp_text
import lint
import run_tests

import pytest


def test_every_lint_rule_finds_its_bad_sample_and_passes_its_good_one():
    assert lint.self_test() == []


def test_lint_reads_neither_comments_nor_literals():
    assert lint.check_text("src/x/a.cpp", '// new Thing\nauto s = "new Thing"; /* delete p; */\n') == []
    assert lint.check_text("src/x/a.cpp", 'auto s = R"(new\nThing)"; int big = 1\'000;\nauto p = new T;\n') == [
        "src/x/a.cpp:3: [new] auto p = new T;  (ownership starts in make_unique or a value)"]


def test_lint_exception_needs_the_rule_and_a_reason():
    assert lint.check_text("src/x/a.cpp", "} catch (...) {  // lint: allow(catch_all) C callback\n") == []
    assert len(lint.check_text("src/x/a.cpp", "} catch (...) {  // lint: allow(catch_all)\n")) == 1
    assert len(lint.check_text("src/x/a.cpp", "} catch (...) {  // lint: allow(new) C callback\n")) == 1


def test_thread_is_allowed_where_threads_start():
    assert lint.check_text("src/async/pool.cpp", "std::thread t;\n") == []
    assert len(lint.check_text("src/http/pool.cpp", "std::thread t;\n")) == 1


def test_code_only_keeps_line_numbers():
    text = 'a /* 1\n2 */ b // c\n"x\\"y" d\n'
    assert cpp_text.code_only(text).count("\n") == text.count("\n")
    assert cpp_text.code_only(text).split() == ["a", "b", "d"]


def test_commented_includes_are_no_includes():
    assert cpp_text.includes('// #include "a/b.hpp"\n#include "c/d.hpp"\n#include <e>\n') == [
        (2, "c/d.hpp", True), (3, "e", False)]


ROOMS = {"http": check_layers.Room(3, ["net"]), "engine": check_layers.Room(3, []),
         "async": check_layers.Room(1, ["log"])}


@pytest.mark.parametrize("path,target,right", [
    ("src/http/server.cpp", "net/stream.hpp", True),
    ("src/http/server.cpp", "http/server.hpp", True),
    ("src/http/server.cpp", "engine/store.hpp", False),
    ("src/http/server.cpp", "runtime/app.hpp", False),
    ("src/async/shard.cpp", "log/log.hpp", True),
    ("src/async/shard.cpp", "fs/file.hpp", False),
    ("apps/whorl/main.cpp", "runtime/app.hpp", True),
])
def test_directions(path, target, right):
    assert (check_layers.check_include(path, 1, target, True, ROOMS) is None) == right


@pytest.mark.parametrize("path,target,right", [
    ("src/engine/store.cpp", "wasmtime.h", True),
    ("src/engine/store.hpp", "wasmtime/store.h", False),
    ("src/component/call.cpp", "wasmtime.h", False),
    ("src/http/server.cpp", "boost/asio/ip/tcp.hpp", True),
    ("src/http/server.hpp", "boost/asio/ip/tcp.hpp", False),
    ("src/async/task.hpp", "boost/asio/awaitable.hpp", True),
    ("src/loader/lock.hpp", "boost/json.hpp", False),
    ("apps/whorl/main.cpp", "CLI/CLI.hpp", True),
])
def test_confined_headers(path, target, right):
    assert (check_layers.check_include(path, 1, target, False, ROOMS) is None) == right


def test_rooms_are_read_from_cmake(tmp_path):
    room = tmp_path / "src" / "http"
    room.mkdir(parents=True)
    (room / "CMakeLists.txt").write_text(
        "# whorl_module(NAME no LAYER 1)\nwhorl_module(\n  NAME http LAYER 3\n  SOURCES a.cpp b.cpp\n"
        "  DEPS base net  # below\n  EXTERNAL fmt::fmt)\n")
    assert check_layers.read_rooms(tmp_path) == {"http": check_layers.Room(3, ["base", "net"])}
    assert check_layers.check_declared({"http": check_layers.Room(2, [])}) == [
        "room http: declared on layer 2, the plan says 3"]


def test_room_readme_headings(tmp_path):
    assert check_rooms.check_room(tmp_path) == [f"{tmp_path}: no README.md"]
    (tmp_path / "README.md").write_text("# x\n## Purpose\n## Key types\n## Where to look\n")
    assert check_rooms.check_room(tmp_path) == [f"{tmp_path / 'README.md'}: no heading 'Never do'"]


def test_a_runner_that_crashes_counts_as_one_failure(tmp_path):
    outcome = run_tests.run_program(["/bin/sh", "-c", "echo nothing; exit 139"])
    assert (outcome.passed, outcome.failed) == (0, 1)
    outcome = run_tests.run_program(
        ["/bin/sh", "-c", "echo '[doctest] test cases: 12 | 10 passed | 2 failed | 1 skipped'; exit 1"])
    assert (outcome.passed, outcome.failed, outcome.skipped) == (10, 2, 1)


def test_a_program_that_passes_but_exits_badly_has_failed():
    outcome = run_tests.run_program(
        ["/bin/sh", "-c", "echo '[doctest] test cases: 3 | 3 passed | 0 failed | 0 skipped'; exit 1"])
    assert (outcome.passed, outcome.failed) == (3, 1)


def test_a_test_with_nothing_to_run_is_skipped_not_failed():
    outcome = run_tests.run_program(["/bin/sh", "-c", "echo NO SUITE; echo '0 passed, 0 failed, 72 skipped'; exit 77"])
    assert (outcome.passed, outcome.failed, outcome.skipped, outcome.note) == (0, 0, 72, "SKIPPED NO SUITE")


def test_runner_takes_the_last_summary(tmp_path):
    outcome = run_tests.run_own(["/bin/sh", "-c", "echo '1 passed, 0 failed, 0 skipped'; echo '4 passed, 0 failed, 2 skipped'"], {})
    assert (outcome.passed, outcome.failed, outcome.skipped) == (4, 0, 2)


def test_dev_help_names_every_verb():
    root = pathlib.Path(run_tests.ROOT)
    text = subprocess.run([root / "dev", "help"], capture_output=True, text=True, check=True).stdout
    for verb in ("up", "test", "setup", "build", "fmt", "lint", "asan", "tsan", "fuzz", "bench"):
        assert f"  {verb} " in text
