#!/usr/bin/env bash
# A C++ command for WAGI, without the standard library's compiled part: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in clang++-19 wasm-ld-19; do
  command -v "$tool" >/dev/null || { echo "NO TOOL: $tool" >&2; exit 77; }
done
[ -f /usr/lib/wasm32-wasi/libc.a ] || { echo "NO TOOL: wasi-libc" >&2; exit 77; }
clang++-19 --target=wasm32-wasi --sysroot=/usr -fuse-ld="$(command -v wasm-ld-19)" -Oz -Wl,--strip-all \
  -std=c++20 -fno-exceptions -fno-rtti -nostdlib++ -o "$1" "$here/main.cc"
