#!/usr/bin/python3
"""Words that C++ sources of this tree do not contain (STYLE.md, Forbidden words).

Comments and literals are not read, except by the rules about comments. A line that must break a rule
says so at its end: `// lint: allow(RULE) reason`. Every rule carries a sample that it must find and one
that it must pass; `lint.py --self-test` tries them, and so does the test beside this file.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import subprocess
import sys

import cpp_text

ROOT = pathlib.Path(__file__).resolve().parent.parent
EVERYWHERE = r"^(src|apps|bench|fuzz|tests)/"
PRODUCT = r"^(src|apps)/(?!.*_(test|bench|fuzz)\.cpp$)"


@dataclasses.dataclass(frozen=True)
class Rule:
    name: str
    pattern: str
    why: str
    bad: str  # a line that the rule finds
    good: str  # a line that it passes
    where: str = EVERYWHERE  # paths it reads
    except_in: str = r"^$"  # paths it leaves alone
    in_comments: bool = False  # reads the raw text


RULES = (
    Rule("new", r"\bnew\b(?!\s*\()", "ownership starts in make_unique or a value",
         "auto* p = new Thing;", "new (place) Thing;", PRODUCT),
    Rule("delete", r"(?<!=\s)(?<!=)\bdelete\b", "destructors free, nobody else does",
         "delete p;", "Thing(const Thing&) = delete;", PRODUCT),
    Rule("thread", r"\bstd::j?thread\b", "threads start in async/ (shards, pool) and engine/ (ticker) only",
         "std::thread t(run);", "std::this_thread::get_id();", PRODUCT, r"^src/(async|engine)/"),
    Rule("function", r"\bstd::function\b", "std::move_only_function or a template parameter",
         "std::function<void()> f;", "std::move_only_function<void()> f;"),
    Rule("cout", r"\bstd::c(out|err)\b|(?<!\w)printf\(", "output goes through log/ or the cli's printer",
         "std::cout << 1;", "fmt::print(\"{}\", 1);"),
    Rule("sleep", r"\bsleep_(for|until)\b|(?<!\w)u?sleep\(", "wait for an event, or use a timer of async/",
         "std::this_thread::sleep_for(1s);", "co_await timer.wait();"),
    Rule("catch_all", r"\bcatch\s*\(\s*\.\.\.\s*\)", "only at a boundary, which says so",
         "} catch (...) {", "} catch (const std::bad_alloc&) {", PRODUCT),
    Rule("regex", r"\bstd::w?regex\b|#\s*include\s*<regex>", "slow and recursive on hostile input",
         "std::regex r;", "int regex_count = 0;"),
    Rule("using_namespace", r"\busing\s+namespace\s+(?!std::(chrono_literals|string_literals|string_view_literals)\b)",
         "names say where they come from", "using namespace std;", "using namespace std::chrono_literals;", PRODUCT),
    Rule("pragma_once", r"#\s*ifndef\s+\w+_HPP?_?\b", "#pragma once",
         "#ifndef WHORL_X_HPP", "#ifndef NDEBUG"),
    Rule("nolint", r"NOLINT(?!\w*\([\w.,* -]+\)\s*:?\s*\S)", "a NOLINT names its check and its reason",
         "f(x);  // NOLINT", "f(x);  // NOLINT(bugprone-foo): x is ours", in_comments=True),
    Rule("todo_now", r"TODO\(now\)|\bFIXME\b|\bXXX\b", "finish it before it is committed",
         "// TODO" + "(now): bound it", "// TODO(perf): one copy too many", in_comments=True),
)
_ALLOW = re.compile(r"//\s*lint:\s*allow\(([\w, ]+)\)\s*\S")


def check_text(path: str, text: str) -> list[str]:
    """Problems of one file, each `path:line: message`."""
    rules = [r for r in RULES if re.search(r.where, path) and not re.search(r.except_in, path)]
    raw, code = text.splitlines(), cpp_text.code_only(text).splitlines()
    problems = []
    for rule in rules:
        for number, line in enumerate(raw if rule.in_comments else code, 1):
            if not re.search(rule.pattern, line):
                continue
            allowed = _ALLOW.search(raw[number - 1])
            if not allowed or rule.name not in re.split(r"[ ,]+", allowed.group(1)):
                problems.append(f"{path}:{number}: [{rule.name}] {raw[number - 1].strip()[:80]}  ({rule.why})")
    return problems


def self_test() -> list[str]:
    """Each rule finds its bad sample, and nothing finds the good one."""
    problems = []
    for rule in RULES:
        if not any(f"[{rule.name}]" in p for p in check_text("src/http/sample.cpp", rule.bad)):
            problems.append(f"rule {rule.name} does not find: {rule.bad}")
        if any(f"[{rule.name}]" in p for p in check_text("src/http/sample.cpp", rule.good)):
            problems.append(f"rule {rule.name} finds what it should pass: {rule.good}")
    return problems


def main() -> int:
    problems = self_test()
    if "--self-test" not in sys.argv:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"], cwd=ROOT,
                                capture_output=True, text=True, check=True).stdout.split()
        for name in listed:
            if (ROOT / name).is_file():
                problems += check_text(name, (ROOT / name).read_text(errors="replace"))
    print("\n".join(problems) if problems else "words: ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
