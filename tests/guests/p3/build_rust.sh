#!/usr/bin/env bash
# Builds the Rust guest of WASI 0.3: build_rust.sh OUTPUT.wasm
#
# Needs a Rust compiler with a standard library for wasm32-wasip2, or its source to build one (Debian:
# rustc-web, cargo-web, rust-web-src), wasi-libc, lld-19, and wasm-component-ld from the crate registry
# in $WHORL_TOOLS/bin:
#   cargo install --root "$WHORL_TOOLS" --locked wasm-component-ld@0.5.31
# RUSTC and CARGO choose the compiler; the first build of the standard library takes some minutes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$(command -v wasm-ld-19)" "$work/bin/wasm-ld"
export PATH="$work/bin:${WHORL_TOOLS:?names no folder}/bin:$PATH"
export RUSTC=${RUSTC:-/usr/bin/rustc} RUSTC_BOOTSTRAP=1
export CARGO_TARGET_WASM32_WASIP2_LINKER=wasm-component-ld
libraries=$("$RUSTC" --print sysroot)/lib/rustlib/wasm32-wasip2/lib
flags=()
if [ ! -d "$libraries" ] || ! ls "$libraries"/libstd-*.rlib > /dev/null 2>&1; then
  flags+=("-Zbuild-std=std,panic_abort")
  export RUSTFLAGS="-C link-self-contained=no -L native=/usr/lib/wasm32-wasi -C link-arg=/usr/lib/wasm32-wasi/crt1-reactor.o"
fi
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target}
"${CARGO:-/usr/bin/cargo}" build "${flags[@]}" --release --target wasm32-wasip2 --manifest-path "$here/rust/Cargo.toml"
cp "$CARGO_TARGET_DIR/wasm32-wasip2/release/guest.wasm" "$output"
