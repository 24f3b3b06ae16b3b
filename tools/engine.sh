#!/usr/bin/env bash
# Builds the engine (third_party/wasmtime) once and keeps it outside the tree, by content.
#
#   tools/engine.sh path     prints the folder of the built engine (built or not)
#   tools/engine.sh build    builds it if it is not there; progress on stderr
#   tools/engine.sh toolchain  prints the Rust compiler that would be used, fails if there is none
#
# The folder's name is a digest of everything that decides the result: the crate's manifest, lock
# file and source, and the compiler's version. lib/libwhorl_engine.a and include/ are in it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
crate=$root/third_party/wasmtime
cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}/engine

say() { printf 'engine: %s\n' "$*" >&2; }

# A Rust toolchain that can build the crate: rustup's if it is recent enough, else Debian's
# rustc-web and cargo-web, whose programs are /usr/bin/rustc and /usr/bin/cargo.
need=1.95.0
recent() { # recent RUSTC: true if that compiler is at least $need
  local have
  have=$("$1" --version 2>/dev/null | awk '{print $2}') || return 1
  [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -n1)" = "$need" ]
}
pick_toolchain() {
  if command -v cargo >/dev/null && command -v rustc >/dev/null && recent rustc; then
    RUSTC=$(command -v rustc) CARGO=$(command -v cargo)
  elif [ -x /usr/bin/cargo ] && recent /usr/bin/rustc; then
    RUSTC=/usr/bin/rustc CARGO=/usr/bin/cargo
  else
    say "no Rust toolchain of at least $need found; ./dev setup installs Debian's rustc-web and cargo-web"
    exit 1
  fi
  export RUSTC
}

key() {
  { cat "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate/src/lib.rs"; "$RUSTC" --version; uname -m; } |
    sha256sum | cut -c1-16
}

write_conf_header() { # write_conf_header TEMPLATE OUT: the C API's feature macros from our feature list
  local features
  features=$(awk '/^features = \[/{on=1;next} on&&/^\]/{exit} on{gsub(/[", ]/,"");print toupper($0)}' "$crate/Cargo.toml" | tr - _)
  while IFS= read -r line; do
    case $line in
      '#cmakedefine '*)
        name=${line#'#cmakedefine '}
        if grep -qx "${name#WASMTIME_FEATURE_}" <<<"$features"; then echo "#define $name"; else echo "/* #undef $name */"; fi ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$1" >"$2"
}

pick_toolchain
[ "${1:-}" != toolchain ] || { echo "$RUSTC"; exit; }
dir=$cache/$(key)
case ${1:-} in
  path) echo "$dir"; exit ;;
  build) ;;
  *) echo "usage: tools/engine.sh path|build|toolchain" >&2; exit 2 ;;
esac
[ -f "$dir/lib/libwhorl_engine.a" ] && { say "ready in $dir"; exit; }

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[ -f "$dir/lib/libwhorl_engine.a" ] && { say "ready in $dir"; exit; }
say "compiling Wasmtime with $("$RUSTC" --version); about 5 minutes on 2 cores, once per machine"
start=$SECONDS
target=${WHORL_ENGINE_TARGET_DIR:-$cache/target}
(cd "$crate" && CARGO_TARGET_DIR=$target "$CARGO" build --release --locked 1>&2)
source_dir=$(cd "$crate" && "$CARGO" metadata --locked --format-version 1 --filter-platform "$("$RUSTC" -vV | sed -n "s/^host: //p")" |
  python3 -c 'import json,sys,os; print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"]=="wasmtime-c-api-impl"))')
rm -rf "$dir.part"
mkdir -p "$dir.part/lib"
cp -r "$source_dir/include" "$dir.part/include"
write_conf_header "$source_dir/include/wasmtime/conf.h.in" "$dir.part/include/wasmtime/conf.h"
cp "$target/release/libwhorl_engine.a" "$dir.part/lib/"
rm -rf "$dir"
mv "$dir.part" "$dir"
rm -rf "$target"
say "built in $((SECONDS - start)) s: $dir"
