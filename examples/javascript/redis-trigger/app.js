// Counts the messages of the channel `jobs` under the key `handled` of the same server.
import { Connection } from "fermyon:spin/redis@2.0.0";
import { get } from "fermyon:spin/variables@2.0.0";

export const inboundRedis = {
  handleMessage(message) {
    console.log(new TextDecoder().decode(message));
    Connection.open(`redis://${get("server")}`).incr("handled");
  },
};
