"""Hello, streams and a fan-out in Python, with the Spin SDK for WASI 0.3."""

import asyncio

import componentize_py_async_support as support
from spin_sdk import http, wit
from spin_sdk.http import Request, Response
from spin_sdk.wit.imports import wasi_clocks_monotonic_clock_0_3_0 as clock
from spin_sdk.wit.imports.wasi_http_types_0_3_0 import Fields
from spin_sdk.wit.imports.wasi_http_types_0_3_0 import Request as WasiRequest
from spin_sdk.wit.imports.wasi_http_types_0_3_0 import Response as WasiResponse

MILLISECOND = 1_000_000


async def copy(source, target):
    """As it comes, to its end."""
    with source, target:
        while not source.writer_dropped:
            if piece := await source.read(65536):
                await target.write_all(piece)


async def drip(target, pieces):
    """50 ms apart."""
    with target:
        for piece in pieces:
            await target.write_all(piece)
            await clock.wait_for(50 * MILLISECOND)


def streamed(body, content_type):
    """An answer whose body is still to be written."""
    fields = Fields.from_list([("content-type", content_type.encode())])
    return WasiResponse.new(fields, body, http._trailers_future())[0]


class HttpHandler(http.Handler):
    async def handle(self, request: WasiRequest) -> WasiResponse:
        path = request.get_path_with_query() or "/"
        if path == "/echo":
            source, _ = WasiRequest.consume_body(request, http._unit_future())
            target, body = wit.byte_stream()
            support.spawn(copy(source, target))
            return streamed(body, "application/octet-stream")
        if path in ("/events", "/slow"):
            target, body = wit.byte_stream()
            mark, kind = ("data: {}\n\n", "text/event-stream") if path == "/events" else ("{};", "text/plain")
            support.spawn(drip(target, [mark.format(i).encode() for i in range(4)]))
            return streamed(body, kind)
        return await super().handle(request)

    async def handle_request(self, request: Request) -> Response:
        path = request.uri
        if path.startswith("/fan/"):
            targets = [http.send(Request("GET", f"http://{path[5:]}/hello", {}, None)) for _ in range(10)]
            answers = await asyncio.gather(*targets)
            return Response(200, {}, bytes(str(sum(answer.status == 200 for answer in answers)), "utf-8"))
        return Response(200, {"content-type": "text/plain"}, bytes(f"hello from Python: {path}", "utf-8"))
