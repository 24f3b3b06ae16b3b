"""Every resource of every interface, with a handle that is good: used after it was dropped, dropped twice, taken for
another resource, given bad pointers; and guests that end in each way that there is while they hold it.

The functions and their core types are those of a module that wasm-tools makes of the WIT tree (test_misuse.py); how
a guest comes by a handle is in RECIPES. Two resources nobody can have are in NEVER, with the reason.
"""

import functools
import http.server
import re
import shutil
import threading

import pytest
import real_servers
import test_misuse
import wasm_dump
import whorl
from test_misuse import leb, name, section, signature, size

HTTP = "wasi:http/types@0.2.12"
HTTP3 = "wasi:http/types@0.3.0"
FILES = "wasi:filesystem/types@0.2.12"
KV = "wasi:keyvalue/store@0.2.0-draft2"
ENTRY = b"wasi:http/incoming-handler@0.2.12#handle"
# Functions that wait are called from a task that may.
ENTRY3 = b"[async-lift-stackful]wasi:http/handler@0.3.0#handle"
WAITING = re.compile("^spin:|@0.3.0$")
RESULTS = 2048  # where functions write what does not fit a value
TEXTS = 256
BAD = -16


class Of(int):
    """The handle that this step came by."""


# What one step calls, with which arguments, and where the handle is then: in the value, in its low half, so far from
# RESULTS, or at the beginning of the list there. Arguments that are left out are zeros.
VALUE, LOW, LIST = "value", "low", "list"
STDIN = ("wasi:cli/stdin@0.2.12", "get-stdin", (), VALUE)
STDOUT = ("wasi:cli/stdout@0.2.12", "get-stdout", (), VALUE)
POLLABLE = ("wasi:clocks/monotonic-clock@0.2.12", "subscribe-duration", (), VALUE)
FOLDER = ("wasi:filesystem/preopens@0.2.12", "get-directories", (), LIST)
FIELDS = (HTTP, "[constructor]fields", (), VALUE)
REQUEST = [FIELDS, (HTTP, "[constructor]outgoing-request", (Of(0),), VALUE),
           (HTTP, "[method]outgoing-request.set-authority", (Of(1), 1, "127.0.0.1:{web}"), None),
           (HTTP, "[method]outgoing-request.set-scheme", (Of(1), 1, 0), None),
           (HTTP, "[method]outgoing-request.set-path-with-query", (Of(1), 1, "/cut"), None)]
SENT = [*REQUEST, ("wasi:http/outgoing-handler@0.2.12", "handle", (Of(1),), 8)]
ANSWERED = [*SENT, (HTTP, "[method]future-incoming-response.subscribe", (Of(5),), VALUE),
            ("wasi:io/poll@0.2.12", "[method]pollable.block", (Of(6),), None),
            (HTTP, "[method]future-incoming-response.get", (Of(5),), 24)]
CONSUMED = (HTTP, "[method]incoming-request.consume", (1,), 4)
RESPONSE = [FIELDS, (HTTP, "[constructor]outgoing-response", (Of(0),), VALUE)]
UDP = [("wasi:sockets/instance-network@0.2.12", "instance-network", (), VALUE),
       ("wasi:sockets/udp-create-socket@0.2.12", "create-udp-socket", (), 4),
       ("wasi:sockets/udp@0.2.12", "[method]udp-socket.start-bind", (Of(1), Of(0), 0, 0, 127, 0, 0, 1), None),
       ("wasi:sockets/udp@0.2.12", "[method]udp-socket.finish-bind", (Of(1),), None)]
FIELDS3 = (HTTP3, "[constructor]fields", (), VALUE)
BUCKET = (KV, "open", ("default",), 4)

RECIPES = {
    ("wasi:io/error@0.2.12", "error"): [
        *ANSWERED, (HTTP, "[method]incoming-response.consume", (Of(8),), 4),
        (HTTP, "[method]incoming-body.stream", (Of(9),), 4),
        # What there is of the body; then the rest is missing.
        ("wasi:io/streams@0.2.12", "[method]input-stream.blocking-read", (Of(10), 10), None),
        ("wasi:io/streams@0.2.12", "[method]input-stream.blocking-read", (Of(10), 10), 8)],
    ("wasi:io/poll@0.2.12", "pollable"): [POLLABLE],
    ("wasi:io/streams@0.2.12", "input-stream"): [STDIN],
    ("wasi:io/streams@0.2.12", "output-stream"): [STDOUT],
    (FILES, "descriptor"): [FOLDER],
    (FILES, "directory-entry-stream"): [FOLDER, (FILES, "[method]descriptor.read-directory", (Of(0),), 4)],
    ("wasi:filesystem/types@0.3.0", "descriptor"): [("wasi:filesystem/preopens@0.3.0", "get-directories", (), LIST)],
    (HTTP, "fields"): [FIELDS],
    (HTTP, "incoming-request"): [],
    (HTTP, "response-outparam"): [],
    (HTTP, "outgoing-request"): REQUEST[:2],
    (HTTP, "request-options"): [(HTTP, "[constructor]request-options", (), VALUE)],
    (HTTP, "future-incoming-response"): SENT,
    (HTTP, "incoming-response"): ANSWERED,
    (HTTP, "incoming-body"): [CONSUMED],
    (HTTP, "future-trailers"): [CONSUMED, (HTTP, "[static]incoming-body.finish", (Of(0),), VALUE)],
    (HTTP, "outgoing-response"): RESPONSE,
    (HTTP, "outgoing-body"): [*RESPONSE, (HTTP, "[method]outgoing-response.body", (Of(1),), 4)],
    (HTTP3, "fields"): [FIELDS3],
    (HTTP3, "request-options"): [(HTTP3, "[constructor]request-options", (), VALUE)],
    (HTTP3, "request"): [FIELDS3, (HTTP3, "[future-new-1][static]request.new", (), LOW),
                         (HTTP3, "[static]request.new", (Of(0), 0, 0, Of(1)), 0)],
    (HTTP3, "response"): [FIELDS3, (HTTP3, "[future-new-1][static]response.new", (), LOW),
                          (HTTP3, "[static]response.new", (Of(0), 0, 0, Of(1)), 0)],
    (KV, "bucket"): [BUCKET],
    ("wasi:keyvalue/atomics@0.2.0-draft2", "cas"): [
        BUCKET, ("wasi:keyvalue/atomics@0.2.0-draft2", "[static]cas.new", (Of(0), "key"), 4)],
    ("wasi:sockets/network@0.2.12", "network"): UDP[:1],
    ("wasi:sockets/ip-name-lookup@0.2.12", "resolve-address-stream"): [
        UDP[0], ("wasi:sockets/ip-name-lookup@0.2.12", "resolve-addresses", (Of(0), "localhost"), 4)],
    ("wasi:sockets/tcp@0.2.12", "tcp-socket"): [("wasi:sockets/tcp-create-socket@0.2.12", "create-tcp-socket", (), 4)],
    ("wasi:sockets/udp@0.2.12", "udp-socket"): UDP[1:2],
    ("wasi:sockets/udp@0.2.12", "incoming-datagram-stream"): [
        *UDP, ("wasi:sockets/udp@0.2.12", "[method]udp-socket.stream", (Of(1),), 4)],
    ("wasi:sockets/udp@0.2.12", "outgoing-datagram-stream"): [
        *UDP, ("wasi:sockets/udp@0.2.12", "[method]udp-socket.stream", (Of(1),), 8)],
    ("wasi:sockets/types@0.3.0", "tcp-socket"): [("wasi:sockets/types@0.3.0", "[static]tcp-socket.create", (), 4)],
    ("wasi:sockets/types@0.3.0", "udp-socket"): [("wasi:sockets/types@0.3.0", "[static]udp-socket.create", (), 4)],
    ("spin:postgres/postgres@4.2.0", "connection-builder"): [
        ("spin:postgres/postgres@4.2.0", "[constructor]connection-builder", ("{postgres}",), VALUE)],
}
for module, label in {"fermyon:spin/key-value@2.0.0": "default", "spin:key-value/key-value@3.0.0": "default"}.items():
    RECIPES[module, "store"] = [(module, "[static]store.open", (label,), 4)]
for module, at, label in [
    ("fermyon:spin/sqlite@2.0.0", 4, "default"), ("spin:sqlite/sqlite@3.1.0", 4, "default"),
    ("fermyon:spin/redis@2.0.0", 4, "{redis}"), ("spin:redis/redis@3.0.0", 4, "{redis}"),
    ("fermyon:spin/mysql@2.0.0", 4, "{mysql}"), ("spin:mysql/mysql@3.0.0", 4, "{mysql}"),
    ("fermyon:spin/postgres@2.0.0", 4, "{postgres}"), ("spin:postgres/postgres@3.0.0", 4, "{postgres}"),
    ("spin:postgres/postgres@4.2.0", 4, "{postgres}"),
]:
    RECIPES[module, "connection"] = [(module, "[static]connection.open", (label,), at)]
for module in ("fermyon:spin/mqtt@2.0.0", "spin:mqtt/mqtt@3.0.0"):
    RECIPES[module, "connection"] = [(module, "[static]connection.open", ("{mqtt}", "", "", 5), 4)]
NEVER = re.compile("terminal-")  # standard input and output are no terminals here
# The handles that the handler is called with.
GIVEN = {"incoming-request": 1, "response-outparam": 2}

ENDS = ("unreachable", "exit", "wasi exit", "stack", "memory")
REASONS = {
    "after drop": "unknown handle index",
    "twice": "unknown handle index",
    "wrong": "used with the wrong type",
    "unreachable": "unreachable",
    "dropped": "unreachable",  # the handle was a good one
    "exit": "exit",
    "wasi exit": "exit",
    "stack": "stack",
    "memory": "unreachable",
}


class Guest:
    """A core module under construction: its handler comes by a handle and then does what it should not."""

    def __init__(self, functions, texts, may_wait):
        self.functions, self.texts, self.may_wait = functions, texts, may_wait
        self.first = 1 if may_wait else 2  # local, after the parameters
        self.imports, self.data, self.code, self.handles = [], b"", b"", 0

    def number(self, module: str, function: str) -> tuple[int, wasm_dump.Item]:
        item = self.functions[module, function]
        if item not in self.imports:
            self.imports.append(item)
        return self.imports.index(item), item

    def text(self, value: str) -> tuple[int, int]:
        bytes_ = value.format(**self.texts).encode()
        at = TEXTS + len(self.data)
        self.data += bytes_
        return at, len(bytes_)

    def call(self, module: str, function: str, arguments=(), rest: int = 0) -> wasm_dump.Item:
        number, item = self.number(module, function)
        parameters, results = signature(item)
        given = []
        for argument in arguments:
            given += self.text(argument) if isinstance(argument, str) else [argument]
        given += [rest] * (len(parameters) - len(given))
        if not results and len(parameters) > sum(2 if isinstance(each, str) else 1 for each in arguments) and rest == 0:
            given[-1] = RESULTS
        for type_, value in zip(parameters, given, strict=True):
            if isinstance(value, Of):
                self.code += b"\x20" + size(self.first + value)
            else:
                self.code += {"i32": b"\x41" + leb(value), "i64": b"\x42" + leb(value),
                              "f32": b"\x43\0\0\0\0", "f64": b"\x44" + bytes(8)}[type_]
        self.code += b"\x10" + size(number)
        return item

    def step(self, module, function, arguments, where) -> None:
        item = self.call(module, function, arguments)
        if where == LOW:
            self.code += b"\xa7"
        elif isinstance(where, int):
            self.code += b"\x41" + leb(RESULTS) + b"\x28\2" + size(where)
        elif where == LIST:
            self.code += b"\x41" + leb(RESULTS) + b"\x28\2\0\x28\2\0"
        elif where is None and signature(item)[1]:
            self.code += b"\x1a"
        self.code += b"" if where is None else b"\x21" + size(self.first + self.handles)
        self.handles += 1

    def use(self, module, function, arguments, rest: int = 0) -> None:
        item = self.call(module, function, arguments, rest)
        self.code += b"\x1a" * len(signature(item)[1])

    def end(self, how: str) -> None:
        if how == "exit":
            self.use("wasi_snapshot_preview1", "proc_exit", (3,))
        elif how == "wasi exit":
            self.use("wasi:cli/exit@0.2.12", "exit", (1,))
        elif how == "stack":
            self.code += b"\x10" + size(self.recursion())
        elif how == "memory":  # grows until it may not
            self.code += b"\x03\x40\x41\x80\x02\x40\0\x41\x7f\x47\x0d\0\x0b"
        if how in ("unreachable", "memory"):
            self.code += b"\0"

    def recursion(self) -> int:
        return 0x7FFF_FFFF  # put right in bytes(): the function after all imports

    def bytes(self) -> bytes:
        def function(item) -> bytes:
            return b"\x60" + b"".join(
                size(len(side)) + bytes(test_misuse.TYPES[each] for each in side) for side in signature(item))

        count = len(self.imports)
        handle = b"\1" + size(self.handles) + b"\x7f" if self.handles else b"\0"
        code = self.code.replace(b"\x10" + size(0x7FFF_FFFF), b"\x10" + size(count + 2))
        # Gives what is asked for, after what it gave before, from 8 to 8 bytes.
        realloc = b"\0\x23\0\x23\0\x20\3\x6a\x41\7\x6a\x41\x78\x71\x24\0\x0b"
        bodies = [handle + code + b"\x0b", realloc, b"\0\x10" + size(count + 2) + b"\x0b"]
        own = [b"\x60\1\x7f\0" if self.may_wait else b"\x60\2\x7f\x7f\0", b"\x60\4\x7f\x7f\x7f\x7f\1\x7f", b"\x60\0\0"]
        parts = [
            section(1, *map(function, self.imports), *own),
            section(2, *(name(each.module.encode()) + name(each.name.encode()) + b"\0" + size(number)
                         for number, each in enumerate(self.imports))),
            section(3, *(size(count + each) for each in range(3))),
            section(5, b"\0\2"),
            section(6, b"\x7f\1\x41" + leb(8192) + b"\x0b"),
            section(7, name(ENTRY3 if self.may_wait else ENTRY) + b"\0" + size(count),
                    name(b"cabi_realloc") + b"\0" + size(count + 1), name(b"memory") + b"\2\0"),
            section(10, *(size(len(body)) + body for body in bodies)),
        ]
        if self.data:
            parts.append(section(11, b"\0\x41" + leb(TEXTS) + b"\x0b" + name(self.data)))
        if self.may_wait:
            parts.append(self.functions["world"])
        return b"\0asm\1\0\0\0" + b"".join(parts)


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    core = test_misuse.embedded(tmp_path_factory.mktemp("wit"), "legacy", "export wasi:http/handler@0.3.0;\n").read_bytes()
    imports, _ = wasm_dump.read_items(core)
    world = next(data for kind, data in wasm_dump.sections(core) if kind == 0 and b"component-type" in data[:20])
    found = {(item.module, item.name): item for item in imports if item.kind == "func"}
    more = [("wasi_snapshot_preview1", "proc_exit", "(i32)->")]
    more += [(HTTP3, f"[future-new-1][static]{each}.new", "()->i64") for each in ("request", "response")]
    return found | {(module, function): wasm_dump.Item(module, function, "func", type_) for module, function, type_ in more} | {
        "world": b"\0" + size(len(world)) + world}


@pytest.fixture(scope="module")
def texts():
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "10")
            self.end_headers()
            self.wfile.write(b"cut")

        def log_message(self, *_):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with (real_servers.Redis() as redis, real_servers.Mosquitto() as mqtt, real_servers.Postgres() as postgres,
          real_servers.MariaDb() as mysql):
        yield {"web": web.server_port, "redis": f"redis://127.0.0.1:{redis.port}",
               "mqtt": f"mqtt://127.0.0.1:{mqtt.port}?client_id=c", "postgres": f"postgres://postgres@127.0.0.1:{postgres.port}/postgres",
               "mysql": f"mysql://u:p@127.0.0.1:{mysql.port}/d"}
    web.shutdown()


def is_function(key) -> bool:
    return isinstance(key, tuple)


def methods_of(functions, module: str, resource: str) -> list[str]:
    return [function for where, function in filter(is_function, functions)
            if where == module and function.startswith(f"[method]{resource}.")]


def resources_of(functions) -> list[tuple[str, str]]:
    found = [(module, function.removeprefix("[resource-drop]"))
             for module, function in filter(is_function, functions) if function.startswith("[resource-drop]")]
    return [each for each in found if not NEVER.search(each[1])]


def cases(functions, texts):
    """(what, resource, function, module)."""
    for module, resource in resources_of(functions):
        new = functools.partial(Guest, functions, texts, bool(WAITING.search(module)))

        def holding():
            guest = new()  # noqa: B023
            for step in RECIPES[module, resource]:  # noqa: B023
                guest.step(*step)
            return guest, GIVEN.get(resource, Of(guest.handles - 1))  # noqa: B023

        drop = f"[resource-drop]{resource}"
        for how in ENDS:
            guest, _ = holding()
            guest.end(how)
            yield how, f"{module} {resource}", "", guest.bytes()
        guest, handle = holding()
        guest.use(module, drop, (handle,))
        guest.end("unreachable")
        yield "dropped", f"{module} {resource}", drop, guest.bytes()
        guest, handle = holding()
        guest.use(module, drop, (handle,))
        guest.use(module, drop, (handle,))
        yield "twice", f"{module} {resource}", drop, guest.bytes()
        for function in [*methods_of(functions, module, resource), drop]:
            other = POLLABLE if resource != "pollable" else FIELDS
            guest = new()
            guest.step(*other)
            guest.use(module, function, (Of(0),))
            yield "wrong", f"{module} {resource}", function, guest.bytes()
            if function == drop:
                continue
            guest, handle = holding()
            guest.use(module, drop, (handle,))
            guest.use(module, function, (handle,))
            yield "after drop", f"{module} {resource}", function, guest.bytes()
            guest, handle = holding()
            guest.use(module, function, (handle,), BAD)
            yield "pointers", f"{module} {resource}", function, guest.bytes()


def test_every_resource_has_a_recipe(functions):
    assert sorted(resources_of(functions)) == sorted(RECIPES)


def ends_of(made, folder) -> dict[int, str]:
    """Serves the guests, asks each, and says how they ended: by the log, which has a hundred such lines a second."""
    text = '[[trigger.http]]\nroute = "/hello"\ncomponent = "hello"\n[component.hello]\nsource = "hello.wasm"\n'
    (folder / "folder").mkdir(parents=True)
    shutil.copy(whorl.guest("hello"), folder / "hello.wasm")
    for number, (*_, wasm) in enumerate(made):
        (folder / f"f{number}.wasm").write_bytes(wasm)
        text += f'[[trigger.http]]\nroute = "/{number}"\ncomponent = "f{number}"\n[component.f{number}]\n'
        text += f'source = "f{number}.wasm"\nfiles = [{{ source = "folder", destination = "/" }}]\n'
        text += 'allowed_outbound_hosts = ["*://127.0.0.1:*", "*://localhost:*"]\n'
        text += 'key_value_stores = ["default"]\nsqlite_databases = ["default"]\n'
    flags = ["--max-response-delay", "2s", "--max-request-cpu", "500ms", "--max-instance-memory", str(16 << 20)]
    with whorl.Server.start("-f", whorl.manifest(folder, text), *flags, timeout=300) as server:
        for number, case in enumerate(made):
            answer = server.get(f"/{number}", timeout=30)
            assert answer.status in (500, 504), (case[:3], server.err.text[-2000:])
        assert server.get("/hello").status == 200
        assert server.stop() == 0
        found = re.findall(r"component `f(\d+)`, GET /\d+: (.*)", server.err.text)
    return {int(number): reason for number, reason in found}


def test_no_handle_harms_the_host(functions, texts, tmp_path):
    made = list(cases(functions, texts))
    wrong = []
    for first in range(0, len(made), 90):
        part = made[first:first + 90]
        ends = ends_of(part, tmp_path / str(first))
        for number, (what, resource, function, _) in enumerate(part):
            if what in REASONS and not re.search(REASONS[what], ends.get(number, "no trap")):
                wrong.append((what, resource, function, ends.get(number, "no trap")))
    assert not wrong, "\n".join(map(str, wrong))
    assert len(made) > 700
