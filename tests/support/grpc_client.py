"""A client of gRPC on the library that others have written (Debian's python3-grpcio), for the system's Python, which has it.

    grpc_client.py TARGET [ROOT-CERTIFICATE]

Says in JSON what the service of tests/e2e/guests/grpc.c answered: a call with one message, a conversation in which each message
waits for the answer to the one before, one large message, a stream of small ones, and a call that fails.
"""

import json
import pathlib
import queue
import sys

import grpc

CHAT, FAIL = "/test.Echo/Chat", "/test.Echo/Fail"
TIMEOUT_S = 30


def channel_to(arguments: list[str]) -> grpc.Channel:
    if len(arguments) == 1:
        return grpc.insecure_channel(arguments[0])
    return grpc.secure_channel(arguments[0], grpc.ssl_channel_credentials(pathlib.Path(arguments[1]).read_bytes()))


def converse(chat, count: int) -> list[str]:
    """The next message is sent when the answer to the last one has come: both directions are open at once."""
    said = queue.Queue()
    said.put(b"0")
    answers = []
    call = chat(iter(said.get, None), timeout=TIMEOUT_S)
    for answer in call:
        answers.append(answer.decode())
        said.put(str(len(answers)).encode() if len(answers) < count else None)
    return [*answers, call.code().name, dict(call.trailing_metadata())["x-last"]]


def main() -> None:
    with channel_to(sys.argv[1:]) as channel:
        chat = channel.stream_stream(CHAT)
        large = bytes(range(256)) * 12_000
        small = [b"%d" % number for number in range(1000)]
        found = {
            "one": channel.unary_unary(CHAT)(b"hello", timeout=TIMEOUT_S).decode(),
            "conversation": converse(chat, 20),
            "large": channel.unary_unary(CHAT)(large, timeout=TIMEOUT_S) == large,
            "stream": list(chat(iter(small), timeout=TIMEOUT_S)) == small,
        }
        try:
            channel.unary_unary(FAIL)(b"", timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            found["failure"] = [error.code().name, error.details()]
    print(json.dumps(found))


main()
