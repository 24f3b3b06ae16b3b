#!/usr/bin/env bash
# A service of WASI 0.3.2 with the bindings of the crate wasip3: build.sh OUT.wasm
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
rust_wasm wasm32-wasip2 wasi3 "$1"
