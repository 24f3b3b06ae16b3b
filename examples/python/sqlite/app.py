"""Keeps what is posted, and lists it."""

from spin_sdk import http
from spin_sdk.http import Request, Response

# `spin_sdk.sqlite` wants another name of this module than the pinned componentize-py gives it.
from spin_sdk.wit.imports.fermyon_spin_sqlite import Connection, Value_Text


class IncomingHandler(http.IncomingHandler):
    def handle_request(self, request: Request) -> Response:
        with Connection.open("default") as database:
            database.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)", [])
            if request.method == "POST":
                database.execute("INSERT INTO notes VALUES (?)", [Value_Text(request.body.decode())])
            notes = database.execute("SELECT text FROM notes ORDER BY rowid", [])
        return Response(200, {}, "".join(f"- {row.values[0].value}\n" for row in notes.rows).encode())
