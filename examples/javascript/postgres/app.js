// Adds up two numbers in a PostgreSQL server: /40/2.
import { Connection } from "fermyon:spin/postgres@2.0.0";
import { get } from "fermyon:spin/variables@2.0.0";

async function handle(request) {
  const [first, second] = new URL(request.url).pathname.split("/").slice(1);
  const database = Connection.open(`postgres://postgres@${get("server")}/postgres`);
  const numbers = [first, second].map((text) => ({ tag: "int64", val: BigInt(text || 0) }));
  const { rows } = database.query("SELECT $1::int8 + $2::int8", numbers);
  return new Response(`${rows[0][0].val}\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
