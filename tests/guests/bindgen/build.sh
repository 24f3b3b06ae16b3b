#!/usr/bin/env bash
# A service of an old wit-bindgen, as the bare core module that it makes: build.sh b6|…|b13 OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/guests/rust.sh
. "$here/../rust.sh"
# The interfaces are those of the tree, beside the world; the older parsers know no semicolons.
cp -r "$here" workspace
wit=$here/../../../wit
mkdir -p workspace/{b13/wit,resources}/deps/{spin,store}
cp "$wit"/fermyon/spin/{http-types,inbound-http}.wit workspace/b13/wit/deps/spin/
cp "$wit"/fermyon/spin@2.0.0/key-value.wit workspace/b13/wit/deps/store/
cp "$wit"/fermyon/spin/{http-types,inbound-http}.wit workspace/resources/deps/spin/
cp "$wit"/wasi/keyvalue@0.2.0-draft2/store.wit workspace/resources/deps/store/
sed -i 's/;$//' workspace/resources/deps/*/*.wit
rust_workspace=$PWD/workspace
rust_wasm wasm32-wasip1 "$1" "$2"
