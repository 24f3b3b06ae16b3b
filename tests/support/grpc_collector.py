"""A collector of OTLP over gRPC, on the gRPC library that others have written (Debian's python3-grpcio). Run by
`otlp.GrpcCollector` as a program of its own, by the system's Python, which has the library.

Arguments: statuses of the first calls, before OK; `retry:8:0.1` asks by google.rpc.RetryInfo for a pause as well.
Prints the port, then for each call a line: its path, its metadata as JSON, its message in hex.
"""

import json
import sys
import threading
from concurrent import futures

import grpc


def retry_info(code: int, seconds: float) -> bytes:
    """google.rpc.Status with one detail, google.rpc.RetryInfo."""
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data
    nanoseconds, number = int(seconds * 1e9), b""
    while True:
        number += bytes([nanoseconds & 0x7F | (0x80 if nanoseconds > 0x7F else 0)])
        nanoseconds >>= 7
        if not nanoseconds:
            break
    delay = field(1, bytes([2 << 3]) + number)
    return bytes([1 << 3, code]) + field(3, field(1, b"type.googleapis.com/google.rpc.RetryInfo") + field(2, delay))


class Handler(grpc.GenericRpcHandler):
    def __init__(self, answers: list[str]):
        self.answers = answers
        self.lock = threading.Lock()

    def service(self, call):
        def take(message: bytes, context: grpc.ServicerContext) -> bytes:
            with self.lock:
                answer = self.answers.pop(0) if self.answers else "0"
                metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
                metadata["time_remaining"] = context.time_remaining()
                print(call.method, answer, json.dumps(metadata).replace(" ", ""), message.hex(), flush=True)
            parts = answer.split(":")
            if parts[0] == "retry":
                details = ("grpc-status-details-bin", retry_info(int(parts[1]), float(parts[2])))
                context.set_trailing_metadata((details,))
                parts = parts[1:]
            if parts[0] != "0":
                code = next(code for code in grpc.StatusCode if code.value[0] == int(parts[0]))
                context.abort(code, "not now: it is said with an ä and 100 %")
            return b""

        return grpc.unary_unary_rpc_method_handler(take)


server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler(sys.argv[1:])])
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination()
