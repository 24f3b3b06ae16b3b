"""The same runtime-config.toml given to Whorl and to real Spin: what one starts with the other starts with, what one refuses
is refused, and the words that name the key are the same. Runs where WHORL_PEER_SPIN names a Spin."""

import os
import re
import signal
import subprocess

import componentize
import pytest
import whorl

SPIN = os.environ.get("WHORL_PEER_SPIN")
pytestmark = pytest.mark.skipif(not SPIN, reason="NO PEER: WHORL_PEER_SPIN names no program")
MANIFEST = """
[[trigger.http]]
route = "/..."
component = "hello"
[component.hello]
source = "hello.wasm"
key_value_stores = ["default"]
sqlite_databases = ["default"]
"""
KV, DB, VP, TLS = "[key_value_store.x]\n", "[sqlite_database.x]\n", "[[variables_provider]]\n", "[[client_tls]]\n"
GOOD = {
    "nothing": "",
    "folders": 'state_dir = "s"\nlog_dir = "l"\n',
    "no folders": 'state_dir = ""\nlog_dir = ""\n',
    "memory": "max_instance_memory = 100000000\n",
    "local store": KV + 'type = "spin"\npath = "kv.db"\n',
    "store in memory": KV + 'type = "spin"\n',
    "unknown key of a store": KV + 'type = "spin"\npth = "x"\n',
    "redis store": KV + 'type = "redis"\nurl = "redis://localhost"\n',
    "cosmos": KV + 'type = "azure_cosmos"\nkey = "a2V5"\naccount = "a"\ndatabase = "d"\ncontainer = "c"\n',
    "dynamo": KV + 'type = "aws_dynamo"\naccess_key = "a"\nsecret_key = "s"\nregion = "us-east-1"\ntable = "t"\nconsistent_read = true\n',
    "local database": DB + 'type = "spin"\npath = "x.db"\nallow_attach_file = true\n',
    "libsql": DB + 'type = "libsql"\nurl = "http://h"\ntoken = "t"\n',
    "local llm": '[llm_compute]\ntype = "spin"\n',
    "remote llm": '[llm_compute]\ntype = "remote_http"\nurl = "http://h"\nauth_token = "t"\n',
    "open ai": '[llm_compute]\ntype = "remote_http"\nurl = "http://h"\nauth_token = "t"\napi_type = "open_ai"\n',
    "static variables": VP + 'type = "static"\nvalues = { a = "1" }\n',
    "environment": VP + 'type = "env"\nprefix = "P"\n',
    "unknown key of static variables": VP + 'type = "static"\nvalues = {}\nvalus = {}\n',
    "vault": VP + 'type = "vault"\nurl = "http://h"\ntoken = "t"\nmount = "m"\nprefix = "p"\n',
    "key vault": VP + 'type = "azure_key_vault"\nvault_url = "https://h"\nclient_id = "c"\nclient_secret = "s"\ntenant_id = "t"\n',
    "the older name": '[[config_provider]]\ntype = "env"\nprefix = "P"\n',
    "networks": '[outbound_networking]\nblock_networks = ["private", "8.8.8.8/16"]\nmax_socket_connections = 1\nmax_total_connections = 2\n',
    "http": "[outbound_http]\nconnection_pooling = true\nmax_connections = 3\n",
    "http of old": "[outbound_http]\nmax_concurrent_requests = 3\n",
    "clients": "[outbound_redis]\nmax_connections = 1\n[outbound_pg]\nmax_connections = 1\n[outbound_mysql]\nmax_connections = 1\n",
    "mqtt": "[outbound_mqtt]\nmax_connections = 1\nmax_payload_size_bytes = 10\n",
    "client tls": TLS + 'component_ids = ["hello"]\nhosts = ["h"]\nca_use_platform_roots = true\n',
}
BAD = {
    "unknown table": "[nope]\na = 1\n",
    "unknown key": "nope = 1\n",
    "no toml": "a = \n",
    "unknown store": KV + 'type = "x"\n',
    "store without type": KV + 'path = "x"\n',
    "redis without url": KV + 'type = "redis"\n',
    "cosmos without account": KV + 'type = "azure_cosmos"\nkey = "a2V5"\n',
    "unknown database": DB + 'type = "x"\n',
    "unknown key of a database": DB + 'type = "spin"\npth = "x"\n',
    "libsql without url": DB + 'type = "libsql"\ntoken = "t"\n',
    "libsql of another scheme": DB + 'type = "libsql"\nurl = "libsql://h"\ntoken = "t"\n',
    "unknown llm": '[llm_compute]\ntype = "x"\n',
    "llm without token": '[llm_compute]\ntype = "remote_http"\nurl = "http://h"\n',
    "unknown api": '[llm_compute]\ntype = "remote_http"\nurl = "http://h"\nauth_token = "t"\napi_type = "x"\n',
    "unknown key of a provider": VP + 'type = "env"\nprefx = "P"\n',
    "unknown key of vault": VP + 'type = "vault"\nurl = "http://h"\ntoken = "t"\nmount = "m"\nnope = 1\n',
    "unknown provider": VP + 'type = "x"\n',
    "vault without mount": VP + 'type = "vault"\nurl = "http://h"\ntoken = "t"\n',
    "no network": '[outbound_networking]\nblock_networks = ["x"]\n',
    "unknown key of networks": "[outbound_networking]\nblck = []\n",
    "unknown key of http": "[outbound_http]\nmax_conections = 3\n",
    "both limits": "[outbound_http]\nmax_connections = 3\nmax_concurrent_requests = 3\n",
    "unknown key of redis": "[outbound_redis]\nmax = 3\n",
    "unknown key of pg": "[outbound_pg]\nmax = 3\n",
    "unknown key of mysql": "[outbound_mysql]\nmax = 3\n",
    "unknown key of mqtt": "[outbound_mqtt]\nmax = 3\n",
    "text for a number": '[outbound_redis]\nmax_connections = "3"\n',
    "client tls without hosts": TLS + 'component_ids = ["hello"]\n',
    "client tls with a port": TLS + 'component_ids = ["hello"]\nhosts = ["h:1"]\n',
    "unknown key of client tls": TLS + 'component_ids = ["hello"]\nhosts = ["h"]\nnope = 1\n',
    "certificate without key": TLS + 'component_ids = ["hello"]\nhosts = ["h"]\nclient_cert_file = "x"\n',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = whorl.manifest(tmp_path_factory.mktemp("config"), MANIFEST)
    (folder / "hello.wasm").write_bytes(componentize.guest("hello", folder).read_bytes())
    return folder


def outcome(program, folder, text):
    """@return (whether it serves, what it said on stderr)"""
    (folder / "rc.toml").write_text(text)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPIN_")}
    process = subprocess.Popen([program, "up", "--listen", "127.0.0.1:0", "--runtime-config-file", folder / "rc.toml"],
                               cwd=folder, env=environment, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = whorl.Output(process.stdout), whorl.Output(process.stderr)
    serves = out.wait_for("Serving http", 60) is not None
    os.killpg(process.pid, signal.SIGKILL)  # Spin serves in a child
    process.wait()
    err.wait_for("(?!)", 5)  # its end
    return serves, err.text


def named(text):
    """Keys and values that a message quotes."""
    error = text[text.find("Error:"):]
    return set(re.findall(r"(?:unknown (?:field|variant) |missing field |key\(s\): |kind: )[`']?([\w, ]+?)[`']?(?:[\n,]|$| expected)", error))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken(folder, name):
    for program in (whorl.program(), SPIN):
        serves, said = outcome(program, folder, GOOD[name])
        assert serves, (program, said)


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused(folder, name):
    ours, our_words = outcome(whorl.program(), folder, BAD[name])
    theirs, their_words = outcome(SPIN, folder, BAD[name])
    assert (ours, theirs) == (False, False), (our_words, their_words)
    assert named(their_words) <= named(our_words), (our_words, their_words)
