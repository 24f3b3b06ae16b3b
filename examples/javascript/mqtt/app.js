// Publishes what is posted, at the topic that the path says.
import { Connection } from "fermyon:spin/mqtt@2.0.0";
import { get } from "fermyon:spin/variables@2.0.0";

async function handle(request) {
  const topic = new URL(request.url).pathname.slice(1);
  const broker = Connection.open(`mqtt://${get("server")}?client_id=whorl-example`, "", "", 30n);
  broker.publish(topic, new Uint8Array(await request.arrayBuffer()), "at-least-once");
  return new Response("published\n");
}

addEventListener("fetch", (event) => event.respondWith(handle(event.request)));
