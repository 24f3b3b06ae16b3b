// Hello and events in JavaScript, over the bindings of wasi:http@0.3.0.
import types from "wasi:http/types@0.3.0";

const bytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const done = () => Promise.resolve({ tag: "ok", val: null });

function answer(body) {
  const [response] = types.Response.new(new types.Fields(), body, done());
  return response;
}

export const handler = {
  async handle(request) {
    const path = request.getPathWithQuery();
    if (path === "/events") {
      return answer((async function* () {
        for (let i = 0; i < 3; i++) yield bytes(`data: ${i}\n\n`);
      })());
    }
    return answer((async function* () { yield bytes(`hello from JavaScript: ${path}`); })());
  },
};
