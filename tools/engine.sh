#!/usr/bin/env bash
# Builds the engine (third_party/wasmtime) once and keeps it outside the tree, by content.
#
#   tools/engine.sh path     prints the folder of the built engine (built or not)
#   tools/engine.sh library  prints the file of the built library, which is in it
#   tools/engine.sh build    builds it if it is not there; progress on stderr
#   tools/engine.sh toolchain  prints the Rust compiler that would be used, fails if there is none
#
# The folder's name is a digest of everything that decides the result: the crate's manifest, lock
# file and sources, and the compiler's version. include/ and lib/ are in it; the library's name is a
# digest of our patches (third_party/wasmtime/patches), which leave the headers as they are.
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
  { cat "$crate/Cargo.toml" "$crate/Cargo.lock" "$crate"/src/*.rs "$crate"/wit/*.wit; "$RUSTC" --version; uname -m; } |
    sha256sum | cut -c1-16
}

# cmake/WhorlEngine.cmake computes the same.
patches_digest() { cat "$crate"/patches/*.patch | sha256sum | cut -c1-16; }
library_name() { echo "libwhorl_engine-$(patches_digest).a"; }

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
library=$dir/lib/$(library_name)
case ${1:-} in
  path) echo "$dir"; exit ;;
  library) echo "$library"; exit ;;
  build) ;;
  *) echo "usage: tools/engine.sh path|library|build|toolchain" >&2; exit 2 ;;
esac
[ -f "$library" ] && { say "ready in $dir"; exit; }

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
[ -f "$library" ] && { say "ready in $dir"; exit; }
say "compiling Wasmtime with $("$RUSTC" --version); about 5 minutes on 2 cores, once per machine"
start=$SECONDS
target=${WHORL_ENGINE_TARGET_DIR:-$cache/target}

package_dir() { # package_dir NAME: the source of a package as the lock file has it, checked by cargo
  (cd "$crate" && "$CARGO" metadata --locked --format-version 1 --filter-platform "$("$RUSTC" -vV | sed -n "s/^host: //p")") |
    python3 -c 'import json,sys,os; print(next(os.path.dirname(p["manifest_path"]) for p in json.load(sys.stdin)["packages"] if p["name"]==sys.argv[1]))' "$1"
}

# Our crate, and beside it those that we change: the first line of each patch names its crate.
# Cargo's lock file is written there once more, since a changed crate has no checksum; all others
# are those of ours, and nothing is downloaded.
rm -rf "$cache/source"
mkdir -p "$cache/source"
cp -rL "$crate" "$cache/source/engine" # L: wit/ is a link
printf '\n[patch.crates-io]\n' >>"$cache/source/engine/Cargo.toml"
for changes in "$crate"/patches/*.patch; do
  name=$(sed -n '1s/^Crate: //p' "$changes")
  [ -n "$name" ] || { say "$changes does not begin with the name of its crate"; exit 1; }
  if [ ! -d "$cache/source/$name" ]; then
    cp -r "$(package_dir "$name")" "$cache/source/$name"
    printf '%s = { path = "../%s" }\n' "$name" "$name" >>"$cache/source/engine/Cargo.toml"
  fi
  patch -d "$cache/source/$name" -p1 --fuzz=0 <"$changes" >&2
done
# The digest is a part of the names under which compiled functions are kept.
(cd "$cache/source/engine" && WHORL_ENGINE_PATCHES=$(patches_digest) CARGO_TARGET_DIR=$target \
  "$CARGO" build --release --offline 1>&2)
source_dir=$(package_dir wasmtime-c-api-impl)
if [ ! -d "$dir" ]; then
  rm -rf "$dir.part"
  mkdir -p "$dir.part/lib"
  cp -r "$source_dir/include" "$dir.part/include"
  write_conf_header "$source_dir/include/wasmtime/conf.h.in" "$dir.part/include/wasmtime/conf.h"
  mv "$dir.part" "$dir"
fi
cp "$target/release/libwhorl_engine.a" "$library.part"
mv "$library.part" "$library"
rm -rf "$target" "$cache/source"
say "built in $((SECONDS - start)) s: $dir"
