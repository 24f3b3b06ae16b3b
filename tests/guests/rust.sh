# shellcheck shell=bash
# Rust for WebAssembly without rustup's targets: Debian's rustc-web builds the standard library from
# rust-web-src, on Debian's wasi-libc. What was built is kept in the cache, so that the first crate of a
# target takes about a minute more than the next.
#   rust_wasm TARGET PACKAGE OUT.wasm    builds a member of tests/guests/rust, or of $rust_workspace (and
#                                        then not as locked, when $rust_unlocked is set)
rust_cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}/rust
rust_sources=$(cd "$(dirname "${BASH_SOURCE[0]}")/rust" && pwd)

# The program NAME of the crate registry at VERSION, built once into the cache.
rust_tool() { # rust_tool CRATE VERSION PROGRAM [CARGO_ARGUMENT…]
  local root=$rust_cache/$1-$2
  if [ ! -x "$root/bin/$3" ]; then
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_LTO=off \
      CARGO_TARGET_DIR=$rust_cache/tools cargo install --quiet --root "$root" --locked "$1@$2" "${@:4}" >&2 ||
      { echo "NO TOOL: $1 $2 from the crate registry" >&2; exit 77; }
  fi
  printf '%s/bin' "$root"
}

rust_wasm() {
  local target=$1 package=$2 out=$3 tool
  for tool in /usr/bin/rustc /usr/bin/cargo wasm-ld-19; do
    command -v "$tool" >/dev/null || { echo "NO TOOL: $tool (packages rustc-web, cargo-web, lld-19)" >&2; exit 77; }
  done
  [ -f "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/std/Cargo.toml" ] ||
    { echo "NO TOOL: the source of Rust's standard library (package rust-web-src)" >&2; exit 77; }
  [ -f /usr/lib/wasm32-wasi/libc.a ] || { echo "NO TOOL: wasi-libc" >&2; exit 77; }
  mkdir -p "$rust_cache/bin"
  ln -sf "$(command -v wasm-ld-19)" "$rust_cache/bin/wasm-ld" # by this name wasm-component-ld calls it
  local path=$rust_cache/bin:$PATH start=crt1-reactor.o
  [ "$target" != wasm32-wasip2 ] || path=$(rust_tool wasm-component-ld 0.5.31 wasm-component-ld):$path
  local lock=(--locked)
  [ -z "${rust_unlocked:-}" ] || lock=()
  local kind=(--lib) made=${package//-/_}.wasm link=()
  if [ -f "${rust_workspace:-$rust_sources}/$package/src/main.rs" ]; then
    kind=(--bins) made=$package.wasm start=crt1-command.o
  fi
  # Debian's C library is not where rustc looks for its own. What is said in RUSTFLAGS goes into the
  # fingerprint of the standard library, so it holds nothing that differs between crates.
  if [ "$target" != wasm32-unknown-unknown ]; then
    link=(-C "link-arg=/usr/lib/wasm32-wasi/$start")
    export RUSTFLAGS="-C link-self-contained=no -L native=/usr/lib/wasm32-wasi"
  fi
  PATH=$path RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 \
    CARGO_TARGET_DIR=${rust_target_dir:-$rust_cache/target} \
    CARGO_TARGET_WASM32_WASIP1_LINKER=wasm-ld-19 CARGO_TARGET_WASM32_WASIP2_LINKER=wasm-component-ld \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-19 \
    /usr/bin/cargo rustc --quiet "${lock[@]}" -Zbuild-std=std,panic_abort --release --target "$target" \
    --manifest-path "${rust_workspace:-$rust_sources}/Cargo.toml" --package "$package" "${kind[@]}" -- "${link[@]}" >&2
  cp "${rust_target_dir:-$rust_cache/target}/$target/release/$made" "$out"
}
