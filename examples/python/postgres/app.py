"""Adds up two numbers in a PostgreSQL server: /40/2."""

from spin_sdk import http, postgres, variables
from spin_sdk.http import Request, Response
from spin_sdk.wit.imports.rdbms_types import ParameterValue_Int64


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        first, second = request.uri.strip("/").split("/")
        numbers = [ParameterValue_Int64(int(first)), ParameterValue_Int64(int(second))]
        with postgres.open(f"postgres://postgres@{variables.get('server')}/postgres") as database:
            answer = database.query("SELECT $1::int8 + $2::int8", numbers)
        return Response(200, {}, f"{answer.rows[0][0].value}\n".encode())
