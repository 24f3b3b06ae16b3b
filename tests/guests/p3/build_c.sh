#!/usr/bin/env bash
# Builds a C guest of WASI 0.3: build_c.sh multi3|middleware3|stores3|hostile3|inbound3 OUTPUT.wasm
#
# Needs clang-19, lld-19 and wasi-libc (Debian), and from the crate registry wit-bindgen and wasm-tools,
# looked for in $WHORL_TOOLS/bin and in PATH:
#   cargo install --root "$WHORL_TOOLS" --locked wit-bindgen-cli@0.63.0 --no-default-features --features c,async
#   cargo install --root "$WHORL_TOOLS" --locked wasm-tools@1.263.0 --no-default-features --features component,validate
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=$1
output=$(realpath -m "$2")
[ -n "${WHORL_TOOLS:-}" ] && PATH="$WHORL_TOOLS/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/wit/deps"
cp "$here/c/$name.wit" "$work/wit/world.wit"
for package in cli clocks http; do
  cp -r "$here/../../../wit/wasi/$package@0.3.0" "$work/wit/deps/$package"
done
for package in redis@3.0.0 mysql@3.0.0 mqtt@3.0.0 postgres@4.2.0 sqlite@3.1.0; do
  cp -r "$here/../../../wit/spin/$package" "$work/wit/deps/spin-${package%@*}"
done
wit-bindgen c "$work/wit" --world "$name" --out-dir "$work/gen" > /dev/null
clang-19 --target=wasm32-wasi --sysroot=/usr -fuse-ld=/usr/bin/wasm-ld-19 -mexec-model=reactor \
  -O1 -Wl,--strip-debug -I "$work" -o "$work/core.wasm" \
  "$here/c/$name.c" "$work/gen/$name.c" "$work/gen/${name}_component_type.o"
wasm-tools component new "$work/core.wasm" -o "$output"
