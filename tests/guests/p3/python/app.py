"""Hello, echo and a fan-out in Python, with the Spin SDK for WASI 0.3."""

import asyncio

from spin_sdk import http
from spin_sdk.http import Request, Response


class HttpHandler(http.Handler):
    async def handle_request(self, request: Request) -> Response:
        path = request.uri
        if path == "/echo":
            return Response(200, {"content-type": "application/octet-stream"}, bytes(request.body or b""))
        if path.startswith("/fan/"):
            targets = [http.send(Request("GET", f"http://{path[5:]}/hello", {}, None)) for _ in range(10)]
            answers = await asyncio.gather(*targets)
            return Response(200, {}, bytes(str(sum(answer.status == 200 for answer in answers)), "utf-8"))
        return Response(200, {"content-type": "text/plain"}, bytes(f"hello from Python: {path}", "utf-8"))
