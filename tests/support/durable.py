"""An application that keeps state in each embedded store, clients that write to it through guests, and a look at what
of it is in the files.

    app = durable.make(folder); client = durable.Client(server, number, seed)
    client.run(until)            # writes and notes what was acknowledged, until the server is gone
    durable.check(folder, [client, …])
"""

from __future__ import annotations

import dataclasses
import pathlib
import random
import shutil
import sqlite3

import whorl

MANIFEST = """
[[trigger.http]]
route = "/..."
component = "stores"
[[trigger.http]]
route = "/v2/default"
component = "sql"
[component.stores]
source = "stores.wasm"
key_value_stores = ["default"]
[component.sql]
source = "sql.wasm"
sqlite_databases = ["default"]
"""
KEY_VALUE = ".spin/sqlite_key_value.db"
SQLITE = ".spin/sqlite_db.db"
KEYS = 200  # of each client and store: they are written again and again


def make(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("stores", "sql"):
        shutil.copy(whorl.guest(name), folder / f"{name}.wasm")
    return whorl.manifest(folder, MANIFEST)


@dataclasses.dataclass(frozen=True)
class Write:
    """One write: a key of one of the stores gets a value that no other write gives it."""

    store: str  # "kv" or "sql"
    key: str
    value: str

    def send(self, connection: whorl.Connection) -> str:
        """What the guest says: "ok" for a key-value store, "" for a database, else an error."""
        if self.store == "kv":
            connection.request("POST", f"/v2/set/default/{self.key}", body=self.value.encode())
        else:
            connection.request("POST", "/v2/default", body=f"INSERT OR REPLACE INTO t VALUES('{self.key}', '{self.value}')".encode())
        response = connection.response("POST")
        if response.status != 200 or not response.complete:
            raise whorl.Cut(response.body)
        return response.body.decode().strip()

    @property
    def done(self) -> str:
        return "ok" if self.store == "kv" else ""

    def to_text(self) -> str:
        return f"{self.store} {self.key} {self.value}"

    @staticmethod
    def from_text(text: str) -> Write:
        return Write(*text.split(" ", 2))


def create_table(server: whorl.Server) -> None:
    answer = server.post("/v2/default", b"CREATE TABLE IF NOT EXISTS t(key TEXT PRIMARY KEY, value TEXT)")
    assert (answer.status, answer.body.strip()) == (200, b""), (answer.body, server.err.text)


class Client:
    """Writes to one store, one write after the other."""

    def __init__(self, store: str, number: int, seed: int, largest: int = 3000) -> None:
        self.store, self.number, self.largest = store, number, largest
        self._random = random.Random(f"{seed} {store} {number}")
        self._count = 0
        self.acknowledged: dict[str, str] = {}  # by key: what was last acknowledged
        self.unknown: dict[str, set[str]] = {}  # by key: what may have been written since, nobody knows
        self.total = 0

    def next(self) -> Write:
        self._count += 1
        size = self._random.choice((1, 40, 400, self.largest))
        return Write(self.store, f"{self.number}-{self._count % KEYS}", f"{self._count}." + "x" * size)

    def step(self, connection: whorl.Connection) -> Write | None:
        """One write. @return it, when it was acknowledged; errors: Cut, OSError"""
        write = self.next()
        self.unknown.setdefault(write.key, set()).add(write.value)
        answer = write.send(connection)
        if answer != write.done:
            return None
        self.note(write)
        return write

    def note(self, write: Write) -> None:
        self.acknowledged[write.key] = write.value
        self.unknown.pop(write.key, None)
        self.total += 1

    def run(self, server: whorl.Server, told) -> None:
        """Writes until the server is gone. @param told  called with each write that was acknowledged"""
        try:
            with server.connect() as connection:
                while True:
                    if write := self.step(connection):
                        told(write)
        except (whorl.Cut, OSError, ValueError):  # a head may be cut too
            return

    def check(self, found: dict[str, str], where: str) -> None:
        for key, value in self.acknowledged.items():
            here = found.get(key)
            assert here == value or here in self.unknown.get(key, ()), f"{where}: {self.store} {key} is {str(here)[:20]}, not {value[:20]}"


def contents(store: str, file: pathlib.Path) -> dict[str, str]:
    """All pairs in a file, which is sound. Opening it recovers it, as the program does."""
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], file
        table = "spin_key_value" if store == "kv" else "t"
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            found = {}
        elif store == "kv":
            found = {key: value.decode() for key, value in database.execute("SELECT key, value FROM spin_key_value")}
        else:
            found = dict(database.execute("SELECT key, value FROM t"))
    database.close()
    return found
