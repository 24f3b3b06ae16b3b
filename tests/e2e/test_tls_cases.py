"""The corners of TLS, a case a line: who is let in, which certificate is shown, what ends a connection and how.

Most cases are one run of `openssl s_client`; what no client does is sent by hand. docs/tls.md lists them for operators.
"""

import contextlib
import dataclasses
import datetime
import os
import re
import socket
import ssl
import struct
import subprocess
import time

import pytest
import whorl

REQUEST = "GET /status/200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
OK = r"HTTP/1\.1 200 OK"
DAY = datetime.timedelta(days=1)


# --- certificates -----------------------------------------------------------------------------

@dataclasses.dataclass
class Issued:
    cert: os.PathLike
    key: os.PathLike


class Authority:
    """Issues certificates into a folder, by OpenSSL's command line."""

    def __init__(self, folder, name="root"):
        self.folder, self.count = folder / name, 0
        self.folder.mkdir()
        self.root = self.issue(name, "", ca=True)

    def issue(self, name: str, names: str, *, by: Issued | None = None, key: str = "ec", ca: bool = False, usage: str = "",
              first: datetime.timedelta = -DAY, last: datetime.timedelta = DAY) -> Issued:
        """@param names  of the subject alternative name, e.g. "DNS:a.test"  @param by  None: itself"""
        self.count += 1
        stem = self.folder / f"{self.count}-{name}"
        made = Issued(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        kind = ["rsa:2048"] if key == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        lines = ["basicConstraints=critical,CA:" + ("TRUE" if ca else "FALSE")]
        lines += [f"subjectAltName={names}"] if names else []
        lines += [f"extendedKeyUsage={usage}"] if usage else []
        extensions.write_text("\n".join(lines) + "\n")
        run("req", "-new", "-newkey", *kind, "-nodes", "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        # `ca`, unlike `x509`, takes any two dates.
        work = stem.with_suffix(".ca")
        work.mkdir()
        (work / "index.txt").write_text("")
        (work / "serial").write_text(f"{self.count:04X}\n")
        (work / "conf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index.txt\nserial={work}/serial\nnew_certs_dir={work}\n"
                                   "default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
        ends = [(datetime.datetime.now(datetime.UTC) + span).strftime("%Y%m%d%H%M%SZ") for span in (first, last)]
        signer = ["-cert", by.cert, "-keyfile", by.key] if by else ["-selfsign", "-keyfile", made.key]
        run("ca", "-batch", "-config", work / "conf", "-in", request, "-out", made.cert, "-extfile", extensions, "-notext",
            "-startdate", ends[0], "-enddate", ends[1], *signer)
        return made


def run(*arguments) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls-cases"))


@pytest.fixture(scope="module")
def identities(authority):
    """What the server of most cases shows, by name. The first is for clients that ask for nothing."""
    intermediate = authority.issue("intermediate", "", by=authority.root, ca=True)
    found = {"default": authority.issue("default", "DNS:localhost,IP:127.0.0.1", by=authority.root)}
    found["both-ec"] = authority.issue("both-ec", "DNS:both.test", by=authority.root)
    found["both-rsa"] = authority.issue("both-rsa", "DNS:both.test", by=authority.root, key="rsa")
    found["rsa"] = authority.issue("rsa", "DNS:rsa.test", by=authority.root, key="rsa")
    found["wild"] = authority.issue("wild", "DNS:*.wild.test", by=authority.root)
    found["part"] = authority.issue("part", "DNS:w*.part.test", by=authority.root)
    found["idn"] = authority.issue("idn", "DNS:xn--bcher-kva.test", by=authority.root)
    chain = authority.issue("chain", "DNS:chain.test", by=intermediate)
    with open(chain.cert, "ab") as file:
        file.write(intermediate.cert.read_bytes())
    return found | {"chain": chain}


def tls_flags(*identities: Issued) -> list:
    return [flag for one in identities for flag in ("--tls-cert", one.cert, "--tls-key", one.key)]


@pytest.fixture(scope="module")
def server(identities):
    flags = [*tls_flags(*identities.values()), "--header-timeout", "2s"]
    with whorl.Server.start("-f", whorl.guest("multi"), *flags) as server:
        yield server


@pytest.fixture(scope="module")
def strict(authority):
    """Wants certificates of clients."""
    own = authority.issue("strict", "DNS:localhost", by=authority.root)
    clients = Authority(authority.folder, "clients")
    with whorl.Server.start("-f", whorl.guest("multi"), *tls_flags(own), "--tls-client-ca", clients.root.cert) as server:
        server.clients = clients
        yield server


# --- one client -------------------------------------------------------------------------------

def s_client(port: int, *arguments: object, say: str = REQUEST) -> str:
    """All that OpenSSL's client says about a connection on which it sends that."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", *map(str, arguments)]
    done = subprocess.run(command, input=say, capture_output=True, text=True, errors="replace", timeout=30)
    return done.stdout + done.stderr


def certificate_of(text: str) -> str:
    return re.search(r"subject=CN = (\S+)", text).group(1)


@dataclasses.dataclass
class Case:
    name: str
    arguments: str
    expected: str  # a pattern in what the client says
    shown: str = ""  # the certificate's name


def alert(name: str, number: int) -> str:
    return rf"alert {name}.*SSL alert number {number}\b"


CASES = [
    # Versions
    Case("version 1.3", "-tls1_3", OK),
    Case("version 1.2", "-tls1_2", OK),
    Case("version 1.1", "-tls1_1 -cipher ALL:@SECLEVEL=0", alert("protocol version", 70)),
    Case("version 1.0", "-tls1 -cipher ALL:@SECLEVEL=0", alert("protocol version", 70)),
    Case("fallback that nobody forced (RFC 7507)", "-tls1_2 -fallback_scsv", alert("inappropriate fallback", 86)),
    # Ciphers and groups
    Case("no common cipher: static RSA", "-tls1_2 -cipher AES128-GCM-SHA256", alert("handshake failure", 40)),
    Case("no common cipher: CBC", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", alert("handshake failure", 40)),
    Case("no common cipher: finite-field groups", "-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", alert("handshake failure", 40)),
    Case("no authentication", "-tls1_2 -cipher aNULL:@SECLEVEL=0", alert("handshake failure", 40)),
    Case("AES-GCM", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", r"Cipher is ECDHE-ECDSA-AES128-GCM-SHA256(?s:.*)" + OK),
    Case("ChaCha for who prefers it", "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
         "Cipher is TLS_CHACHA20_POLY1305_SHA256"),
    Case("no common group", "-tls1_3 -groups brainpoolP256r1tls13:secp256k1", "(?i)alert|no suitable|error"),
    Case("a group that needs another try", "-tls1_3 -groups P-521:P-384", OK),
    Case("no compression", "-tls1_2 -comp", "Compression: NONE"),
    Case("extended master secret", "-tls1_2", "Extended master secret: yes"),
    # Names
    Case("no name", "-noservername", OK, "default"),
    Case("a name nobody has", "-servername nobody.test", OK, "default"),
    Case("an address as a name", "-servername 127.0.0.1", OK, "default"),
    Case("a name", "-servername rsa.test", OK, "rsa"),
    Case("a name in upper case", "-servername RSA.Test", OK, "rsa"),
    Case("a name with a dot at its end", "-servername rsa.test.", OK, "rsa"),
    Case("a wildcard", "-servername a.wild.test", OK, "wild"),
    Case("a wildcard is one label", "-servername a.b.wild.test", OK, "default"),
    Case("a wildcard is not none", "-servername wild.test", OK, "default"),
    Case("part of a label is no wildcard", "-servername www.part.test", OK, "default"),
    Case("an international name", "-servername xn--bcher-kva.test", OK, "idn"),
    # Several kinds of keys for one name
    Case("ECDSA where both are known", "-servername both.test", OK, "both-ec"),
    Case("RSA for who knows no other, 1.3", "-servername both.test -tls1_3 -sigalgs RSA-PSS+SHA256", OK, "both-rsa"),
    Case("RSA for who knows no other, 1.2", "-servername both.test -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", OK, "both-rsa"),
    Case("a signature that the key cannot make", "-servername rsa.test -tls1_3 -sigalgs ECDSA+SHA256", alert("handshake failure", 40)),
    Case("no SHA-1", "-tls1_2 -sigalgs ECDSA+SHA1 -cipher ALL:@SECLEVEL=0", "(?i)alert handshake failure|no shared|internal error"),
    # Protocols
    Case("ALPN: none", "", "No ALPN negotiated(?s:.*)" + OK),
    Case("ALPN: HTTP/1.1", "-alpn http/1.1", r"ALPN protocol: http/1\.1(?s:.*)" + OK),
    Case("ALPN: HTTP/1.0", "-alpn http/1.0", r"ALPN protocol: http/1\.0"),
    Case("ALPN: only h2", "-alpn h2", "ALPN protocol: h2"),
    Case("ALPN: h2 before HTTP/1.1, whatever the client prefers", "-alpn http/1.1,h2", "ALPN protocol: h2"),
    Case("ALPN: some we know, some not", "-alpn spdy/1,http/1.1", r"ALPN protocol: http/1\.1"),
    Case("ALPN: none that we know", "-alpn smtp", alert("no application protocol", 120)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(server, case):
    text = s_client(server.port, *case.arguments.split())
    assert re.search(case.expected, text), text
    assert not case.shown or certificate_of(text) == case.shown


def test_the_chain_is_shown_in_order(server, authority):
    text = s_client(server.port, "-servername", "chain.test", "-CAfile", authority.root.cert, "-verify_return_error", "-showcerts")
    assert "Verify return code: 0 (ok)" in text
    assert re.findall(r"^ \d s:CN = (\S+)", text, re.M) == ["chain", "intermediate"]


# --- certificates of clients ------------------------------------------------------------------

CLIENTS = [
    ("good", dict(usage="clientAuth"), OK),
    ("without purposes", dict(), OK),
    ("expired", dict(first=-3 * DAY, last=-DAY), alert("certificate expired", 45)),
    ("not valid yet", dict(first=DAY, last=3 * DAY), alert("bad certificate", 42)),
    ("for servers only", dict(usage="serverAuth"), alert("unsupported certificate", 43)),
]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name,how,expected", CLIENTS, ids=[name for name, _, _ in CLIENTS])
def test_a_client_certificate(strict, version, name, how, expected):
    one = strict.clients.issue("client", "", by=strict.clients.root, **how)
    assert re.search(expected, s_client(strict.port, version, "-cert", one.cert, "-key", one.key))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_of_somebody_else_or_of_nobody(strict, authority, version):
    wrong = authority.issue("client", "", by=authority.root)
    assert re.search(alert("unknown ca", 48), s_client(strict.port, version, "-cert", wrong.cert, "-key", wrong.key))
    own = authority.issue("client", "")
    assert re.search(r"alert (unknown ca|bad certificate)", s_client(strict.port, version, "-cert", own.cert, "-key", own.key))
    expected = alert("handshake failure", 40) if version == "-tls1_2" else alert("certificate required", 116)
    assert re.search(expected, s_client(strict.port, version))


def test_a_client_is_told_which_authorities_count(strict):
    assert "Acceptable client certificate CA names\nCN = clients" in s_client(strict.port, "-tls1_2")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_of_a_known_client_is_resumed(strict, tmp_path, version):
    one = strict.clients.issue("client", "", by=strict.clients.root)
    mine = ("-cert", one.cert, "-key", one.key)
    assert "New, TLSv1." in s_client(strict.port, version, *mine, "-sess_out", tmp_path / "session")
    text = s_client(strict.port, version, *mine, "-sess_in", tmp_path / "session")
    assert "Reused, TLSv1." in text and re.search(OK, text)


# --- sessions ---------------------------------------------------------------------------------

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name", ["localhost", "rsa.test"])
def test_a_session_is_resumed_on_either_shard(server, tmp_path, version, name):
    asked = (version, "-servername", name)
    assert "New, TLSv1." in s_client(server.port, *asked, "-sess_out", tmp_path / "session")
    for _ in range(4):
        text = s_client(server.port, *asked, "-sess_in", tmp_path / "session")
        assert "Reused, TLSv1." in text and re.search(OK, text)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_ticket_of_another_process_is_a_full_handshake(server, strict, tmp_path, version):
    one = strict.clients.issue("client", "", by=strict.clients.root)
    s_client(strict.port, version, "-cert", one.cert, "-key", one.key, "-sess_out", tmp_path / "session")
    text = s_client(server.port, version, "-sess_in", tmp_path / "session")
    assert "New, TLSv1." in text and re.search(OK, text)


def test_early_data_is_not_offered(server, tmp_path):
    early = tmp_path / "early"
    early.write_text(REQUEST)
    assert "Max Early Data: 0" in s_client(server.port, "-tls1_3", "-sess_out", tmp_path / "session")
    text = s_client(server.port, "-tls1_3", "-sess_in", tmp_path / "session", "-early_data", early)
    assert "Early data was not sent" in text or "Early data was rejected" in text


def test_renegotiation_is_refused(server):
    # A line with an R alone makes s_client ask for it.
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_2"]
    done = subprocess.run(command, input="R\n", capture_output=True, text=True, errors="replace", timeout=30)
    assert "RENEGOTIATING" in done.stdout + done.stderr
    assert "no renegotiation" in done.stderr


def test_a_key_update_is_taken(server):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-tls1_3"]
    done = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for said in ("K\n", REQUEST):
        done.stdin.write(said)
        done.stdin.flush()
        time.sleep(0.3)
    text = done.communicate(timeout=30)[0]
    assert "KEYUPDATE" in text and re.search(OK, text)


# --- bytes by hand ----------------------------------------------------------------------------

def context(**options) -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    for name, value in options.items():
        setattr(made, name, value)
    return made


class ByHand:
    """A TLS client whose bytes a test passes on as it likes."""

    def __init__(self, port: int, **options):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context(**options).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def first_flight(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def shake_hands(self, send) -> None:
        """@param send  called with each flight"""
        data = self.first_flight()
        while data:
            send(data)
            while True:
                try:
                    self.tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    if waiting := self.outgoing.read():
                        send(waiting)
                    piece = self.sock.recv(65536)
                    assert piece, "the server closed"
                    self.incoming.write(piece)
            data = self.outgoing.read()
            if data:
                send(data)
                return

    def ask(self) -> bytes:
        self.tls.write(REQUEST.encode())
        self.sock.sendall(self.outgoing.read())
        return self.answer()

    def answer(self) -> bytes:
        found = b""
        while True:
            try:
                piece = self.tls.read(65536)
            except ssl.SSLWantReadError:
                received = self.sock.recv(65536)
                if not received:
                    return found
                self.incoming.write(received)
                continue
            except ssl.SSLZeroReturnError:
                return found
            if not piece:
                return found
            found += piece

    def rest(self) -> bytes:
        """Raw bytes until the server closes."""
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.sock.recv(65536):
                found += piece
        return found


def alert_in(data: bytes) -> int | None:
    """The number of a plain alert, which is what a server says before keys are agreed on."""
    return data[6] if len(data) >= 7 and data[0] == 21 else None


def in_records(flight: bytes, size: int) -> bytes:
    """The same handshake messages in many small records."""
    out = b""
    while flight:
        kind, version, length = struct.unpack(">BHH", flight[:5])
        body, flight = flight[5:5 + length], flight[5 + length:]
        pieces = [body[i:i + size] for i in range(0, len(body), size)] if kind == 22 else [body]
        out += b"".join(struct.pack(">BHH", kind, version, len(piece)) + piece for piece in pieces)
    return out


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_handshake_byte_by_byte(server, version):
    client = ByHand(server.port, maximum_version=version, minimum_version=version)

    def slowly(data):
        for i in range(len(data)):
            client.sock.sendall(data[i:i + 1])

    client.shake_hands(slowly)
    assert client.ask().startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_client_hello_in_many_records(server, size):
    client = ByHand(server.port)
    flights = []

    def split(data):
        flights.append(data)
        client.sock.sendall(in_records(data, size) if len(flights) == 1 else data)

    client.shake_hands(split)
    assert client.ask().startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("name,data,number", [
    ("too long", b"\x16\x03\x01\xff\xff" + b"\1" * 100, 22),
    ("an unknown kind", b"\x63\x03\x01\x00\x05hello", 10),
    ("an application's", b"\x17\x03\x03\x00\x05hello", 10),
    ("of SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80" + b"\0" * 34, None),
    ("empty, a hundred times", b"\x16\x03\x01\x00\x00" * 100, None),
    ("of random bytes", bytes(range(40, 240)), None),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_first_record(server, name, data, number):
    client = ByHand(server.port)
    client.sock.sendall(data)
    client.sock.shutdown(socket.SHUT_WR)
    said = client.rest()
    assert number is None or alert_in(said) == number
    assert b"HTTP" not in said


@pytest.mark.parametrize("record", [b"\x17\x03\x03\xff\xff" + b"x" * 200, b"\x17\x03\x03\x00\x20" + b"x" * 32, b"\x15\x03\x03\x00\x02\x02\x28", b"GET / HTTP/1.1\r\n\r\n"],
                         ids=["too long", "with a wrong check", "an alert in the clear", "not encrypted"])
def test_a_bad_record_ends_the_connection(server, record):
    client = ByHand(server.port)
    client.shake_hands(client.sock.sendall)
    client.sock.sendall(record)
    assert b"HTTP/1.1" not in client.rest()  # closed


def test_a_request_that_is_cut_is_none(server):
    for goodbye in (True, False):
        client = ByHand(server.port)
        client.shake_hands(client.sock.sendall)
        client.tls.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this")
        if goodbye:
            with contextlib.suppress(ssl.SSLWantReadError):
                client.tls.unwrap()
        client.sock.sendall(client.outgoing.read())
        client.sock.shutdown(socket.SHUT_WR)
        # What the guest says before it reads the body may have gone out; an answer it is not.
        assert not client.answer().endswith(b"0\r\n\r\n")


def test_an_end_without_goodbye_after_the_answer(server):
    client = ByHand(server.port)
    client.shake_hands(client.sock.sendall)
    assert client.ask().startswith(b"HTTP/1.1 200")
    client.sock.close()
    assert server.process.poll() is None


def test_the_server_says_goodbye(server):
    connection = context().wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="localhost", suppress_ragged_eofs=False)
    connection.sendall(REQUEST.encode())
    while connection.recv(65536):
        pass  # SSLEOFError without close_notify


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_handshake_that_stalls_ends(server, said):
    begin = time.monotonic()
    client = ByHand(server.port)
    client.sock.sendall(said)
    client.rest()
    assert 1 < time.monotonic() - begin < 9


def test_plain_http_on_the_tls_port_and_tls_on_the_plain_one(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        while piece := sock.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ") and b"this port speaks HTTPS" in answer
    with whorl.Server.start("-f", whorl.guest("multi")) as plain:
        client = ByHand(plain.port)
        client.sock.sendall(client.first_flight())
        assert client.rest().startswith(b"HTTP/1.1 400 ")
        assert plain.get("/status/200").status == 200


# --- files ------------------------------------------------------------------------------------

def start(*flags) -> subprocess.CompletedProcess:
    return whorl.run("up", "-f", whorl.guest("multi"), "--listen", "127.0.0.1:0", *flags)


def test_the_server_comes_first_in_its_file(identities, authority, tmp_path):
    one = identities["default"]
    turned = tmp_path / "turned.pem"
    turned.write_bytes(authority.root.cert.read_bytes() + one.cert.read_bytes())
    done = start("--tls-cert", turned, "--tls-key", one.key)
    assert (done.returncode, f"the key does not belong to the first certificate in '{turned}'" in done.stderr) == (1, True)


@pytest.mark.parametrize("form", ["pkcs8", "pkcs1", "sec1", "crlf", "with text around"])
def test_forms_of_keys_and_certificates(authority, tmp_path, form):
    one = authority.issue("form", "DNS:localhost", by=authority.root, key="rsa" if form == "pkcs1" else "ec")
    if form == "pkcs1":
        run("rsa", "-in", one.key, "-out", one.key, "-traditional")
    if form == "sec1":
        run("ec", "-in", one.key, "-out", one.key)
    if form == "crlf":
        for file in (one.cert, one.key):
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    if form == "with text around":
        one.cert.write_text("A certificate.\n" + one.cert.read_text() + "The end.\n")
    with whorl.Server.start("-f", whorl.guest("multi"), *tls_flags(one)) as server:
        assert re.search(OK, s_client(server.port))


def test_a_certificate_in_binary_form_is_refused(identities, tmp_path):
    binary = tmp_path / "cert.der"
    run("x509", "-in", identities["default"].cert, "-outform", "DER", "-out", binary)
    done = start("--tls-cert", binary, "--tls-key", identities["default"].key)
    assert (done.returncode, "the file holds no certificate in PEM form" in done.stderr) == (1, True)


@pytest.mark.parametrize("first,last,line", [(-3 * DAY, -DAY, r"expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC: clients refuse it"),
                                             (DAY, 3 * DAY, r"is not valid before \d{4}-\d\d-\d\d \d\d:\d\d UTC: clients refuse it")])
def test_a_certificate_out_of_its_time_is_warned_about(authority, first, last, line):
    one = authority.issue("old", "DNS:localhost", by=authority.root, first=first, last=last)
    with whorl.Server.start("-f", whorl.guest("multi"), *tls_flags(one)) as server:
        assert server.err.wait_for(rf"the certificate in '{one.cert}' {line}")


def test_a_key_that_everybody_can_read_is_warned_about(authority):
    one = authority.issue("open", "DNS:localhost", by=authority.root)
    one.key.chmod(0o644)
    with whorl.Server.start("-f", whorl.guest("multi"), *tls_flags(one)) as server:
        assert server.err.wait_for(f"every user of this machine can read the private key in '{one.key}'")


@pytest.mark.parametrize("broken", ["empty", "half", "another key", "gone"])
def test_new_files_that_are_broken_change_nothing(authority, tmp_path, broken):
    one = authority.issue("kept", "DNS:localhost", by=authority.root)
    with whorl.Server.start("-f", whorl.guest("multi"), *tls_flags(one)) as server:
        assert certificate_of(s_client(server.port)) == "kept"
        if broken == "empty":
            one.cert.write_text("")
        elif broken == "half":
            one.cert.write_bytes(one.cert.read_bytes()[:300])
        elif broken == "another key":
            one.key.write_bytes(authority.root.key.read_bytes())
        else:
            one.key.unlink()
        assert server.err.wait_for("the certificates stay as they were: ", 30)
        assert certificate_of(s_client(server.port)) == "kept"
