"""Has a language model answer what is posted; runtime-config.toml says where it is."""

from spin_sdk import http, llm
from spin_sdk.http import Request, Response


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        return Response(200, {}, (llm.infer("llama2-chat", request.body.decode()).text + "\n").encode())
