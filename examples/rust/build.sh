#!/usr/bin/env bash
# Compiles one of these examples, with Debian's Rust: build.sh NAME. With a Rust that has the target,
# `cargo build --release --target wasm32-wasip1` does the same.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/guests/rust.sh
. "$here/../../tests/guests/rust.sh"
rust_workspace=$here
rust_wasm wasm32-wasip1 "$1" "${2:-$here/$1/$1.wasm}"
