"""Language models: grants, both protocols of remote services, services in trouble, no secret shown."""

import time

import bad_servers
import pytest
import services
import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "llm"
[component.llm]
source = "llm.wasm"
ai_models = ["m", "all-minilm-l6-v2"]
"""
TOKEN = "t0ken-of-the-operator"
DENIED = ("The component does not have access to use 'other'. To give the component access, add 'other' to the "
          "'ai_models' key for the component in your spin.toml manifest")
LOCAL = "Local LLM operations are not supported in this version of Spin."


@pytest.fixture
def folder(app):
    return app(MANIFEST, "llm")


@pytest.fixture
def models():
    with services.Models(TOKEN) as service:
        yield service


def config(folder, url, api="default", token=TOKEN, more=""):
    (folder / "rc.toml").write_text(
        f'[llm_compute]\ntype = "remote_http"\nurl = "{url}"\nauth_token = "{token}"\napi_type = "{api}"\n{more}')
    return "--runtime-config-file", folder / "rc.toml"


def ask(server, path, text=b"hello"):
    return server.post(path, text, timeout=60).body.decode()


@pytest.mark.parametrize("text", ["", '[llm_compute]\ntype = "spin"\n'])
def test_without_a_service(folder, text):
    (folder / "rc.toml").write_text(text)
    with whorl.Server.start("-f", folder, "--runtime-config-file", folder / "rc.toml") as server:
        for version in ("v1", "v2"):
            for call in ("infer", "embed"):
                assert ask(server, f"/{version}/{call}/other") == f"error 2 {DENIED}"
                assert ask(server, f"/{version}/{call}/m") == f"error 1 {LOCAL}"


@pytest.mark.parametrize("api, paths", [
    ("default", ["/infer", "/embed"]), ("open_ai", ["/v1/chat/completions", "/v1/embeddings"]),
])
def test_remote(folder, models, api, paths):
    with whorl.Server.start("-f", folder, *config(folder, models.url + "/ignored", api)) as server:
        for version in ("v1", "v2"):
            assert ask(server, f"/{version}/infer/m") == "m: hello 3 4"
            assert ask(server, f"/{version}/embed/all-minilm-l6-v2") == "500 50 \n600 50 \n7"
            assert ask(server, f"/{version}/infer/other") == f"error 2 {DENIED}"
        assert [request.path for request in models.seen] == paths * 2
        assert models.seen[1].json() == {"model": "all-minilm-l6-v2", "input": ["hello", "second"]}
        if api == "default":
            options = [models.seen[at].json()["options"] for at in (0, 2)]
            assert options == [
                {"maxTokens": 100, "repeatPenalty": 1.1, "repeatPenaltyLastNTokenCount": 64, "temperature": 0.8,
                 "topK": 40, "topP": 0.9},
                {"maxTokens": 5, "repeatPenalty": 1.5, "repeatPenaltyLastNTokenCount": 6, "temperature": 0.5,
                 "topK": 7, "topP": 0.25}]
        else:
            assert models.seen[2].json() == {"messages": [{"role": "user", "content": "hello"}], "model": "m",
                                             "max_completion_tokens": 5, "frequency_penalty": 1.5}
        assert server.stop() == 0
        assert TOKEN not in server.out.text + server.err.text


def test_connections_are_kept(folder, models):
    with whorl.Server.start("-f", folder, *config(folder, models.url), "--threads", "1") as server:
        for _ in range(20):
            assert ask(server, "/v2/infer/m") == "m: hello 3 4"
        assert models.connections == 1


@pytest.mark.parametrize("step, answer", [
    (503, "POST /infer request error: the service answered with status 503"),
    ("cut", "POST /infer request error: the service's answer was cut"),
    (lambda _: (200, {}, b"<html>"), 'Failed to deserialize response for "POST /infer"'),
    (lambda _: (302, {"location": "http://127.0.0.1:1/"}, b""),
     "POST /infer request error: the service answered with status 302"),
])
def test_a_service_in_trouble(folder, models, step, answer):
    with whorl.Server.start("-f", folder, *config(folder, models.url)) as server:
        models.trouble = [step]
        assert ask(server, "/v2/infer/m") == f"error 1 {answer}"
        assert ask(server, "/v2/infer/m") == "m: hello 3 4"
        assert len(models.seen) == 2  # nothing was followed or repeated
        models.trouble = ["garbage", "garbage"]
        assert ask(server, "/v2/infer/m") == "error 1 POST /infer request error: the service gave no HTTP answer"
        assert ask(server, "/v2/infer/m") == "m: hello 3 4"


@pytest.mark.parametrize("api, infer, embed", [
    ("default", "/infer", "/embed"), ("open_ai", "/v1/chat/completions", "/v1/embeddings")])
def test_a_service_that_never_answers(folder, api, infer, embed):
    """Whether it takes the question in or says a little now and then: the guest has its error when the operator's time is over."""
    with bad_servers.BadServer(bad_servers.silent) as bad, whorl.Server.start(
            "-f", folder, *config(folder, f"http://127.0.0.1:{bad.port}", api, more='timeout = "500ms"\n')) as server:
        for bad.behaviour in (bad_servers.silent, bad_servers.dripping(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")):
            for version in ("v1", "v2"):
                for call, path in (("infer", infer), ("embed", embed)):
                    begin = time.monotonic()
                    assert ask(server, f"/{version}/{call}/m") == (
                        f"error 1 POST {path} request error: the service did not answer in time")
                    assert 0.4 < time.monotonic() - begin < 20
        end = time.monotonic() + 15
        while bad.open_connections and time.monotonic() < end:
            time.sleep(0.02)
        assert bad.open_connections == 0


def test_no_service_and_wrong_tokens(folder, models):
    with whorl.Server.start("-f", folder, *config(folder, "http://127.0.0.1:1")) as server:
        assert ask(server, "/v2/embed/m") == "error 1 POST /embed request error: the service refused the connection"
    with whorl.Server.start("-f", folder, *config(folder, models.url, "open_ai", "wr0ng-token")) as server:
        assert ask(server, "/v2/infer/m") == "error 1 Incorrect API key: bearer ***"
        assert server.stop() == 0
        assert "wr0ng-token" not in server.out.text + server.err.text


@pytest.mark.parametrize("url, token, message", [
    ("nowhere", TOKEN, "invalid value for `url`"),
    ("ftp://h", TOKEN, "invalid value for `url`"),
    ("http://u:s3cret@h", TOKEN, "invalid value for `url`"),
    ("http://h", "s3cret\\u0007", "Failed to create authorization header"),
    ("http://h", f'{TOKEN}"\ntimeout = "soon', "invalid value for `timeout`"),
    ("http://h", f'{TOKEN}"\ntimeout = "0s', "invalid value for `timeout`"),
])
def test_refused_at_the_start(folder, url, token, message):
    ended = whorl.run("up", "-f", folder, "--listen", "127.0.0.1:0", *config(folder, url, token=token))
    assert ended.returncode == 1
    assert "in [llm_compute]" in ended.stderr
    assert message in ended.stderr
    assert "s3cret" not in ended.stderr and TOKEN not in ended.stderr
