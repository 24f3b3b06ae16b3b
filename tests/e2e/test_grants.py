"""Where clients of every kind may go: spellings of addresses, names that change what they mean, addresses that are blocked.

A canary listens where nobody may go. What is refused is refused before anything leaves: nobody connects to the
canary, and names that are not granted are not even looked up. (More forms of outgoing HTTP:
src/http/outbound_corpus_test.cpp.)
"""

import dataclasses
import select
import shutil
import socket
import time

import bad_servers
import fake_names
import pytest
import whorl

# What some parser or resolver takes for 127.0.0.1, or for something that leads there.
HOSTS = """
127.0.0.1 localhost LOCALHOST LocalHost localhost. 127.0.0.1. 127.1 127.0.1 2130706433 0x7f000001 0X7F000001 017700000001
0177.0.0.1 0177.0000.0000.0001 0x7f.0.0.1 0x7f.1 0x7f.0x0.0x0.0x1 127.0x1 0177.1 127.000.000.001 00127.0.0.1 127.0.0.01
127.0.0.0x1 00000000177.0.0.1 4294967295.0.0.1 6442450942 383.0.0.1 127.0.0.257 127.256.0.1 +127.0.0.1 127.0.0.1e0
127.0.0.2 127.255.255.254 0 0.0.0.0 0x0 000 [::1] [::] [0:0:0:0:0:0:0:1] [::0001] [::ffff:127.0.0.1] [::ffff:7f00:1]
[::FFFF:127.0.0.1] [::127.0.0.1] [::7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1]
[::1%25lo] [::1%lo] [fe80::1%25lo] %31%32%37.0.0.1 127%2e0%2e0%2e1 %6cocalhost localhost%00 127.0.0.1%00 loc\u00adalhost
\uff11\uff12\uff17.0.0.1 127\u30020\u30020\u30021 \u2460\u2461\u2466.0.0.1 \u217cocalhost localhost\u3002 a.127.0.0.1
granted.invalid.127.0.0.1 127.0.0.1.granted.invalid localhost.granted.test canary.test CANARY.test canary.test.
""".split()
# {s} the scheme, {h} a host, {p} the canary's port.
FORMS = [
    "{s}://{h}:{p}",
    "{s}://{h}:{p}/",
    "{h}:{p}",
    "{s}://granted.invalid@{h}:{p}",
    "{s}://granted.invalid:1@{h}:{p}/0",
    "{s}://u:p@{h}:{p}?host=granted.invalid",
]
# Where two readers could disagree on which part is the host.
DISGUISED = [
    "{s}://127.0.0.1:{p}\\@granted.invalid", "{s}://127.0.0.1:{p}#@granted.invalid", "{s}://127.0.0.1:{p}?@granted.invalid",
    "{s}://127.0.0.1:{p}/@granted.invalid", "{s}://granted.invalid#@127.0.0.1:{p}", "{s}://granted.invalid\\@127.0.0.1:{p}",
    "{s}://granted.invalid@@127.0.0.1:{p}", "{s}://granted.invalid:@127.0.0.1:{p}", "{s}://@127.0.0.1:{p}",
    "{s}:127.0.0.1:{p}", "{s}:/127.0.0.1:{p}", "{s}:///127.0.0.1:{p}", "//127.0.0.1:{p}", "{s}:\\\\127.0.0.1:{p}",
    "{s}://127.0.0.1:{p}@granted.invalid:{p}", "{s}://granted.invalid%40127.0.0.1:{p}", "{s}://granted.invalid,127.0.0.1:{p}",
    "{s}://127.0.0.1,granted.invalid:{p}", "{s}://granted.invalid;127.0.0.1:{p}", "{s}://granted.invalid&@127.0.0.1:{p}",
    "{s}://granted.invalid%2f@127.0.0.1:{p}", "{s}://granted.invalid%00@127.0.0.1:{p}", "{s}://127.0.0.1:0{p}",
    "{s}://127.0.0.1:+{p}", "{s}://127.0.0.1:{p}:1", "{s}://127.0.0.1::{p}", "{s}://127.0.0.1:0x{px}", "{s}://127.0.0.1:{p65536}",
    "{s}s://127.0.0.1:{p}", "{s}+x://127.0.0.1:{p}", "{u}://127.0.0.1:{p}", "http://127.0.0.1:{p}", "unix:///127.0.0.1:{p}",
    "{s}://granted.invalid/?host=127.0.0.1&port={p}", "{s}://granted.invalid/?hostaddr=127.0.0.1&port={p}",
    "host=127.0.0.1 port={p} user=u", "host=granted.invalid hostaddr=127.0.0.1 port={p}", "service=x host=127.0.0.1 port={p}",
    "{s}://%2fvar%2frun:{p}", "{s}:///d?host=127.0.0.1&port={p}", "tcp(127.0.0.1:{p})/d", "",
]


@dataclasses.dataclass
class Client:
    name: str
    scheme: str
    path: str
    rest: str  # of the body, after the address
    tail: str = ""  # of every address

    def ask(self, server, address):
        body = (address + self.tail + self.rest).encode()
        response = server.post(self.path, body, timeout=60)
        assert response.status == 200, (address, response.body, server.err.text)
        return response.body.decode(errors="replace").rstrip("\n")


class HttpClient(Client):
    def ask(self, server, address):
        return server.get("/", [("x-url", address)], timeout=60).body.decode()


HTTP = HttpClient("fetch", "http", "/", "")
CLIENTS = [
    Client("redis", "redis", "/v2", "\nget k"),
    Client("postgres", "postgres", "/v4", "\nSELECT 1"),
    Client("mysql", "mysql", "/v2", "\nSELECT 1"),
    Client("mqtt", "mqtt", "/", "\n\n\n1 a x", "?client_id=x"),
]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request):
    return request.param


class Canary:
    """A server that nobody may reach, on 127.0.0.1 and ::1."""

    def __init__(self):
        self.sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self.sockets[0].getsockname()[1]
        if socket.has_ipv6:
            self.sockets.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))

    def was_reached(self):
        ready, _, _ = select.select(self.sockets, [], [], 0)
        for each in ready:
            each.accept()[0].close()
        return bool(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in self.sockets:
            each.close()


def addresses(client, port):
    values = {"s": client.scheme, "u": client.scheme.upper() + "x", "p": port, "px": f"{port:x}", "p65536": port + 65536}
    forms = [form.format(h=host, **values) for host in HOSTS for form in FORMS]
    return forms + [form.format(**values) for form in DISGUISED]


def start(folder, client, hosts, names, *flags):
    folder = whorl.manifest(folder, f"""
[[trigger.http]]
route = "/..."
component = "client"
[component.client]
source = "client.wasm"
allowed_outbound_hosts = {hosts!r}
""".replace("'", '"'))
    shutil.copy(whorl.guest(client.name), folder / "client.wasm")
    return whorl.Server.start("-f", folder, *flags, env=names.env)


def test_what_is_granted_elsewhere_lets_no_form_through(tmp_path, client):
    names = fake_names.FakeNames(tmp_path, "canary.test=127.0.0.1", "localhost.granted.test=127.0.0.1")
    hosts = [f"{client.scheme}://granted.invalid:*", f"{client.scheme}://10.0.0.0/8:*", f"{client.scheme}://127.0.0.1:1",
             "http://127.0.0.1:*", "https://localhost:*", f"{client.scheme}://*.granted.invalid:*"]
    with Canary() as canary, start(tmp_path / "app", client, hosts, names) as server:
        forms = addresses(client, canary.port)
        print(f"{len(forms)} forms")
        assert len(forms) >= 200
        for form in forms:
            assert "error" in client.ask(server, form), form
            assert not canary.was_reached(), form
    # Only what was granted has been looked up.
    assert {name for name in names.looked_up() if "granted.invalid" not in name} == set()


def test_what_is_blocked_is_blocked_in_every_form(tmp_path, client):
    names = fake_names.FakeNames(tmp_path, "canary.test=127.0.0.1", "localhost.granted.test=127.0.0.1")
    config = tmp_path / "rc.toml"
    config.write_text('[outbound_networking]\nblock_networks = ["private"]\n')
    with Canary() as canary, start(tmp_path / "app", client, ["*://*:*"], names, "--runtime-config-file", config) as server:
        for form in addresses(client, canary.port):
            assert "error" in client.ask(server, form), form
            assert not canary.was_reached(), form


@pytest.mark.parametrize("client", [*CLIENTS, HTTP], ids=lambda client: client.name)
def test_a_name_that_changes_what_it_means(tmp_path, client):
    """The address that is checked is the one that is connected to, and the only one."""
    names = fake_names.FakeNames(
        tmp_path, "rebind.test=127.0.0.2/127.0.0.1", "both.test=127.0.0.1+127.0.0.2", "other.test=127.0.0.2+127.0.0.1")
    config = tmp_path / "rc.toml"
    config.write_text('[outbound_networking]\nblock_networks = ["127.0.0.1/32", "::1/128"]\n')
    with Canary() as canary, bad_servers.BadServer(bad_servers.hanging_up, "127.0.0.2", canary.port) as open_one, \
            start(tmp_path / "app", client, [f"{client.scheme}://*:*"], names, "--runtime-config-file", config) as server:
        blocked = 0
        for host in ("rebind.test", "both.test", "other.test"):
            for _ in range(10):
                user = "" if client is HTTP else "u@"
                answer = client.ask(server, f"{client.scheme}://{user}{host}:{canary.port}/")
                assert "error" in answer
                assert not canary.was_reached(), host
                if "blocked" in answer or answer == "error 4":  # destination-IP-prohibited
                    blocked += 1
        # Each look-up has led to one connection, to an address that it gave, or to none at all. (Libraries that are
        # given that address "look it up" again.)
        assert set(names.looked_up()) <= {"rebind.test", "both.test", "other.test", "127.0.0.2"}
        looked_up = len([name for name in names.looked_up() if name.endswith(".test")])
        end = time.monotonic() + 10
        while open_one.accepted + blocked < looked_up and time.monotonic() < end:
            time.sleep(0.01)
        assert open_one.accepted + blocked == looked_up >= 30
        assert blocked >= 5
