"""Stand-ins for services over HTTP that backends speak to: they check what they are sent, and can be made to fail.

    with services.Models("t0ken") as service:
        service.url, service.seen

A stand-in answers what its class says; `trouble` makes it misbehave first: a list of steps, each used for one request:
a number (that status, with an empty body), "garbage", "cut", "silence", or a callable that is given the handler.
"""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import urllib.parse


class Service:
    """An HTTP server on a free port of 127.0.0.1 that answers with self.answer(request)."""

    def __init__(self, tls=None):
        service = self
        self.seen: list[Request] = []
        self.trouble: list = []
        self.connections = 0
        self._stopping = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                service.connections += 1
                super().setup()

            def log_message(self, *_):
                pass

            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                service._handle(self, Request(self.command, self.path, dict_of(self.headers), self.rfile.read(length)))

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.handle_any
                raise AttributeError(name)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, handler, request):
        self.seen.append(request)
        step = self.trouble.pop(0) if self.trouble else None
        if callable(step):
            status, fields, body = step(request)
        elif isinstance(step, int):
            status, fields, body = step, {}, b""
        elif step == "garbage":
            handler.wfile.write(b"\x00\xffgarbage\r\n\r\n")
            handler.close_connection = True
            return
        elif step == "cut":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        elif step == "silence":
            self._stopping.wait(30)
            handler.close_connection = True
            return
        else:
            status, fields, body = self.answer(request)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in fields.items():
            handler.send_header(name, value)
        if status != 204:
            handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def answer(self, request):
        raise NotImplementedError


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


def dict_of(headers):
    return {name.lower(): value for name, value in headers.items()}


class Models(Service):
    """Language models, in Spin's protocol and OpenAI's."""

    def __init__(self, token):
        super().__init__()
        self.token = token

    def answer(self, request):
        if request.headers.get("authorization") != f"bearer {self.token}":
            return 401, {}, {"error": {"message": f"Incorrect API key: {request.headers.get('authorization')}"}}
        asked = request.json()
        if request.path == "/infer":
            return 200, {}, {"text": f"{asked['model']}: {asked['prompt']}",
                             "usage": {"promptTokenCount": 3, "generatedTokenCount": 4}}
        if request.path == "/embed":
            return 200, {}, {"embeddings": [[len(text), 0.5] for text in asked["input"]], "usage": {"promptTokenCount": 7}}
        if request.path == "/v1/chat/completions":
            text = f"{asked['model']}: {asked['messages'][0]['content']}"
            return 200, {}, {"choices": [{"message": {"role": "assistant", "content": text}}],
                             "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
        if request.path == "/v1/embeddings":
            return 200, {}, {"data": [{"embedding": [len(text), 0.5]} for text in asked["input"]],
                             "usage": {"prompt_tokens": 7}}
        return 404, {}, {}


class AzureIdentities(Service):
    """Who gives out tokens for Azure: Entra ID for the principal `cli` of the tenant `ten`, App Service, the machine. Whoever asks
    rightly is told azure-t0ken; `kinds` says how they asked."""

    def __init__(self):
        super().__init__()
        self.kinds = []

    def _kind(self, request):
        path, _, query = request.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/ten/oauth2/v2.0/token":
            form = dict(urllib.parse.parse_qsl(request.body.decode()))
            if form.get("client_id") != "cli" or form.get("grant_type") != "client_credentials" or not form["scope"].endswith("/.default"):
                return None
            if form.get("client_secret") == "azure-s3cret":
                return "secret"
            is_jwt = form.get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            return "federated token" if is_jwt and form.get("client_assertion") == "f3derated" else None
        if not asked.get("resource") or asked.get("client_id", "cli") != "cli":
            return None
        if path == "/app-service":
            return "app service" if request.headers.get("x-identity-header") == "h3ader" else None
        is_machine = path == "/metadata/identity/oauth2/token" and request.headers.get("metadata") == "true"
        return "machine" if is_machine else None

    def answer(self, request):
        kind = self._kind(request)
        if not kind:
            return 400, {}, {"error": "invalid_request"}
        self.kinds.append(kind)
        return 200, {}, {"token_type": "Bearer", "access_token": "azure-t0ken", "expires_in": "3600"}


class KeyVault(Service):
    """Azure Key Vault, with the identity service that gives tokens for it and a machine's metadata service."""

    def __init__(self, client_id, client_secret, secrets):
        super().__init__()
        self.client_id, self.client_secret, self.secrets = client_id, client_secret, secrets
        self.tokens = 0

    def _token(self):
        self.tokens += 1
        return 200, {}, {"token_type": "Bearer", "access_token": f"token-{self.tokens}", "expires_in": "3600"}

    def answer(self, request):
        path, _, query = request.path.partition("?")
        if path.endswith("/oauth2/v2.0/token"):
            form = dict(urllib.parse.parse_qsl(request.body.decode()))
            good = (form.get("client_id") == self.client_id and form.get("client_secret") == self.client_secret
                    and form.get("grant_type") == "client_credentials" and form.get("scope", "").endswith("/.default"))
            return self._token() if good else (401, {}, {"error": "invalid_client", "error_description": request.body.decode()})
        if path == "/metadata/identity/oauth2/token":
            return self._token() if request.headers.get("metadata") == "true" else (400, {}, {})
        if request.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return 401, {"www-authenticate": "Bearer"}, {}
        assert query.startswith("api-version="), query
        name = path.removeprefix("/secrets/").rstrip("/")
        if not re.fullmatch("[0-9a-zA-Z-]+", name):
            return 400, {}, {"error": {"code": "BadParameter"}}
        if name not in self.secrets:
            return 404, {}, {"error": {"code": "SecretNotFound"}}
        return 200, {}, {"value": self.secrets[name], "id": f"{self.url}/secrets/{name}/1", "attributes": {"enabled": True}}
