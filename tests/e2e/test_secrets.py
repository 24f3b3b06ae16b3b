"""Secrets in every place where a client, an operator or a guest may have one, everything that is written on and as talkative as it
gets: none of them is in the log, the access log, the metrics, or what goes to the collector of OpenTelemetry."""

import pathlib
import subprocess

import otlp
import real_servers
import whorl

MANIFEST = """
[variables]
token = {{ required = true, secret = true }}
[[trigger.http]]
route = "/..."
component = "fetch"
[component.fetch]
source = "fetch.wasm"
allowed_outbound_hosts = ["http://localhost:{port}", "http://127.0.0.1:1"]
key_value_stores = ["default"]
variables = {{ token = "{{{{ token }}}}" }}
environment = {{ KEY = "{of_the_environment}" }}
"""
NAMES = ["query", "authorization", "cookie", "body", "user", "upstream_query", "referer", "variable", "of_the_environment",
         "exporter_header", "runtime_config", "key_file", "field_of_the_answer", "broken_request", "trailer", "http2"]
SECRETS = {name: f"s3cr3t-{name.replace('_', '-')}-canary" for name in NAMES}
CONFIG = '[key_value_store.default]\ntype = "redis"\nurl = "redis://:{}@127.0.0.1:1"\n'


def ask_everything(server, upstream: int) -> None:
    fields = [("Authorization", f"Bearer {SECRETS['authorization']}"), ("Cookie", f"id={SECRETS['cookie']}"),
              ("Referer", f"https://u:{SECRETS['referer']}@from.test/a?token={SECRETS['referer']}")]
    path = f"/a?token={SECRETS['query']}"
    for url in (f"http://localhost:{upstream}/status/200?key={SECRETS['upstream_query']}",  # answered
                f"http://127.0.0.1:1/x?key={SECRETS['upstream_query']}",  # nobody is there
                f"http://u:{SECRETS['user']}@localhost:{upstream}/",  # no user may be named
                f"http://forbidden.test/x?key={SECRETS['upstream_query']}"):
        server.get(path, [*fields, ("x-url", url)])
        server.post(path, SECRETS["body"].encode(), [*fields, ("x-url", url), ("x-body", "1")])
    server.get(path, fields)  # nothing to fetch
    for request in (f"GET /?{SECRETS['broken_request']} HTTP/1.1\r\nHost: a\r\nHost: b\r\nAuthorization: {SECRETS['broken_request']}\r\n\r\n",
                    f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization : {SECRETS['broken_request']}\r\n\r\n",
                    f"{SECRETS['broken_request']}\r\n\r\n",
                    f"POST /?x={SECRETS['query']} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    f"0\r\nx-sum: {SECRETS['trailer']}\r\nbad {SECRETS['trailer']}\r\n\r\n"):
        with server.connect() as connection:
            connection.send(request.encode())
            connection.is_closed(5)
    subprocess.run(["curl", "-s", "--http2-prior-knowledge", "-H", f"authorization: {SECRETS['http2']}", "--data", SECRETS["http2"],
                    f"http://127.0.0.1:{server.port}/?{SECRETS['http2']}"], capture_output=True, timeout=30)


def test_what_is_written_has_no_secret_in_it(app, tmp_path):
    with whorl.Server.start("-f", whorl.guest("multi")) as upstream, otlp.Collector() as collector:
        folder = app(MANIFEST.format(port=upstream.port, of_the_environment=SECRETS["of_the_environment"]), "fetch")
        config, log = tmp_path / "config.toml", tmp_path / "access.log"
        config.write_text(CONFIG.format(SECRETS["runtime_config"]))
        _, key = real_servers.make_certificate(tmp_path)
        key.write_text(SECRETS["key_file"] + "\n" + key.read_text())
        environment = {
            "RUST_LOG": "trace", "SPIN_VARIABLE_TOKEN": SECRETS["variable"], "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={SECRETS['exporter_header']}", "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_BLRP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
        with whorl.Server.start("-f", folder, "--runtime-config-file", config, "--access-log", log, "--access-log-format", "json",
                                "--metrics-listen", "127.0.0.1:0", env=environment) as server:
            ask_everything(server, upstream.port)
            port = int(server.err.wait_for(r"metrics on http://127\.0\.0\.1:(\d+)/").group(1))
            metrics = whorl.exchange(port, "GET", "/metrics").body.decode()
            assert 'whorl_http_requests_total{component="fetch"' in metrics
            collector.spans(8)
            assert server.stop() == 0
        written = {"log": server.err.text, "output": server.out.text, "access log": pathlib.Path(log).read_text(), "metrics": metrics,
                   "collector": repr([collector.spans(1), collector.metrics()])}
    assert all(written.values()) and written["access log"].count("\n") >= 10
    found = {(name, place) for name, secret in SECRETS.items() for place, text in written.items() if secret in text}
    assert not found, [line for line in server.err.text.splitlines() if "s3cr3t" in line]
    # The collector is shown what lets this program in, and nothing else of it.
    assert all(SECRETS["exporter_header"] in fields["api-key"] for fields in collector.headers)


def test_a_start_that_fails_shows_no_secret(app, tmp_path):
    """What is wrong is said with the name of the file and the place, not with what stands there."""
    secret = "s3cr3t-start-canary"
    folder = app(MANIFEST.format(port=1, of_the_environment=secret), "fetch")
    config = tmp_path / "config.toml"
    environment = {"SPIN_VARIABLE_TOKEN": secret, "RUST_LOG": "trace", "OTEL_EXPORTER_OTLP_HEADERS": f"api-key={secret}"}
    key = tmp_path / "some.key"
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n")
    certificate, _ = real_servers.make_certificate(tmp_path)
    for text, more in (
            (f'[key_value_store.default]\ntype = "redis"\nurl = "redis://:{secret}@127.0.0.1:x"\n', []),
            (f'[key_value_store.default]\ntype = "redis"\nurl = "redis:// :{secret}@"\n', []),
            (f'[key_value_store.default]\ntype = "azure_cosmos"\nkey = "{secret}"\n', []),
            (f'[[config_provider]]\ntype = "vault"\nurl = "http://u:{secret}@127.0.0.1:1"\ntoken = "{secret}"\n', []),
            ("", ["--tls-cert", certificate, "--tls-key", key])):
        config.write_text(text)
        done = whorl.run("up", "-f", folder, "--runtime-config-file", config, "--listen", "127.0.0.1:0", *more, env=environment)
        assert done.returncode == 1, (text, done)
        assert secret not in done.stdout + done.stderr, (text, done.stderr)
