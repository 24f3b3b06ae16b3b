#!/usr/bin/env bash
# A Rust command for WAGI, as a core module: build.sh OUT.wasm
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
rust_wasm wasm32-wasip1 command "$1"
