#!/usr/bin/env bash
# A service of an old wit-bindgen, as the bare core module that it makes: build.sh b8|b13 OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/guests/rust.sh
. "$here/../rust.sh"
# The interfaces are those of the tree, beside the world.
cp -r "$here" workspace
deps=workspace/b13/wit/deps wit=$here/../../../wit/fermyon
mkdir -p $deps/{spin,spin2}
cp "$wit"/spin/{http-types,inbound-http}.wit $deps/spin/
cp "$wit"/spin@2.0.0/key-value.wit $deps/spin2/
rust_workspace=$PWD/workspace
rust_wasm wasm32-wasip1 "$1" "$2"
