#!/usr/bin/env bash
# Makes a component of one of these examples: build.sh NAME [OUT.wasm]. The tool is componentize-js from npm; it and
# what was built are kept in ${XDG_CACHE_HOME:-~/.cache}/whorl.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
name=$1 out=$(realpath -m "${2:-$here/$1/$1.wasm}")
cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}
# shellcheck source=tests/guests/javascript.sh
. "$root/tests/guests/javascript.sh"

world=app
[ "$name" != redis-trigger ] || world=trigger
key=$({ cat "$here/$name/app.js" "$here/world.wit" "$here/build.mjs" "$root"/tests/guests/javascript.sh; cat "$root"/wit/fermyon/spin@2.0.0/*; } |
  sha256sum | cut -c1-32)
made=$cache/guests/$key.wasm
if [ ! -f "$made" ]; then
  tools=$cache/componentize-js-0.23.0
  mkdir -p "$cache/guests"
  if [ ! -d "$tools" ]; then
    work=$(mktemp -d "$cache/guests/tools-XXXXXX")
    # shellcheck disable=SC2119 # no further packages
    (cd "$work" && install_componentize)
    mv -T "$work" "$tools" 2>/dev/null || rm -rf "$work"
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp -r "$tools/wit" "$work/wit"
  rm "$work/wit/hello.wit"
  cp "$here/world.wit" "$work/wit"
  cp -r "$root/wit/fermyon/spin@2.0.0" "$work/wit/deps/spin2"
  cp -r "$here/inbound-redis" "$work/wit/deps/inbound-redis"
  cp "$here/build.mjs" "$tools"
  node "$tools/build.mjs" "$here/$name/app.js" "$work/wit" "$world" "$work/app.wasm" >&2
  mv "$work/app.wasm" "$made.$$"
  mv "$made.$$" "$made"
fi
cp "$made" "$out"
