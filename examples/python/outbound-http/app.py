"""Asks another service, and tells what it answered."""

from spin_sdk import http, variables
from spin_sdk.http import Request, Response, send


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        url = f"http://{variables.get('server')}{request.uri}"
        answer = send(Request("GET", url, {}, None))
        return Response(200, {}, f"{url} answered {answer.status} with {len(answer.body)} bytes\n".encode())
