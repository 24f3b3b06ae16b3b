"""Applications that run under Whorl and under Spin, and what is asked of each: the table of test_peer_requests.py.

Guests are those of tests/e2e/guests and examples/: `multi` shows its request, `folder` its files, `variables` its
variables, `fetch` asks others, `cgi` is a WAGI command.
"""

import dataclasses

from twins import Case, Request

HEAD = 'spin_manifest_version = 2\n[application]\nname = "twin"\nversion = "1.2.3"\n'
HEAD1 = 'spin_manifest_version = "1"\nname = "twin"\nversion = "1.2.3"\ntrigger = { type = "http" }\n'
get = Request.of


def trigger(route: str, component: str, more: str = "") -> str:
    return f'[[trigger.http]]\nroute = "{route}"\ncomponent = "{component}"\n{more}\n'


def component(name: str, guest: str = "multi", more: str = "") -> str:
    return f'[component.{name}]\nsource = "{guest}.wasm"\n{more}\n'


def only(guest: str, more: str = "", route: str = "/...") -> str:
    return HEAD + trigger(route, "one") + component("one", guest, more)


def routed(*routes: str) -> str:
    """Each route with a component of its own."""
    text = HEAD
    for number, route in enumerate(routes):
        text += trigger(route, f"c{number}") + component(f"c{number}")
    return text


def raw(name: str, text: str, method: str = "GET") -> Request:
    return Request(name, text.replace("\n", "\r\n").encode("latin-1"), method)


def lines(target: str, *fields: str, method: str = "GET", version: str = "HTTP/1.1") -> str:
    return "\n".join([f"{method} {target} {version}", *fields, "", ""])


CLOSE = "Connection: close"
HOST = "Host: test.local"

PATHS = [get(path) for path in (
    "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/", "//", "//a", "//a//b", "/a//b", "/a//", "/A", "/A/B",
    "/a%20b", "/a%2Fb", "/%61", "/a/..", "/a/../b", "/./a", "/a.b", "/a-b_c~d", "/a;x=1", "/a:b", "/a@b", "/b", "/x/y/z",
    "/?", "/?q", "/a?x=1&y=2", "/a?x=%20&&=", "/a/b?/c", "/a?x=a+b%2B", "/.well-known/spin", "/.well-known/other",
)]
WELL_KNOWN = [get(f"/.well-known/spin/{path}", method) for path in ("health", "info", "other", "", "health/x", "health?x=1", "Health")
              for method in ("GET", "POST", "HEAD", "DELETE")]

ROUTES = {
    "everything": routed("/..."),
    "the root only": routed("/"),
    "an exact path": routed("/a"),
    "an exact path with a slash": routed("/a/"),
    "without a slash": routed("a", "b/..."),
    "an empty route": routed(""),
    "a prefix": routed("/a/..."),
    "a prefix beside everything": routed("/a/...", "/..."),
    "an old wildcard": routed("/a/*"),
    "a named segment": routed("/:x"),
    "a named segment in the middle": routed("/a/:x/c"),
    "two named segments": routed("/:x/:y"),
    "a named segment and the rest": routed("/a/:x/..."),
    "literals before names before wildcards": routed("/a/b", "/a/:x", "/a/...", "/:y/b", "/..."),
    "names of capitals and underscores": routed("/:User_Id/:item-No/..."),
    "the same route twice": routed("/a", "/b/...", "/a"),
    "the same route written differently": routed("/a", "/a/", "a"),
    "two names for one segment": routed("/a/:one", "/a/:two"),
    "dots that are no wildcard": routed("/a/.../b", "/a...", "/..."),
    "a star that is no wildcard": routed("/a*b", "/*/b", "/..."),
    "the longest of many": routed("/...", "/a/...", "/a/b/...", "/a/b/c/..."),
    "escapes in a route": routed("/a%20b", "/a%2Fb/..."),
    "a reserved route": routed("/.well-known/spin/...", "/.well-known/spin/health"),
    "one component on several routes": HEAD + trigger("/a", "c") + trigger("/b/...", "c") + trigger("/:x/y", "c") + component("c"),
    "a component written in place": HEAD + '[[trigger.http]]\nroute = "/..."\ncomponent = { source = "multi.wasm" }\n',
    "a private one beside a public one": HEAD + trigger("/a/...", "a") + component("a") + component("hidden")
    + '[[trigger.http]]\nroute = { private = true }\ncomponent = "hidden"\n',
    "nothing but a private one": HEAD + component("hidden") + '[[trigger.http]]\nroute = { private = true }\ncomponent = "hidden"\n',
}

METHODS = [get("/x", method) for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "get", "X-Y")]
BODIES = [get("/x", method, body=b"12345") for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")]


def static(response: str, route: str = "/...") -> str:
    return HEAD + f'[[trigger.http]]\nid = "s"\nroute = "{route}"\nstatic_response = {response}\n'


STATIC = {
    "an empty one": static("{}"),
    "a body": static('{ body = "hello\\n" }'),
    "a status": static('{ status_code = 418, body = "teapot" }'),
    "fields": static('{ headers = { X-One = "1", content-type = "text/html" }, body = "<p>" }'),
    "no content": static("{ status_code = 204 }"),
    "not modified": static('{ status_code = 304, headers = { etag = "x" } }'),
    "a redirection": static('{ status_code = 301, headers = { location = "/b" } }', "/a/..."),
    "a named segment": static('{ body = "n" }', "/:x"),
    "beside a component": static('{ body = "s" }', "/a") + trigger("/...", "c") + component("c"),
}

VERSION_1 = {
    "version 1": HEAD1 + '[[component]]\nid = "Front_End"\nsource = "multi.wasm"\n[component.trigger]\nroute = "/..."\n',
    "version 1 with a base of nothing": HEAD1.replace('"http"', '"http", base = "/"')
    + '[[component]]\nid = "a"\nsource = "multi.wasm"\n[component.trigger]\nroute = "/a/:x/..."\n',
    "version 1 with several": HEAD1 + "".join(
        f'[[component]]\nid = "{name}"\nsource = "multi.wasm"\n[component.trigger]\nroute = "/{name}"\n' for name in ("a", "b", "A-B")),
    "version 1 under its old name": HEAD1.replace("spin_manifest_version", "spin_version")
    + '[[component]]\nid = "a"\nsource = "multi.wasm"\n[component.trigger]\nroute = "/a/..."\n',
}

EXECUTORS = {
    "the executor by name": HEAD + trigger("/...", "c", 'executor = { type = "http" }') + component("c"),
    "the executor by its old name": HEAD + trigger("/...", "c", 'executor = { type = "spin" }') + component("c"),
}

WAGI = [get(f"/cgi{rest}") for rest in ("", "/", "/x", "/x/y/", "/x%20y", "?status", "?location", "?notype", "?silent", "?trap", "?exit0",
                                         "?exit1", "?count", "/z?a=1&b=2&", "/z?&&", "/z?a%20b=c+d")]
WAGI += [get("/cgi?echo", "POST", body=b"to be sent back"), get("/cgi", "POST", [("X-Test", "1"), ("Content-Type", "a/b")], b"x"),
         get("/cgi", "GET", [("Authorization", "secret"), ("Proxy", "p"), ("X-Twice", "1"), ("X-Twice", "2"), ("spin-path-info", "mine")]),
         get("/cgi", "HEAD"), get("/cgi?status", "HEAD"), get("/cgi", "PUT", body=b"")]


def wagi(executor: str, route: str = "/cgi/...", more: str = "") -> str:
    return HEAD + trigger(route, "c", f"executor = {executor}") + component("c", "cgi", more)


COMMANDS = {
    "a command": wagi('{ type = "wagi" }'),
    "a command with arguments": wagi('{ type = "wagi", argv = "one ${ARGS} ${SCRIPT_NAME}  two ${OTHER}" }'),
    "a command with an environment": wagi('{ type = "wagi" }', more='environment = { PATH_INFO = "own", OTHER = "x" }'),
    "a command behind a name": wagi('{ type = "wagi" }', "/:name/..."),
    "a command of version 1": HEAD1 + '[[component]]\nid = "c"\nsource = "cgi.wasm"\n[component.trigger]\nroute = "/cgi/..."\n'
    'executor = { type = "wagi" }\n',
}

ASK_VARIABLES = [get(f"/{kind}/{name}") for kind in ("spin", "config", "store") for name in ("v", "w", "composed", "none", "bad-name")]
ASK_VARIABLES += [dataclasses.replace(get("/all"), is_list=True)]
ASK_VARIABLES += [get(f"/spin/{name}") for name in ("", "A", "1a", "_a", "a_", "a__b", "a.b", "a%C3%A9", "aB-", "a_1")]
VARIABLES = HEAD + """[variables]
plain = { default = "one" }
other = { default = "two", secret = true }
needed = { required = true }
""" + trigger("/...", "one") + component("one", "variables", 'variables = { v = "{{ plain }}", w = "{{needed}}", '
                                         'composed = "<{{ plain }}-{{ other }}>" }')

FILES = {"data/a.txt": "a", "data/sub/b.txt": "bb", "data/c.md": "ccc", "top.txt": "top"}
ASK_FILES = [dataclasses.replace(get(f"/{kind}/{path}"), is_list=kind == "list") for kind in ("list", "read") for path in (
    "", "data", "data/", "data/a.txt", "data/sub", "data/sub/b.txt", "data/c.md", "top.txt", "at/a.txt", "at/sub/b.txt", "at", "none",
    "../spin.toml", "/etc/passwd", "./top.txt", "data/../top.txt", ".")]
MOUNTS = {
    "no files": only("folder"),
    "a pattern": only("folder", 'files = ["data/**/*"]'),
    "patterns and what is left out": only("folder", 'files = ["data/**/*", "*.txt"]\nexclude_files = ["**/*.md", "data/sub/*"]'),
    "a folder by its name": only("folder", 'files = ["data"]'),
    "a folder at a place": only("folder", 'files = [{ source = "data", destination = "/at" }]'),
    "a folder at the root": only("folder", 'files = [{ source = "data", destination = "/" }]'),
    "a file at a place": only("folder", 'files = [{ source = "top.txt", destination = "/at/a.txt" }]'),
    "patterns and places": only("folder", 'files = ["*.txt", { source = "data/sub", destination = "/at/sub" }]'),
}

def chained(grant: str, target_route: str = '"/target/..."') -> str:
    return (HEAD + trigger("/...", "front") + component("front", "fetch", f"allowed_outbound_hosts = [{grant}]")
            + f'[[trigger.http]]\nroute = {target_route}\ncomponent = "back"\n' + component("back", "multi", 'environment = { GREETING = "b" }'))


def fetch(url: str, *more: tuple[str, str], method: str = "GET", body: bytes | None = None) -> Request:
    made = get("/ask", method, [("x-url", url), *more], body)
    return Request(f"{made.name} {url} {more}", made.data, method)


RELATIVE = fetch("/target/x?z")
ASK_OTHERS = [
    RELATIVE,
    fetch("http://back.spin.internal/x?y=1"), fetch("https://back.spin.internal/"), fetch("http://back.spin.internal:81/p"),
    fetch("http://back.spin.internal/status/404"), fetch("http://back.spin.internal/env"), fetch("http://back.spin.internal/trap"),
    fetch("http://back.spin.internal/big/3000"), fetch("http://none.spin.internal/"), fetch("http://front.spin.internal/"),
    fetch("http://back.spin.internal/x", ("x-method", "PUT"), ("x-body", "1"), method="POST", body=b"seven"),
    fetch("http://back.spin.internal/x", ("x-method", "FOO")), fetch("http://self.alt/target/y"),
    fetch("http://127.0.0.1:1/"), fetch("http://example.invalid/"), fetch("ftp://back.spin.internal/"), fetch("http://BACK.spin.internal/"),
]
CHAINS = {
    "by name": chained('"http://back.spin.internal"'),
    "any of the application": chained('"http://*.spin.internal"'),
    "https too": chained('"https://back.spin.internal"'),
    "nobody": chained(""),
    "self": chained('"http://self"'),
    "everything": chained('"*://*:*"'),
    "somewhere else": chained('"http://127.0.0.1:1"'),
    "a private one": chained('"http://back.spin.internal"', "{ private = true }"),
}

ENVIRONMENT = [get("/env")]

SHAPES = [
    get("/x", headers=[("X-Case", "Kept"), ("x-case", "twice"), ("X-Empty", "")]),
    get("/x", headers=[("x-long", "y" * 8000)]),
    get("/x", headers=[(f"x-{i}", "v") for i in range(90)]),
    get("/" + "p" * 4000), get("/x?" + "q" * 4000),
    get("/x", headers=[("x-space", "  inner  space  ")]),
    get("/x", headers=[("spin-path-info", "mine"), ("Spin-Other", "stays"), ("spin-matched-route", "x")]),
    get("/x", headers=[("Cookie", "a=1"), ("Cookie", "b=2")]),
    get("/x", headers=[("X-Forwarded-For", "1.2.3.4"), ("Via", "x"), ("Range", "bytes=0-1"), ("If-None-Match", "*")]),
    get("/x", headers=[("Keep-Alive", "timeout=5"), ("Proxy-Connection", "x"), ("TE", "trailers"), ("Upgrade", "websocket")]),
    get("/x", "POST", [("Expect", "100-continue")], b"waited for"),
    raw("chunks", lines("/x", HOST, CLOSE, "Transfer-Encoding: chunked", method="POST") + "5\nhello\n3;ext=1\nabc\n0\n\n", "POST"),
    raw("chunks and trailers", lines("/x", HOST, CLOSE, "Transfer-Encoding: chunked", "Trailer: x-t", method="POST")
        + "5\nhello\n0\nx-t: 1\n\n", "POST"),
    raw("an empty body in chunks", lines("/x", HOST, CLOSE, "Transfer-Encoding: chunked", method="POST") + "0\n\n", "POST"),
    raw("a length of nothing", lines("/x", HOST, CLOSE, "Content-Length: 0", method="POST"), "POST"),
    raw("1.0", lines("/x", HOST, version="HTTP/1.0")),
    raw("1.0 without a host", lines("/x", version="HTTP/1.0")),
    raw("no host", lines("/x", CLOSE)),
    raw("an empty host", lines("/x", "Host: ", CLOSE)),
    raw("a host with a space", lines("/x", "Host: a b", CLOSE)),
    raw("a host with a port", lines("/x", "Host: a.b:8080", CLOSE)),
    raw("a host of capitals", lines("/x", "Host: Test.LOCAL", CLOSE)),
    raw("an address for a host", lines("/x", "Host: [::1]:80", CLOSE)),
    raw("two hosts", lines("/x", HOST, "Host: other.local", CLOSE)),
    raw("a host of the inside", lines("/x", "Host: one.spin.internal", CLOSE)),
    raw("an absolute target", lines("http://test.local/x?y", HOST, CLOSE)),
    raw("an absolute target and another host", lines("http://other.local/x", HOST, CLOSE)),
    raw("no host, and no route for it", lines("/none", CLOSE)),
    raw("a space before the colon", lines("/x", HOST, "x-a : b", CLOSE)),
    raw("a folded field", lines("/x", HOST, "x-a: b", " c", CLOSE)),
    raw("garbage", "garbage\n\n"),
    raw("another version", lines("/x", HOST, version="HTTP/3.0")),
    raw("no such coding", lines("/x", HOST, CLOSE, "Transfer-Encoding: gzip", method="POST"), "POST"),
    raw("a length that is none", lines("/x", HOST, CLOSE, "Content-Length: x", method="POST"), "POST"),
    raw("a negative length", lines("/x", HOST, CLOSE, "Content-Length: -1", method="POST"), "POST"),
    raw("lines before the request", "\n\n" + lines("/x", HOST, CLOSE)),
    raw("more than a hundred fields", lines("/x", HOST, CLOSE, *[f"x-{i}: v" for i in range(120)])),
]
NO_HOST = "A request without a usable `Host`"
TRAILERS = "Trailers of an answer"
SHAPES_DIFFER = {
    "1.0 without a host": NO_HOST, "no host": NO_HOST, "an empty host": NO_HOST, "a host with a space": NO_HOST,
    "a host of the inside": NO_HOST, "an absolute target and another host": NO_HOST, "no host, and no route for it": NO_HOST,
    "two hosts": "Several `Content-Length` values, several `Host` fields",
    "another version": "A version of HTTP that there is not",
}
ANSWERS = [get(f"/status/{code}") for code in (200, 201, 202, 204, 205, 206, 299, 301, 302, 304, 307, 400, 401, 404, 418, 429, 451, 499, 500, 502,
                                               503, 599)]
ANSWERS += [get(f"/status/{code}", "HEAD") for code in (200, 204, 304, 500)]
ANSWERS += [get(f"/big/{size}") for size in (0, 1, 2047, 2048, 2049, 65536, 1000000)] + [get("/trailers"), get("/trap"), get("/log"), get("/early")]
ANSWERS += [get("/early", "POST", body=b"x" * 70000), get("/big/100000", "HEAD"), get("/trap", "POST", body=b"x"), get("/sleep/20"), get("/drip/3")]
ECHO = [get("/", "POST", body=body) for body in (b"", b"x", b"y" * 5000, b"z" * 300000)]
ECHO += [get("/", "POST", [("content-type", "text/x")], b"typed"), get("/"), get("/", "HEAD"),
         raw("chunks", lines("/", HOST, CLOSE, "Transfer-Encoding: chunked", method="POST") + "3\nabc\n3\ndef\n0\n\n", "POST"),
         raw("chunks and trailers", lines("/", HOST, CLOSE, "Transfer-Encoding: chunked", method="POST") + "3\nabc\n0\nx-t: 1\n\n", "POST")]


def depending(dependency: str, more: str = "") -> str:
    return HEAD + """[variables]
v = { default = "xyz" }
""" + trigger("/...", "one") + component(
        "one", "caller", f'environment = {{ E = "1", F = "2" }}\nvariables = {{ v = "{{{{ v }}}}" }}\nfiles = ["top.txt"]\n{more}'
        f"[component.one.dependencies]\n{dependency}")


DEPENDENCIES = {
    "everything inherited": depending('"test:sums/probe@1.0.0" = { path = "adder.wasm", inherit_configuration = true }'),
    "the package, everything inherited": depending('"test:sums" = { path = "adder.wasm", inherit_configuration = true }'),
    "for all at once": depending('"test:sums/probe" = { path = "adder.wasm" }', "dependencies_inherit_configuration = true\n"),
    "the environment": depending('"test:sums/probe" = { path = "adder.wasm", inherit_configuration = ["environment"] }'),
    "nothing inherited": depending('"test:sums/probe" = { path = "adder.wasm" }'),
    "variables": depending('"test:sums/probe" = { path = "adder.wasm", inherit_configuration = ["variables"] }'),
    "files": depending('"test:sums/probe" = { path = "adder.wasm", inherit_configuration = ["files"] }'),
    "files and variables": depending('"test:sums/probe" = { path = "adder.wasm", inherit_configuration = ["variables", "files", "bogus"] }'),
    "another component": depending('"test:sums@1.0.0" = { component = "lib", inherit_configuration = true }') + component("lib", "adder"),
}

PROFILED = HEAD + trigger("/...", "one") + component(
    "one", "multi", 'environment = { GREETING = "base", EXTRA = "base" }\n[component.one.profile.other.environment]\nGREETING = "profiled"\n'
    '[component.one.profile.swapped]\nsource = "echo.wasm"')
TWO = HEAD + trigger("/a/...", "a") + trigger("/b/...", "b") + component("a", more='environment = { GREETING = "a" }') + component(
    "b", more='environment = { GREETING = "b" }')
ASK_TWO = [get("/a/env"), get("/b/env"), get("/env"), get("/a"), get("/b/x")]

# What is noticed when the triggers are made ready; test_peer_manifests.py has what is wrong before.
REFUSED = {
    "no component and no answer": HEAD + '[[trigger.http]]\nid = "t"\nroute = "/"\n' + component("c"),
    "a component and an answer": HEAD + trigger("/", "c", "static_response = {}") + component("c"),
    "no route": HEAD + '[[trigger.http]]\ncomponent = "c"\n' + component("c"),
    "a key that there is not": HEAD + trigger("/", "c", "rout = 1") + component("c"),
    "a route that is not private": HEAD + '[[trigger.http]]\nroute = { private = false }\ncomponent = "c"\n' + component("c"),
    "an executor that there is not": HEAD + trigger("/", "c", 'executor = { type = "x" }') + component("c"),
    "an entry point": HEAD + trigger("/", "c", 'executor = { type = "wagi", entrypoint = "main" }') + component("c", "cgi"),
    "a command that is none": HEAD + trigger("/", "c", 'executor = { type = "wagi" }') + component("c"),
    "a base": HEAD + '[application.trigger.http]\nbase = "/base"\n' + trigger("/", "c") + component("c"),
    "a key of the application's trigger": HEAD + '[application.trigger.http]\nbases = "/"\n' + trigger("/", "c") + component("c"),
    "a base of version 1": HEAD1.replace('"http"', '"http", base = "/b"')
    + '[[component]]\nid = "c"\nsource = "multi.wasm"\n[component.trigger]\nroute = "/..."\n',
    "a component that there is not": HEAD + trigger("/", "c"),
    "a command for a handler": HEAD + trigger("/", "c") + component("c", "cgi"),
    "a variable without a value": HEAD + "[variables]\nx = { required = true }\n" + trigger("/", "c") + component("c"),
    "a variable that there is not": HEAD + trigger("/", "c") + component("c", more='variables = { v = "{{ none }}" }'),
    "a store that there is not": HEAD + trigger("/", "c") + component("c", more='key_value_stores = ["none"]'),
    "a database that there is not": HEAD + trigger("/", "c") + component("c", more='sqlite_databases = ["none"]'),
    "a route under two names": HEAD + trigger("/:a/:a", "c", "executor = 7") + component("c"),
}

CASES: dict[str, Case] = {
    **{f"routes: {name}": Case(text, PATHS) for name, text in ROUTES.items()},
    "reserved paths": Case(routed("/..."), WELL_KNOWN),
    "reserved paths without a version": Case(routed("/a").replace('version = "1.2.3"\n', ""), WELL_KNOWN),
    "methods": Case(only("multi"), METHODS + BODIES),
    "methods of a static response": Case(static('{ body = "x" }'), METHODS + BODIES),
    "methods where there is nothing": Case(routed("/a"), METHODS + BODIES),
    **{f"static: {name}": Case(text, PATHS[:6] + METHODS) for name, text in STATIC.items()},
    **{name: Case(text, PATHS[:12] + METHODS) for name, text in {**VERSION_1, **EXECUTORS}.items()},
    **{f"wagi: {name}": Case(text, WAGI) for name, text in COMMANDS.items()},
    "variables: by flag": Case(VARIABLES, ASK_VARIABLES, ("--variable", "needed=given")),
    "variables: by several flags": Case(VARIABLES, ASK_VARIABLES, ("--variable", "needed=a", "--variable", "plain=b=c", "--variable", "needed=d")),
    "variables: by files": Case(VARIABLES, ASK_VARIABLES, ("--variable", "@v.json", "--variable", "plain=@top.txt"),
                                files={"v.json": '{"needed": "from json", "other": "o"}', "top.txt": "a\nfile\n"}),
    "variables: by the environment": Case(VARIABLES, ASK_VARIABLES, environment={"SPIN_VARIABLE_NEEDED": "e", "SPIN_VARIABLE_PLAIN": "p"}),
    "variables: by .env": Case(VARIABLES, ASK_VARIABLES, files={".env": "SPIN_VARIABLE_NEEDED=dot\n# x\nSPIN_VARIABLE_OTHER='q r'\n"}),
    "variables: the flag before the environment": Case(VARIABLES, ASK_VARIABLES, ("--variable", "needed=f"),
                                                       {"SPIN_VARIABLE_NEEDED": "e", "SPIN_VARIABLE_OTHER": "o"}),
    "variables: none": Case(only("variables"), ASK_VARIABLES),
    "variables: of version 1": Case(
        HEAD1 + '[variables]\na = { default = "1" }\n[[component]]\nid = "one"\nsource = "variables.wasm"\n'
        'config = { v = "{{ a }}", w = "text" }\n[component.trigger]\nroute = "/..."\n', ASK_VARIABLES),
    "variables: of a runtime config": Case(
        VARIABLES, ASK_VARIABLES, ("--runtime-config-file", "rc.toml"),
        files={"rc.toml": '[[variables_provider]]\ntype = "static"\nvalues = { needed = "r", plain = "q" }\n'}),
    **{f"files: {name}": Case(text, ASK_FILES, files=FILES) for name, text in MOUNTS.items()},
    "files: in place": Case(only("folder", 'files = [{ source = "data", destination = "/at" }]'), ASK_FILES, ("--direct-mounts",), files=FILES),
    "files: not to be written": Case(only("folder", 'files = ["*.txt"]'), [get("/write/top.txt"), get("/write/new.txt"), get("/read/top.txt")],
                                     files=FILES),
    "files: to be written for a while": Case(only("folder", 'files = ["*.txt"]'),
                                             [get("/write/top.txt"), get("/write/new.txt"), get("/read/top.txt"), get("/read/new.txt")],
                                             ("--allow-transient-write",), files=FILES),
    **{f"calls: {name}": Case(text, ASK_OTHERS, differs={RELATIVE.name: "A path without an authority"}) for name, text in CHAINS.items()},
    "environment: of the manifest": Case(only("multi", 'environment = { GREETING = "hi", EXTRA = "" }'), ENVIRONMENT),
    "environment: none of the host's": Case(only("multi"), ENVIRONMENT, environment={"GREETING": "host", "EXTRA": "host"}),
    "environment: by flag": Case(only("multi", 'environment = { GREETING = "hi" }'), ENVIRONMENT,
                                 ("-e", "GREETING=flag", "--env", "EXTRA=a=b", "-e", "EXTRA=last")),
    "environment: of version 1": Case(
        HEAD1 + '[[component]]\nid = "a"\nsource = "multi.wasm"\nenvironment = { GREETING = "one" }\n[component.trigger]\nroute = "/..."\n',
        ENVIRONMENT),
    "shapes of requests": Case(only("multi", route="/x"), SHAPES, differs=SHAPES_DIFFER),
    "shapes of answers": Case(only("multi"), ANSWERS, differs={"GET /trailers": TRAILERS}),
    "a module of 2022": Case(only("old"), [*PATHS[:10], *METHODS, *BODIES]),
    "echo": Case(only("echo"), ECHO, differs={"chunks and trailers": TRAILERS}),
    **{f"dependencies: {name}": Case(text, [get("/")], files=FILES) for name, text in DEPENDENCIES.items()},
    "profiles: none": Case(PROFILED, [*ENVIRONMENT, *ECHO[:2]]),
    "profiles: an environment": Case(PROFILED, [*ENVIRONMENT, *ECHO[:2]], ("--profile", "other")),
    "profiles: a source": Case(PROFILED, [get("/env"), *ECHO[:2]], ("--profile", "swapped")),
    "selection: all": Case(TWO, ASK_TWO),
    "selection: one": Case(TWO, ASK_TWO, ("-c", "a")),
    "selection: both": Case(TWO, ASK_TWO, ("-c", "b", "--component-id", "a")),
}
