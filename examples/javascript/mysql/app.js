// Says a word as often as it is asked, by a MySQL or MariaDB server: /ab/3.
import { Connection } from "fermyon:spin/mysql@2.0.0";
import { get } from "fermyon:spin/variables@2.0.0";

async function handle(request) {
  const [word, times] = new URL(request.url).pathname.split("/").slice(1);
  const database = Connection.open(`mysql://${get("server")}`);
  const { rows } = database.query("SELECT repeat(?, ?)", [
    { tag: "str", val: word },
    { tag: "int32", val: Number(times || 1) },
  ]);
  return new Response(`${rows[0][0].val}\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
