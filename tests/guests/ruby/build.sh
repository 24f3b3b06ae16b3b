#!/usr/bin/env bash
# Ruby as a command for WAGI, which runs the script its arguments name: build.sh OUT.wasm
#
# The registries have Ruby for WASI only as a library for JavaScript hosts. Its imports of them are
# given stubs, and start.wat starts it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v npm >/dev/null || { echo "NO TOOL: npm" >&2; exit 77; }
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @ruby/3.4-wasm-wasi@2.10.1 binaryen@132.0.0 >&2 ||
  { echo "NO TOOL: Ruby and binaryen from npm" >&2; exit 77; }
ruby=node_modules/@ruby/3.4-wasm-wasi/dist/ruby.wasm
python3 "$here/stubs.py" "$ruby"
features=(bulk-memory sign-ext nontrapping-float-to-int mutable-globals multivalue reference-types)
node node_modules/binaryen/bin/wasm-merge "$ruby" ruby rb-js-abi-host.wat rb-js-abi-host \
  canonical_abi.wat canonical_abi "$here/start.wat" start --rename-export-conflicts "${features[@]/#/--enable-}" -o "$1"
rm -rf node_modules
