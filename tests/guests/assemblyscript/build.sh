#!/usr/bin/env bash
# An AssemblyScript command for WAGI: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v npm >/dev/null || { echo "NO TOOL: npm" >&2; exit 77; }
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund assemblyscript@0.28.20 @assemblyscript/wasi-shim@0.1.0 >&2 ||
  { echo "NO TOOL: assemblyscript from npm" >&2; exit 77; }
cp "$here/index.ts" .
echo '{"extends": "./node_modules/@assemblyscript/wasi-shim/asconfig.json", "options": {"exportStart": "_start"}}' >asconfig.json
node node_modules/assemblyscript/bin/asc.js index.ts -o "$1" --optimizeLevel 2
rm -rf node_modules
