#!/usr/bin/env bash
# Compiles a C source that includes whorl.h to a core module that Whorl serves directly.
#
#   sdk/c/build.sh SOURCE.c OUT.wasm [clang flag…]
#
# Only clang-19 and lld-19 are needed. Results are kept by content in ${XDG_CACHE_HOME:-~/.cache}/whorl/guests.
set -euo pipefail
sdk=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -lt 2 ]; then
  echo "usage: sdk/c/build.sh SOURCE.c OUT.wasm [clang flag…]" >&2
  exit 2
fi
source=$1 out=$2
shift 2
clang=${WHORL_CLANG:-clang-19}
command -v "$clang" >/dev/null || { echo "Error: $clang is not installed (Debian package clang-19; ./dev setup up installs it)" >&2; exit 1; }

# Headers beside the source count too; anything else a source includes is its own business to touch.
cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}/guests
key=$({ basename "$out"; cat "$source" "$sdk"/whorl.c "$sdk"/*.h "${BASH_SOURCE[0]}"; find "$(dirname "$source")" -maxdepth 1 -name '*.h' -exec cat {} +
  "$clang" --version; printf '%s\n' "$@"; } | sha256sum | cut -c1-32)
mkdir -p "$(dirname "$out")"
if [ -f "$cache/$key.wasm" ]; then
  cp "$cache/$key.wasm" "$out"
  exit
fi

linker=$(command -v wasm-ld-19) || { echo "Error: wasm-ld-19 is not installed (Debian package lld-19)" >&2; exit 1; }
# The linker names the module after its file; traces show that name.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
part=$work/$(basename "$out")
"$clang" --target=wasm32-unknown-unknown -std=c17 -O2 -Wall -Wextra \
  -ffreestanding -nostdlib -mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals \
  -fuse-ld="$linker" -Wl,--no-entry -Wl,--gc-sections -Wl,--strip-debug -Wl,--stack-first -Wl,-z,stack-size=65536 \
  -I "$sdk" "$@" "$source" "$sdk/whorl.c" -o "$part"
mkdir -p "$cache"
cp "$part" "$cache/$key.$$"
mv "$cache/$key.$$" "$cache/$key.wasm"
cp "$part" "$out"
echo "built $out ($(stat -c %s "$out") bytes)" >&2
