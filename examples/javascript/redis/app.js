// Counts requests in a Redis server.
import { Connection } from "fermyon:spin/redis@2.0.0";
import { get } from "fermyon:spin/variables@2.0.0";

async function handle(request) {
  const { pathname } = new URL(request.url);
  const redis = Connection.open(`redis://${get("server")}`);
  const count = redis.incr(pathname);
  redis.publish("asked", new TextEncoder().encode(pathname));
  return new Response(`${pathname} was asked for ${count} times\n`);
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
