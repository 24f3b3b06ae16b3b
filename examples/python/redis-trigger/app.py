"""Counts the messages of the channel `jobs` under the key `handled` of the same server."""

from wit_world import exports
from wit_world.imports import redis, variables


class InboundRedis(exports.InboundRedis):
    def handle_message(self, message: bytes) -> None:
        print(message.decode())
        redis.Connection.open(f"redis://{variables.get('server')}").incr("handled")
