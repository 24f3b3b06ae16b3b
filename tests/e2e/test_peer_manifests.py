"""The same manifests read by Spin itself: what is accepted must be locked alike, what is refused must
be refused with the same words. Runs where WHORL_PEER_SPIN names a Spin; the tables of the unit tests
hold the same facts without one.

Files are compared elsewhere (src/loader/assets_test.cpp): a lock made for comparing has none.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess

import pytest
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
pytestmark = pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
PATIENCE_S = 20

HEAD = 'spin_manifest_version = 2\n[application]\nname = "a"\n'
TRIGGER = '[[trigger.http]]\nroute = "/..."\ncomponent = "r"\n'
R = '[component.r]\nsource = "x.wasm"\n'
HEAD1 = 'spin_manifest_version = "1"\nname = "a"\ntrigger = { type = "http" }\n'
R1 = '[[component]]\nid = "r"\nsource = "x.wasm"\n'
TRIGGER1 = '[component.trigger]\nroute = "/..."\n'


def component(lines: str) -> str:
    return HEAD + TRIGGER + R + lines + "\n"


def source(text: str) -> str:
    return HEAD + TRIGGER + f"[component.r]\nsource = {text}\n"


def component1(lines: str) -> str:
    return HEAD1 + R1 + lines + "\n" + TRIGGER1


def dependency(line: str) -> str:
    return component("[component.r.dependencies]\n" + line + '\n[component.s]\nsource = "s.wasm"')


ACCEPTED = {
    "minimal": HEAD + TRIGGER + R,
    "details": HEAD
    + 'version = "1.2.3"\ndescription = "d"\nauthors = ["x", "y"]\ntargets = ["spin-up:3.3"]\n'
    + '[application.trigger.http]\nbase = "/"\n[application.tool.x]\ny = 1\n'
    + TRIGGER
    + R,
    "variables": HEAD
    + '[variables]\nx = { default = "1", description = "" }\nz = { default = "", secret = true }\n'
    + TRIGGER
    + R
    + 'variables = { v = "{{x}}" }\n',
    "free values": HEAD
    + TRIGGER
    + 'n = 1\nf = 1.0\ng = 1e30\nd = 1979-05-27\nb = true\narr = [1, "x", { a = 1 }]\n'
    + R,
    "ids": HEAD
    + TRIGGER
    + TRIGGER
    + '[[trigger.http]]\nid = "Odd id"\nroute = "/b"\ncomponent = { source = "y.wasm" }\n'
    + '[[trigger.http]]\nroute = "/c"\ncomponent = { source = "z.wasm", description = "in" }\n'
    + '[[trigger.http]]\nroute = "/s"\nstatic_response = { body = "x" }\n'
    + R,
    "lists for tables": HEAD + '[[trigger.http]]\nroute = "/"\ncomponent = ["y.wasm", "d"]\n' + R + 'build = ["make", "w"]\n',
    "several components": HEAD
    + '[[trigger.http]]\nroute = "/..."\ncomponents = { a = "r", b = ["r", { source = "y" }], c = { source = "z" } }\n'
    + R,
    "grants": component(
        'environment = { B = "2", A = "1" }\nkey_value_stores = ["default"]\nsqlite_databases = ["default"]\n'
        'ai_models = ["m"]\nallowed_outbound_hosts = ["http://self", "https://b.spin.internal"]\n'
        'targets = ["q"]\ndescription = "dd"\nbuild = { command = ["make", "x"], workdir = "w", watch = ["a"] }\n'
    ),
    "old hosts": component('allowed_outbound_hosts = ["redis://x"]\nallowed_http_hosts = ["a.b:80", "self"]'),
    "templates in hosts": component('allowed_outbound_hosts = ["http://{{ x }}", "*://*:*"]'),
    "dependencies": component(
        "[component.r.dependencies]\n"
        '"a:b/c" = { path = "d.wasm" }\n"a:d/c" = { path = "./e.wasm", export = "e", inherit_configuration = true }\n'
        '"a:e/c" = { path = "f.wasm", inherit_configuration = ["files", "bogus"] }\n'
        '"a:f/c@1.0.0" = { path = "g.wasm", inherit_configuration = [] }\nlib = { component = "s" }\n'
        '"ab:c/d" = { path = "d" }\n"a-b:c/d" = { path = "d" }\n"z:z/a@1.10.0" = { path = "d" }\n"z:z/b@1.9.0" = { path = "d" }\n'
        '[component.s]\nsource = "s.wasm"\n'
    ),
    "inherited by all": component('dependencies_inherit_configuration = true\ndependencies = { "a:b/c" = { path = "d" } }'),
    "middleware": HEAD
    + TRIGGER
    + 'dependencies.middleware = [{ path = "m.wasm" }, { component = "s", inherit_configuration = ["files"] }]\n'
    + '[[trigger.http]]\nroute = "/b"\ncomponent = "r"\n'
    + '[[trigger.http]]\nroute = "/c"\ncomponent = "t"\ndependencies.middleware = [{ path = "m.wasm" }]\n'
    + R
    + '[component.s]\nsource = "s.wasm"\n[component.t]\nsource = "t.wasm"\n',
    "other roles": HEAD + TRIGGER + 'dependencies.other = [{ path = "m.wasm" }]\n' + R,
    "an empty role": HEAD + TRIGGER + "dependencies.middleware = []\n" + R,
    "version 1": HEAD1
    + 'version = "1"\ndescription = "d"\nauthors = ["x"]\n[variables]\na = { default = "1", secret = true }\n'
    + '[[component]]\nid = "Front_End"\nsource = "x.wasm"\ndescription = "d"\nconfig = { x = "{{ a }}" }\n'
    + 'environment = { A = "1" }\nallowed_http_hosts = ["a.b", "self", "[::1]:8080"]\nkey_value_stores = ["default"]\n'
    + 'trigger = { route = "/...", id = "kept", component = "ignored" }\nbuild = { command = "make" }\n'
    + R1
    + TRIGGER1,
    "version 1, hosts": component1("allowed_outbound_hosts = []"),
    "version 1, everything": component1('allowed_http_hosts = ["insecure:allow-all", "x"]'),
    "version 1, twice": HEAD1 + R1 + TRIGGER1 + R1.replace("x.wasm", "y.wasm") + TRIGGER1,
    "version 1, ids": HEAD1 + R1.replace('"r"', '"snake_case"') + TRIGGER1 + R1.replace('"r"', '"R"') + TRIGGER1,
    "version 1, settings": HEAD1.replace('"http"', '"http", base = "/"') + R1 + TRIGGER1,
}

REFUSED = {
    "nothing": "",
    "version 3": "spin_manifest_version = 3\n",
    "version 2 in quotes": 'spin_manifest_version = "2"\n',
    "two versions": 'spin_version = "1"\nspin_manifest_version = "1"\n',
    "no application": "spin_manifest_version = 2\n",
    "no trigger": HEAD + R,
    "no name": "spin_manifest_version = 2\n[application]\n" + TRIGGER + R,
    "unknown table": HEAD + TRIGGER + R + "[bogus]\n",
    "unknown key": component('sauce = "x"'),
    "wrong type": component("description = 7"),
    "wrong list": component('files = "x"'),
    "wrong map": component("environment = 7"),
    "wrong file": component("files = [7]"),
    "wrong label": component('key_value_stores = ["a+b"]'),
    "wrong variable name": HEAD + '[variables]\n"bad+name" = { required = true }\n' + TRIGGER + R,
    "wrong variable": HEAD + "[variables]\nx = {}\n" + TRIGGER + R,
    "wrong id": HEAD + TRIGGER + '[component.bad_id]\nsource = "x"\n',
    "wrong reference": HEAD + TRIGGER.replace('"r"', '"1-2-3"') + R,
    "wrong build": component('build = "x"'),
    "build without command": component("build = {}"),
    "wrong command": component("build = { command = 7 }"),
    "wrong target": component('targets = [{ url = "x", path = "y" }]'),
    "wrong profile": component('profile.x.build.workdir = "x"'),
    "wrong source": source("7"),
    "wrong digest": source('{ url = "http://127.0.0.1:1/x", digest = "md5:1" }'),
    "wrong package version": source('{ package = "a:b", version = "^1" }'),
    "no scheme": component('allowed_outbound_hosts = ["nohost"]'),
    "no port": component('allowed_outbound_hosts = ["*://a"]'),
    "wrong port": component('allowed_outbound_hosts = ["http://a:x"]'),
    "wrong host": component('allowed_outbound_hosts = ["http://a b"]'),
    "wrong wildcard": component('allowed_outbound_hosts = ["http://a.*.b"]'),
    "everything": component('allowed_outbound_hosts = ["*"]'),
    "allow-all": component('allowed_outbound_hosts = ["insecure:allow-all"]'),
    "wrong default": HEAD
    + '[variables]\nx = { default = "a b" }\n'
    + TRIGGER
    + R
    + 'allowed_outbound_hosts = ["https://{{x}}"]\n',
    "open template": component('allowed_outbound_hosts = ["https://{{x"]'),
    "wrong old hosts": component('allowed_http_hosts = ["a/x"]'),
    "dependency without package": dependency('a = "1"'),
    "dependency with export": dependency('"a:b" = { path = "x", export = "e" }'),
    "dependency of no form": dependency('"a:b/c" = { path = "x", bogus = 1 }'),
    "dependency of a wrong version": dependency('"a:b/c@x" = { path = "x" }'),
    "dependency of a wrong name": dependency('"a_b:c/d" = { path = "x" }'),
    "conflict": dependency('"a:b/c" = { path = "x" }\n"a:b@1.0.0-rc.1+x" = { path = "x" }'),
    "a package without a namespace": source('{ package = "b", version = "1.0.0", registry = "127.0.0.1:1" }'),
    "a package in capitals": source('{ package = "a:B", version = "1.0.0", registry = "127.0.0.1:1" }'),
    "a registry that is none": source('{ package = "a:b", version = "1.0.0", registry = "a b" }'),
    "a package's version that is none": source('{ package = "a:b", version = "x", registry = "127.0.0.1:1" }'),
    "a dependency on no package": dependency('"a:b/c@1.0.0" = { package = "bad", version = "1", registry = "127.0.0.1:1" }'),
    "a dependency on a package in capitals": dependency('c = { package = "a:B", version = "1", registry = "127.0.0.1:1" }'),
    "unknown dependency": dependency('"a:b/c" = { component = "nope" }'),
    "dependency with grants": component(
        'dependencies = { x = { component = "s" } }\n[component.s]\nsource = "s"\nfiles = ["a"]\nvariables = { a = "1" }'
    ),
    "inherited twice": component(
        'dependencies_inherit_configuration = false\ndependencies = { x = { path = "x", inherit_configuration = true } }'
    ),
    "middleware of no form": HEAD + TRIGGER + 'dependencies.middleware = [{ path = "x", export = "e" }]\n' + R,
    "version 1 without trigger": 'spin_version = "1"\nname = "a"\n',
    "version 1, unknown key": component1("bogus = 1"),
    "version 1, wrong id": HEAD1 + R1.replace('"r"', '"1x"') + TRIGGER1,
    "version 1, wrong config": component1('config = { "A-b" = "7" }'),
    "version 1, wrong hosts": component1('allowed_http_hosts = ["ftp://x", "a", "b/c"]'),
    "version 1, component is a table": HEAD1 + "[component]\nx = 1\n",
    "no equals sign": HEAD + "ver\n",
    "no value": HEAD + "x = \n",
    "a word for a value": HEAD + "x = abc\n",
    "an open string": HEAD + 'x = "abc\n',
    "an open list": HEAD + "x = [1 2]\n",
    "an open header": HEAD + "[a\n",
    "a key twice": HEAD + 'name = "b"\n',
    "a table twice": HEAD + "[application]\n",
    "a stray word": HEAD + "x = 1 2\n",
}


def run(program: str, *arguments: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SPIN_")}
    environment["XDG_CACHE_HOME"] = str(cwd / "cache")
    return subprocess.run(
        [program, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
    )


def peer(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    # There is no wasm file, so it does not get as far as serving.
    return run(SPIN, "up", "--temp", str(folder / "work"), "--listen", "127.0.0.1:0", cwd=folder)


def ours(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    return run(str(whorl.program()), "maintenance", "generate-lock", cwd=folder)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    made = tmp_path / "an app\u00e9"
    (made / "work").mkdir(parents=True)
    return made


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, folder: pathlib.Path):
    (folder / "spin.toml").write_text(ACCEPTED[name])
    theirs = peer(folder)
    lock = folder / "work" / "spin.lock"
    assert lock.exists(), theirs.stderr
    mine = ours(folder)
    assert mine.returncode == 0, mine.stderr
    assert mine.stdout == lock.read_text() + "\n"
    assert json.loads(mine.stdout)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, folder: pathlib.Path):
    (folder / "spin.toml").write_text(REFUSED[name])
    theirs = peer(folder)
    assert not (folder / "work" / "spin.lock").exists(), "Spin accepts it"
    mine = ours(folder)
    assert mine.returncode == 1
    # Advice and further mistakes are ours.
    assert re.sub(r"\n*Help: .*", "", mine.stderr, flags=re.S).rstrip() == theirs.stderr.rstrip()
