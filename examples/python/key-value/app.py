"""Counts the requests for each path, durably."""

from spin_sdk import http, key_value
from spin_sdk.http import Request, Response


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        with key_value.open_default() as store:
            count = int(store.get(request.uri) or b"0") + 1
            store.set(request.uri, str(count).encode())
        return Response(200, {}, f"{request.uri} was asked for {count} times\n".encode())
