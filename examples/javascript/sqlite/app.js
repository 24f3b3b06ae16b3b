// Keeps what is posted, and lists it.
import { Connection } from "fermyon:spin/sqlite@2.0.0";

async function handle(request) {
  const database = Connection.open("default");
  database.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)", []);
  if (request.method === "POST") {
    database.execute("INSERT INTO notes VALUES (?)", [{ tag: "text", val: await request.text() }]);
  }
  const { rows } = database.execute("SELECT text FROM notes ORDER BY rowid", []);
  return new Response(rows.map((row) => `- ${row.values[0].val}\n`).join(""));
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
