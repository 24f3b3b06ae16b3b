// componentize.mjs SOURCE.js WIT OUT.wasm: JavaScript with a fetch event as a component.
import { componentize } from "@bytecodealliance/componentize-js";
import { readFile, writeFile } from "node:fs/promises";

const [source, wit, out] = process.argv.slice(2);
const made = await componentize(await readFile(source, "utf8"), {
  sourceName: "app.js",
  witPath: wit,
  worldName: "hello",
});
await writeFile(out, made.component);
