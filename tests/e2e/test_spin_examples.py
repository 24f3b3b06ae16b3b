"""Applications with the keys that Spin's examples and templates have, as far as they need only HTTP: they build, load and
answer, and where WHORL_PEER_SPIN names a Spin, as they do there. Names, texts and guests are ours."""

import functools
import hashlib
import http.server
import os
import threading

import componentize
import p3_guests
import pytest
import twins
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
HEAD = 'spin_manifest_version = 2\n[application]\nname = "from-template"\nversion = "0.1.0"\nauthors = ["Somebody"]\ndescription = "{}"\n'
get = twins.Request.of


def built(command: str, out: str, guest: str, workdir: str = "", grants: str = "allowed_outbound_hosts = []") -> str:
    """A component that its build command puts where a compiler would."""
    above = "../" * (workdir.count("/") + 1) if workdir else ""
    path = f"{workdir}/{out}" if workdir else out
    copy = f"mkdir -p $(dirname {out}) && cp {above}{guest}.wasm {out} # {command}"
    return (f'source = "{path}"\ndescription = "A component."\n{grants}\n[component.NAME.build]\ncommand = "{copy}"\n'
            + (f'workdir = "{workdir}"\n' if workdir else "") + 'watch = ["src/**/*.rs", "Cargo.toml"]\n')


def app(route: str, name: str, component: str, more: str = "", head: str = "") -> str:
    return (HEAD.format(name) + head + f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{name}"\n{more}\n'
            + f"[component.{name}]\n{component.replace('NAME', name)}")


CARGO = "cargo build --target {} --release"
MIDDLEWARE = """dependencies.middleware = [
    { component = "first", inherit_configuration = ["allowed_outbound_hosts"] },
    { component = "second" }
]"""
# Name → manifest, what is asked. GUEST_URL, GUEST_DIGEST and so on stand for a component that is downloaded.
APPS = {
    # examples
    "http-cpp": (app("/hello", "greeter", built("make", "lib.wasm", "hello")), ["/hello", "/hello/", "/"]),
    "http-rust": (app("/hello", "greeter", built(CARGO.format("wasm32-wasip2"), "target/wasm32-wasip2/release/greeter.wasm", "hello")),
                  ["/hello", "/hello?x", "/other"]),
    "open-ai-rust": (app("/...", "asker", built(CARGO.format("wasm32-wasip2"), "target/wasm32-wasip2/release/asker.wasm", "multi",
                                                grants='allowed_outbound_hosts = []\nai_models = ["some-model:20b"]')), ["/", "/x"]),
    "vault-variable-test": (
        app("/...", "keeper", built(CARGO.format("wasm32-wasip2"), "target/wasm32-wasip2/release/keeper.wasm", "variables",
                                    grants='allowed_outbound_hosts = []').replace(
            "[component.NAME.build]", '[component.NAME.variables]\ntoken = "{{ secret }}"\n[component.NAME.build]'),
            head="[variables]\nsecret = { required = true }\n"), ["/spin/token", "/store/token", "/config/token"]),
    "http-middleware": (
        app("/...", "inner", built(CARGO.format("wasm32-wasip2"), "target/wasm32-wasip2/release/app.wasm", "multi3", "app",
                                   'allowed_outbound_hosts = ["https://example.invalid"]'), MIDDLEWARE)
        + "".join(f"[component.{name}]\n" + built(CARGO.format("wasm32-wasip2"), f"target/wasm32-wasip2/release/{name}.wasm", "middleware3",
                                                  name, "").replace("NAME", name) for name in ("first", "second")), ["/", "/x?y"]),
    # templates
    "http-c": (app("/...", "in-c", built("zig build-exe -O ReleaseSmall -target wasm32-wasi main.c -lc", "main.wasm", "cgi"),
                   'executor = { type = "wagi" }'), ["/", "/?status", "/a/b?c"]),
    "http-grain": (app("/g/...", "in-grain", built("grain compile --release main.gr", "main.gr.wasm", "cgi"),
                       'executor = { type = "wagi" }'), ["/g", "/g/x?location"]),
    "http-zig": (app("/:name", "in-zig", built("zig build", "zig-out/bin/in-zig.wasm", "cgi"), 'executor = { type = "wagi" }'), ["/z?count"]),
    "http-go": (app("/...", "in-go", built("go tool componentize-go build", "main.wasm", "multi")), ["/", "/x"]),
    "http-rust": (app("/api/...", "in-rust", built(CARGO.format("wasm32-wasip2"), "target/wasm32-wasip2/release/in_rust.wasm", "multi")),
                  ["/api", "/api/x/", "/"]),
    "http-rust-p2": (app("/...", "in-rust", built(CARGO.format("wasm32-wasip1"), "target/wasm32-wasip1/release/in_rust.wasm", "multi")),
                     ["/", "/x/y?z"]),
    "http-php": (app("/...", "in-php", 'files = [{ source = "./src", destination = "/" }]\nallowed_outbound_hosts = []\n'
                     '[component.NAME.source]\nurl = "CGI_URL"\ndigest = "CGI_DIGEST"\n', 'executor = { type = "wagi" }'), ["/", "/index.php?echo"]),
    "redirect": (app("/old", "moved", 'source = { url = "MULTI_URL", digest = "MULTI_DIGEST" }\nenvironment = { GREETING = "/new" }\n'),
                 ["/old", "/new"]),
    "static-fileserver": (app("/static/...", "files", 'source = { url = "FOLDER_URL", digest = "FOLDER_DIGEST" }\n'
                              'files = [{ source = "assets", destination = "/" }]\n'), ["/read/x", "/static/a.txt", "/static/"]),
}
ARGUMENTS = {"vault-variable-test": ("--variable", "secret=hidden")}
FILES = {"src/index.php": "<?php", "assets/a.txt": "a", "src/lib.rs": "", "Cargo.toml": "", **{f"{name}/Cargo.toml": "" for name in ("app", "first", "second")}}
DOWNLOADED = {"CGI": "cgi", "MULTI": "multi", "FOLDER": "folder"}
CORE = {"cgi"}


@functools.cache
def guest(name: str, folder) -> object:
    if name.endswith("3"):
        return p3_guests.build(folder, name)
    return whorl.guest(name) if name in CORE else componentize.guest(name, folder)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """A server of the guests that applications download."""
    folder = tmp_path_factory.mktemp("downloads")
    for name in DOWNLOADED.values():
        (folder / f"{name}.wasm").write_bytes(guest(name, folder).read_bytes())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    texts = {}
    for key, name in DOWNLOADED.items():
        texts[f"{key}_URL"] = f"http://127.0.0.1:{server.server_address[1]}/{name}.wasm"
        texts[f"{key}_DIGEST"] = "sha256:" + hashlib.sha256((folder / f"{name}.wasm").read_bytes()).hexdigest()
    yield texts
    server.shutdown()


def case_of(name: str, downloads: dict[str, str], cache) -> twins.Case:
    manifest, targets = APPS[name]
    for key, text in downloads.items():
        manifest = manifest.replace(key, text)
    requests = [get(target, method) for target in targets for method in ("GET", "POST")]
    return twins.Case(manifest, requests, ("--build", "--cache-dir", str(cache), *ARGUMENTS.get(name, ())), files=FILES)


def guests_of(manifest: str, folder) -> dict:
    names = {"hello", "multi", "variables", "cgi"} | ({"multi3", "middleware3"} if "middleware" in manifest else set())
    return {f"{name}.wasm": guest(name, folder) for name in names if f"{name}.wasm" in manifest}


@pytest.mark.parametrize("name", APPS)
def test_builds_loads_and_answers(name, tmp_path, downloads, tmp_path_factory):
    case = case_of(name, downloads, tmp_path / "cache")
    program = twins.Program(whorl.program(), twins.copy(tmp_path, "whorl", case, guests_of(case.manifest, tmp_path)), case)
    try:
        assert program.port, program.errors.read_text()
        answers = [twins.ask(program.port, request) for request in case.requests]
        assert {answer.status for answer in answers} & {200, 202, 302, 418}
        assert all(answer.is_whole and answer.status in (200, 202, 302, 404, 418) for answer in answers)
    finally:
        program.close()


@pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
@pytest.mark.parametrize("name", APPS)
def test_as_under_spin(name, tmp_path, downloads):
    case = case_of(name, downloads, tmp_path / "cache")
    with twins.start(tmp_path, case, guests_of(case.manifest, tmp_path), SPIN) as pair:
        for request in case.requests:
            ours, theirs = pair.answers(request)
            assert ours == theirs, request.name
