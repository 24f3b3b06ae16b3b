#!/usr/bin/env bash
# Makes a component of one of these examples: build.sh NAME [OUT.wasm]. The tools are componentize-py and the Spin SDK
# from the package index; they and what was built are kept in ${XDG_CACHE_HOME:-~/.cache}/whorl.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
name=$1 out=$(realpath -m "${2:-$here/$1/$1.wasm}")
cache=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/whorl}
packages=(componentize-py==0.17.2 spin-sdk==3.4.1)

key=$({ echo "${packages[@]}"; cat "$here/$name/app.py" "$here"/redis-trigger/*.wit; } | sha256sum | cut -c1-32)
made=$cache/guests/$key.wasm
if [ ! -f "$made" ]; then
  tools=$cache/componentize-py-0.17.2
  mkdir -p "$cache/guests"
  if [ ! -x "$tools/bin/componentize-py" ]; then
    python3 -m venv "$tools"
    "$tools/bin/pip" -q install "${packages[@]}" >&2 || { echo "NO TOOL: ${packages[*]} from the package index" >&2; exit 77; }
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$here/$name/app.py" "$work"
  world=(-w spin-http)
  if [ "$name" = redis-trigger ]; then
    # The SDK knows services over HTTP only: the world is ours.
    mkdir -p "$work/wit/deps"
    cp "$here/$name/world.wit" "$work/wit"
    cp -r "$root/wit/fermyon/spin@2.0.0" "$work/wit/deps/spin2"
    mkdir "$work/wit/deps/spin1"
    cp "$here/$name/inbound-redis.wit" "$work/wit/deps/spin1"
    world=(-d wit -w trigger)
  else
    export VIRTUAL_ENV=$tools # the environment in whose packages it looks
  fi
  (cd "$work" && "$tools/bin/componentize-py" "${world[@]}" componentize app -o app.wasm) >&2
  mv "$work/app.wasm" "$made.$$"
  mv "$made.$$" "$made"
fi
cp "$made" "$out"
