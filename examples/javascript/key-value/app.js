// Counts the requests for each path, durably.
import { Store } from "fermyon:spin/key-value@2.0.0";

async function handle(request) {
  const { pathname } = new URL(request.url);
  const store = Store.open("default");
  const before = store.get(pathname);
  const count = (before ? Number(new TextDecoder().decode(before)) : 0) + 1;
  store.set(pathname, new TextEncoder().encode(String(count)));
  return new Response(`${pathname} was asked for ${count} times\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
