#!/usr/bin/env bash
# A Zig command for WAGI: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python3 -m venv venv
venv/bin/pip -q install ziglang==0.17.0 >&2 ||
  { echo "NO TOOL: ziglang from PyPI" >&2; exit 77; }
cp "$here/main.zig" .
ZIG_GLOBAL_CACHE_DIR=$PWD/cache venv/bin/python -m ziglang build-exe -O ReleaseSmall -target wasm32-wasi \
  -femit-bin="$1" main.zig
rm -rf venv cache
