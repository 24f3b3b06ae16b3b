#!/usr/bin/env bash
# Compiles the component of this example; `./dev up examples/visits` does it for you.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec "$here/../../sdk/c/build.sh" "$here/main.c" "$here/visits.wasm"
