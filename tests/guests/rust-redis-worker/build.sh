#!/usr/bin/env bash
# A handler of Redis messages with the Spin SDK 5 for Rust that takes 5 ms: build.sh OUT.wasm
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
rust_wasm wasm32-wasip2 redis-worker "$1"
