"""Guests in C as components, for programs that run nothing else: the core modules of sdk/c, wrapped by wasm-tools.

    wasm = componentize.guest("multi", tmp_path)

Results are kept by content beside those of other toolchains. Without wasm-tools the test that asks is skipped, loudly.
"""

import hashlib
import pathlib
import re
import shutil
import subprocess

import p3_guests
import pytest
import toolchains
import whorl

VERSION = "0.2.0"
PACKAGES = ("cli", "clocks", "filesystem", "http", "io", "random", "sockets")
COMMON = f"""import wasi:cli/environment@{VERSION};
  import wasi:cli/stdout@{VERSION};
  import wasi:cli/stderr@{VERSION};
  import wasi:clocks/monotonic-clock@{VERSION};
  import wasi:clocks/wall-clock@{VERSION};
  import wasi:filesystem/types@{VERSION};
  import wasi:filesystem/preopens@{VERSION};
  import wasi:http/types@{VERSION};
  import wasi:http/outgoing-handler@{VERSION};
  import wasi:io/poll@{VERSION};
  import wasi:io/streams@{VERSION};
  import wasi:config/store@0.2.0-draft-2024-09-27;
  import fermyon:spin/variables@2.0.0;
  import fermyon:spin/key-value@2.0.0;
  import fermyon:spin/config;
"""
SERVICE = f"export wasi:http/incoming-handler@{VERSION};"
# What a guest needs beside: interfaces of its own, and what its world has in place of a service's export.
OWN = {
    "caller": ("package test:sums@1.0.0;\ninterface probe {\n  add: func(a: s32, b: s32) -> s32;\n  environment: func() -> s32;\n"
               "  variable: func() -> s32;\n  files: func() -> s32;\n}\n", "import test:sums/probe@1.0.0;\n  " + SERVICE),
}
OWN["adder"] = (OWN["caller"][0], "export test:sums/probe@1.0.0;")
OWN["inbound_redis"] = ("", "export fermyon:spin/inbound-redis;")
# What guests of outside servers and stores import beside what all have. Newer functions of an interface are there under
# its first version, as guests name it.
SPIN_2 = "fermyon:spin/{0}; import fermyon:spin/{0}@2.0.0;"
MORE = {
    "stores": "fermyon:spin/key-value; " + " ".join(f"import wasi:keyvalue/{each}@0.2.0-draft2;" for each in ("store", "atomics", "batch")),
    "sql": SPIN_2.format("sqlite") + " import spin:sqlite/sqlite@3.0.0;",
    "redis": SPIN_2.format("redis"),
    "inbound_redis": "fermyon:spin/redis;",
    "postgres": SPIN_2.format("postgres") + " import spin:postgres/postgres@4.0.0;",
    "mysql": SPIN_2.format("mysql"),
    "mqtt": "fermyon:spin/mqtt@2.0.0;",
    "llm": SPIN_2.format("llm"),
}
INBOUND_REDIS = """package fermyon:spin;
interface inbound-redis {
  use redis-types.{error, payload};
  handle-message: func(message: payload) -> result<_, error>;
}
"""
FIRST = {"sqlite@3.1.0": "sqlite@3.0.0", "postgres@4.2.0": "postgres@4.0.0"}


def write_world(folder: pathlib.Path, name: str) -> None:
    """The interfaces under one version, whose functions a guest may use or not: what it does not use is left out."""
    deps = folder / "deps"
    for package in PACKAGES:
        shutil.copytree(whorl.ROOT / "wit" / "wasi" / f"{package}@0.2.12", deps / package)
    shutil.copytree(whorl.ROOT / "wit" / "wasi" / "config@0.2.0-draft-2024-09-27", deps / "config")
    shutil.copytree(whorl.ROOT / "wit" / "fermyon" / "spin", deps / "spin")
    shutil.copytree(whorl.ROOT / "wit" / "fermyon" / "spin@2.0.0", deps / "spin2")
    (deps / "spin" / "inbound-redis.wit").write_text(INBOUND_REDIS)
    shutil.copytree(whorl.ROOT / "wit" / "wasi" / "keyvalue@0.2.0-draft2", deps / "keyvalue")
    for package in FIRST:
        shutil.copytree(whorl.ROOT / "wit" / "spin" / package, deps / package.partition("@")[0])
    for file in deps.rglob("*.wit"):
        text = re.sub(r"^ *@(since|unstable|deprecated).*$", "", file.read_text(), flags=re.M)
        for newest, first in FIRST.items():
            text = text.replace(newest, first)
        file.write_text(text.replace("@0.2.12", f"@{VERSION}"))
    interfaces, exports = OWN.get(name, ("", SERVICE))
    if interfaces:
        (deps / "own").mkdir()
        (deps / "own" / "own.wit").write_text(interfaces)
    more = f"import {MORE[name]}\n  " if name in MORE else ""
    (folder / "world.wit").write_text(f"package test:guests;\nworld guest {{\n  {COMMON}  {more}{exports}\n}}\n")


def guest(name: str, folder: pathlib.Path) -> pathlib.Path:
    """@param folder  to build in, where the result is not kept yet"""
    core = whorl.guest(name)
    digest = hashlib.sha256(core.read_bytes() + pathlib.Path(__file__).read_bytes())
    target = toolchains.CACHE / f"component-{name}-{digest.hexdigest()[:32]}.wasm"
    if target.exists():
        return target
    tool = pathlib.Path(p3_guests.tools()) / "bin" / "wasm-tools"
    found = str(tool) if tool.exists() else shutil.which("wasm-tools")
    if not found:
        pytest.skip("wasm-tools is not there: see tests/guests/p3/README.md")
    work = folder / f"componentize-{name}"
    write_world(work / "wit", name)
    embedded, out = work / "embedded.wasm", work / "out.wasm"
    for command in ([found, "component", "embed", work / "wit", "--world", "guest", core, "-o", embedded],
                    [found, "component", "new", embedded, "-o", out]):
        ended = subprocess.run(command, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr
    toolchains.CACHE.mkdir(parents=True, exist_ok=True)
    shutil.copy(out, target.with_suffix(".part"))
    target.with_suffix(".part").rename(target)
    return target
