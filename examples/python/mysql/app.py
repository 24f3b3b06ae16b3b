"""Says a word as often as it is asked, by a MySQL or MariaDB server: /ab/3."""

from spin_sdk import http, mysql, variables
from spin_sdk.http import Request, Response
from spin_sdk.wit.imports.rdbms_types import ParameterValue_Int32, ParameterValue_Str


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        word, times = request.uri.strip("/").split("/")
        with mysql.open(f"mysql://{variables.get('server')}") as database:
            answer = database.query("SELECT repeat(?, ?)", [ParameterValue_Str(word), ParameterValue_Int32(int(times))])
        return Response(200, {}, f"{answer.rows[0][0].value}\n".encode())
