#!/usr/bin/env bash
# A Rust command for WAGI, without crates: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rustc=${WHORL_RUSTC:-rustc}
command -v "$rustc" >/dev/null || { echo "NO TOOL: rustc" >&2; exit 77; }
[ -d "$("$rustc" --print target-libdir --target wasm32-wasip2)" ] ||
  { echo "NO TOOL: the std of wasm32-wasip2 (rustup target add wasm32-wasip2)" >&2; exit 77; }
"$rustc" --edition 2021 --target wasm32-wasip2 -C opt-level=s -C strip=symbols -o "$1" "$here/../rust-wasip1/main.rs"
