"""Counts requests in a Redis server."""

from spin_sdk import http, redis, variables
from spin_sdk.http import Request, Response


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        with redis.open(f"redis://{variables.get('server')}") as server:
            count = server.incr(request.uri)
            server.publish("asked", request.uri.encode())
        return Response(200, {}, f"{request.uri} was asked for {count} times\n".encode())
