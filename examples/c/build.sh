#!/usr/bin/env bash
# Compiles one of these examples: build.sh NAME [OUT.wasm]. HTTP is the library in sdk/c; the bindings of the
# capabilities are made by wit-bindgen from the interfaces in wit/, and kept in ${XDG_CACHE_HOME:-~/.cache}/whorl.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
name=$1 out=${2:-$here/$1/$1.wasm}
cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}

tools=${WHORL_TOOLS:-$cache/component-tools}
[ -x "$tools/bin/wit-bindgen" ] ||
  cargo install --quiet --root "$tools" --locked wit-bindgen-cli@0.63.0 --no-default-features --features c,async >&2 ||
  { echo "NO TOOL: wit-bindgen-cli from the crate registry" >&2; exit 77; }

world=$here/world.wit packages=("fermyon/spin@2.0.0")
[ "$name" != outbound-http ] || world=$here/$name/world.wit packages=("fermyon/spin" "wasi/config@0.2.0-draft-2024-09-27")
key=$(cd "$root/wit" && { cat "$world"; find "${packages[@]}" -name '*.wit' | sort | xargs cat; } | sha256sum | cut -c1-16)
bindings=$cache/guests/c-bindings-$key
if [ ! -d "$bindings" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/wit/deps" "$cache/guests"
  cp "$world" "$work/wit"
  for package in "${packages[@]}"; do
    cp -r "$root/wit/$package" "$work/wit/deps/$(basename "$package")"
  done
  "$tools/bin/wit-bindgen" c "$work/wit" --world example --out-dir "$work/bindings" >/dev/null 2>&1
  # What makes a component of the module, at the end, is left out: Whorl takes the module as it is.
  sed -i '/__component_type_object_force_link_example/,$d' "$work/bindings/example.c"
  mv -T "$work/bindings" "$bindings" 2>/dev/null || [ -d "$bindings" ]
fi

# The library has the function that lifts results, under another name of its own.
flags=(-I "$bindings" -I "$here/libc" -Dcabi_realloc=whorl_cabi_realloc -Wno-unused-parameter)
[ "$name" != redis-trigger ] || flags+=(-DWHORL_NO_ENTRY)
exec "$root/sdk/c/build.sh" "$here/$name/main.c" "$out" "${flags[@]}" "$bindings/example.c"
