#!/usr/bin/env bash
# A service of WASI 0.2 with the Spin SDK 5 for Rust: build.sh OUT.wasm
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
rust_wasm wasm32-wasip2 sdk5 "$1"
