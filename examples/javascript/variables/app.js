// Greets as it is configured: `whorl up --variable greeting=Hi`.
import { get } from "fermyon:spin/variables@2.0.0";

async function handle() {
  return new Response(`${get("greeting")}\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
