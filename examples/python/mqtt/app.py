"""Publishes what is posted, at the topic that the path says."""

from spin_sdk import http, mqtt, variables
from spin_sdk.http import Request, Response
from spin_sdk.mqtt import Qos


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        with mqtt.open(f"mqtt://{variables.get('server')}?client_id=whorl-example", "", "", 30) as broker:
            broker.publish(request.uri.strip("/"), request.body, Qos.AT_LEAST_ONCE)
        return Response(200, {}, b"published\n")
