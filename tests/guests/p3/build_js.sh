#!/usr/bin/env bash
# Builds the JavaScript guest of WASI 0.3 on QuickJS: build_js.sh OUTPUT.wasm
#
# Needs Node 20 or later and a folder, named by WHORL_NODE_MODULES, with a package of the npm registry:
#   npm install --prefix "$WHORL_NODE_MODULES" componentize-qjs@0.4.5
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/wit/deps"
for package in clocks http; do
  cp -r "$here/../../../wit/wasi/$package@0.3.0" "$work/wit/deps/$package"
done
printf 'package whorl:guests;\nworld hello { import wasi:http/types@0.3.0; export wasi:http/handler@0.3.0; }\n' \
  > "$work/wit/world.wit"
"${WHORL_NODE_MODULES:?names no folder}/node_modules/.bin/componentize-qjs" \
  --wit "$work/wit" --js "$here/js/app.js" -n hello -o "$output" > /dev/null
