#!/usr/bin/env bash
# A component made of JavaScript: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
# shellcheck source=tests/guests/javascript.sh
. "$here/../javascript.sh"
# shellcheck disable=SC2119  # no further packages
install_componentize
cp "$here/../componentize.mjs" "$here/app.js" .
node componentize.mjs app.js wit "$1"
rm -rf node_modules
