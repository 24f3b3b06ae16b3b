// Asks another service, and tells what it answered.
import { get } from "fermyon:spin/variables@2.0.0";

async function handle(request) {
  const url = `http://${get("server")}${new URL(request.url).pathname}`;
  const answer = await fetch(url);
  const body = await answer.arrayBuffer();
  return new Response(`${url} answered ${answer.status} with ${body.byteLength} bytes\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
