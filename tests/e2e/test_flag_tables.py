"""docs/flags.md and docs/manifest-keys.md are whole and true: every flag that Spin's `--help` shows for a verb that exists
here, every variable of its environment and every key of its manifest's schema has a line, every test that a line names
exists, and what a line calls refused is refused. What needs Spin is skipped without one (WHORL_PEER_SPIN)."""

import json
import os
import re
import subprocess

import pytest
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
needs_peer = pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
DOCS = whorl.ROOT / "docs"
FLAGS = (DOCS / "flags.md").read_text()
KEYS = (DOCS / "manifest-keys.md").read_text()
VERBS = ["up", "build", "watch", "doctor", "trigger http", "trigger redis"]
TRIGGERS = ["http", "redis"]
# Verbs of Spin's that do not exist here: `whorl` says so by name.
OTHER_VERBS = {"add", "new", "plugins", "registry", "targets", "templates"}
# What Spin reads and no `--help` of it shows.
QUIET_VARIABLES = """
    RUST_LOG SPIN_ALWAYS_BUILD SPIN_DATA_DIR SPIN_DEPLOY_PLUGIN SPIN_DISABLE_LOG_TO_TRACING SPIN_HTTP1_MAX_BUF_SIZE
    SPIN_HTTP_LISTEN_ADDR SPIN_LOCAL_APP_DIR SPIN_LOCKED_URL SPIN_MAX_INSTANCE_COUNT SPIN_NEW_DEFAULT_ENVIRONMENT
    SPIN_OCI_ARCHIVE_LAYERS SPIN_OTEL_TRACING_LEVEL SPIN_OUTBOUND_H2C_PRIOR_KNOWLEDGE
    SPIN_PLUGINS_SUPPRESS_COMPATIBILITY_WARNINGS SPIN_TLS_CERT SPIN_TLS_KEY SPIN_WASMTIME_CORE_INSTANCE_COUNT
    SPIN_WASMTIME_CORE_INSTANCE_SIZE SPIN_WASMTIME_INSTANCE_COUNT SPIN_WASMTIME_INSTANCE_MEMORIES
    SPIN_WASMTIME_INSTANCE_SIZE SPIN_WASMTIME_INSTANCE_TABLES SPIN_WASMTIME_INSTANCE_TABLE_ELEMENTS
    SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT SPIN_WASMTIME_MAX_MEMORIES_PER_MODULE SPIN_WASMTIME_MAX_TABLES_PER_MODULE
    SPIN_WASMTIME_POOLING SPIN_WASMTIME_TABLE_KEEP_RESIDENT SPIN_WASMTIME_TOTAL_CORE_INSTANCES
    SPIN_WASMTIME_TOTAL_MEMORIES SPIN_WASMTIME_TOTAL_STACKS SPIN_WASMTIME_TOTAL_TABLES SPIN_WORKING_DIR
""".split()


def spans(text: str) -> set[str]:
    """What stands between back-quotes in the rows of tables, word by word."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return {word.rstrip(",") for row in rows for span in re.findall(r"`([^`]+)`", row) for word in span.split()}


def flags_of(program: str, verb: str) -> dict[str, tuple[str, bool]]:
    """Long name → its letter, and whether it takes a value."""
    text = subprocess.run([program, *verb.split(), "--help"], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^ +(?:-(\w), |    )--([a-z0-9-]+)( <)?", text, re.M)
    return {name: (letter, bool(value)) for letter, name, value in reversed(found)}  # the first counts


def is_refused(verb: str, flag: str) -> bool:
    """With exit code 2 and its name, whatever it is given."""
    ended = whorl.run(*verb.split(), f"--{flag}", env={"SPIN_WORKING_DIR": "/none", "SPIN_LOCKED_URL": "file:///none"})
    return ended.returncode == 2 and f"--{flag}" in ended.stderr and "unexpected argument" not in ended.stderr


@needs_peer
@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_of_spins_is_here_and_told(verb):
    theirs, ours = flags_of(SPIN, verb), flags_of(whorl.program(), verb)
    assert len(theirs) > (1 if verb == "doctor" else 5)
    told = spans(FLAGS)
    for flag, form in theirs.items():
        assert f"--{flag}" in told, f"docs/flags.md has no line for {verb} --{flag}"
        if flag in ours:
            assert ours[flag] == form, f"{verb} --{flag}"
        else:
            assert is_refused(verb, flag), f"{verb} --{flag} is neither known nor refused"
            row = next(line for line in FLAGS.splitlines() if line.startswith("|") and f"`--{flag}`" in line)
            assert "refused" in row, f"--{flag} is refused, and docs/flags.md does not say so"


@pytest.mark.parametrize("verb", VERBS)
def test_every_flag_of_ours_is_told(verb):
    missing = {flag for flag in flags_of(whorl.program(), verb) if f"--{flag}" not in spans(FLAGS)}
    assert not missing


@needs_peer
@pytest.mark.parametrize("type_", TRIGGERS)
def test_hidden_flags_of_triggers_are_here(type_):
    """Those that no help shows are in the list that `up` asks for."""

    def listed(program: str) -> set[str]:
        ended = subprocess.run([program, "trigger", type_, "--launch-metadata-only"], capture_output=True, text=True)
        return {flag["long"].removeprefix("--") for flag in json.loads(ended.stderr)["all_flags"]}

    left = listed(SPIN) - listed(whorl.program())
    assert all(is_refused("trigger http", flag) for flag in left), left
    assert {f"--{flag}" for flag in listed(SPIN)} - {"--help"} <= spans(FLAGS)


@needs_peer
def test_every_verb_of_spins_is_here_or_refused_by_name():
    def verbs(program: str) -> set[str]:
        text = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        return set(re.findall(r"^  ([a-z]+)  ", text, re.M))

    assert verbs(SPIN) - verbs(whorl.program()) == OTHER_VERBS
    for verb in OTHER_VERBS:
        ended = whorl.run(verb)
        assert ended.returncode != 0 and verb in ended.stderr


@needs_peer
def test_every_variable_is_told():
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", FLAGS))))
    shown = set()
    for verb in VERBS:
        text = subprocess.run([SPIN, *verb.split(), "--help"], capture_output=True, text=True).stdout
        shown |= set(re.findall(r"\[env: (\w+)=", text))
    long = subprocess.run([SPIN, "trigger", "http", "--help"], capture_output=True, text=True).stdout
    shown |= set(re.findall(r"\[env: (\w+)=", long))
    assert len(shown) >= 5
    assert not (shown | set(QUIET_VARIABLES)) - told


@needs_peer
def test_spin_knows_these_variables():
    program = open(SPIN, "rb").read()
    assert not [name for name in QUIET_VARIABLES if name.encode() not in program]


def keys_of(schema) -> set[str]:
    """Every name of a property, however deep."""
    found = set()
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            found |= keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= keys_of(value)
    return found


@needs_peer
def test_every_key_of_the_manifest_is_told():
    theirs, ours = (json.loads(subprocess.run([program, "maintenance", "generate-manifest-schema"], capture_output=True,
                                              text=True, check=True).stdout) for program in (SPIN, whorl.program()))
    assert keys_of(theirs) <= keys_of(ours)
    told = {part for span in spans(KEYS) for part in re.split(r"[.\[\]<>=]+", span)}
    assert not keys_of(theirs) - told


def named_tests(text: str) -> list[tuple[str, str]]:
    """The files that rows name, and the words of a case behind a colon, if there are any."""
    rows = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return re.findall(r"((?:[\w/-]+/)?(?:test_\w+\.py|\w+_test(?:\.cpp)?|\w+\.transcript))(?:: ([a-z][^|;`()]*))?", rows)


def files(name: str) -> list:
    """test_x.py; x.transcript; x_test, with the end of its folder before it or not."""
    folder, _, base = name.rpartition("/")
    if base.endswith(".py"):
        return list((whorl.ROOT / "tests").rglob(base))
    if base.endswith(".transcript"):
        return list((whorl.ROOT / "tests" / "cli").glob(base))
    found = [*(whorl.ROOT / "src").rglob(f"{base.removesuffix('.cpp')}.cpp"), *(whorl.ROOT / "wit").rglob(f"{base}.cpp")]
    return [path for path in found if str(path.parent).endswith(folder)]


def test_every_test_that_is_named_exists():
    wrong = []
    named = [*named_tests(FLAGS), *named_tests(KEYS)]
    assert len(named) > 100
    for name, words in named:
        found = files(name)
        # "x_test" may be a program of several files: `whorl_x_test`.
        if not found:
            wrong.append(f"there is no {name}")
            continue
        text = re.sub(r"[^a-z0-9]+", "", "".join(path.read_text() for path in found).lower())
        for case in re.split(r", ", words):
            if re.search(r"(_test|\.py|\.transcript) *$", case):
                continue  # the next file
            slug = re.sub(r"[^a-z0-9]+", "", case.split("…")[0].lower())
            if slug and slug not in text:
                wrong.append(f"{name} has no case “{case}”")
    assert not wrong, "\n".join(wrong)


def told_rows(text: str):
    """What a row is about, the tests it names, and its gap; of tables that have a column of tests."""
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells or not head:
            head = cells
        elif "test" in head and not cells[0].startswith("---"):
            row = dict(zip(head, cells))
            # What follows a colon says what the flag is for.
            about = [re.sub("`: .*", "`", cell) for name, cell in row.items() if name in ("flag", "variable", "key", "source")]
            yield " ".join(about), row.get("test", ""), row.get("gaps", "")


def names_of(about: str) -> set[str]:
    """The flags, variables and last parts of keys between its back-quotes."""
    found = set()
    for span in re.findall(r"`([^`]+)`", about):
        flag, variable = re.search(r"--[a-z0-9-]+", span), re.match(r"[A-Z][A-Z0-9_]{3,}", span)
        plain = re.split(r"[.\[\]<>=]+", span.split()[-1].rstrip(".*]>"))[-1]
        found.add(flag.group(0) if flag else variable.group(0) if variable else plain)
    return found


@pytest.mark.parametrize("text", [FLAGS, KEYS], ids=["flags", "keys"])
def test_the_tests_of_a_row_mention_what_it_is_about(text):
    wrong, seen = [], 0
    for about, tests, gap in told_rows(text):
        found = "".join(path.read_text() for name, _ in named_tests(f"| {tests} |") for path in files(name))
        found += "".join((whorl.ROOT / path).read_text() for path in re.findall(r"fuzz/\w+\.cpp", tests))
        if not found:
            if not gap:
                wrong.append(f"no test and no gap: {about}")
            continue
        seen += 1
        wrong += [f"{name} is not in {tests}" for name in sorted(names_of(about)) if name not in found]
    assert not wrong, "\n".join(wrong)
    assert seen > 30


ALIASES = {"u": "up", "b": "build", "w": "watch"}


@pytest.mark.parametrize("alias, verb", ALIASES.items())
def test_aliases_of_verbs(alias, verb):
    assert whorl.run(alias, "--help").stdout == whorl.run(verb, "--help").stdout != ""
    assert whorl.run("help", alias).stdout == whorl.run("help", verb).stdout != ""


def complete(script: str, line: str) -> set[str]:
    """What bash offers at the end of a line."""
    words = line.split(" ")
    text = f"""source {script}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)})
COMP_CWORD={len(words) - 1}
COMP_LINE='{line}'
COMP_POINT={len(line)}
$(complete -p whorl | sed 's/.*-F \\([^ ]*\\) .*/\\1/') whorl '{words[-1]}' '{words[-2]}'
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    ended = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return {word.strip() for word in ended.stdout.splitlines() if word.strip()}


def test_bash_completes_verbs_and_flags(tmp_path):
    made = whorl.run("maintenance", "generate-completions", "bash")
    assert made.returncode == 0
    script = tmp_path / "whorl.bash"
    script.write_text(made.stdout)
    assert complete(script, "whorl w") == {"watch"}
    assert complete(script, "whorl up --lis") == {"--listen"}
    assert complete(script, "whorl build --skip") == {"--skip-target-checks", "--skip-generate-wits"}
    for verb in ("up", "build", "watch", "doctor"):
        offered = complete(script, f"whorl {verb} --")
        assert {f"--{flag}" for flag in flags_of(whorl.program(), verb)} <= offered | {"--help"}


def test_the_manual_page_names_every_flag():
    page = whorl.run("maintenance", "generate-man-page").stdout.replace("\\-", "-")
    assert page.startswith(".TH")
    for verb in ("up", "build", "watch", "doctor"):
        for flag in flags_of(whorl.program(), verb):
            assert f"--{flag}" in page, flag
