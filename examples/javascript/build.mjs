// build.mjs SOURCE.js WIT WORLD OUT.wasm: a component of a world.
import { componentize } from "@bytecodealliance/componentize-js";
import { readFile, writeFile } from "node:fs/promises";

const [source, wit, world, out] = process.argv.slice(2);
const made = await componentize(await readFile(source, "utf8"), { sourceName: "app.js", witPath: wit, worldName: world });
await writeFile(out, made.component);
