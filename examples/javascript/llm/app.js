// Has a language model answer what is posted; runtime-config.toml says where it is.
import { infer } from "fermyon:spin/llm@2.0.0";

async function handle(request) {
  const { text } = infer("llama2-chat", await request.text(), undefined);
  return new Response(`${text}\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
