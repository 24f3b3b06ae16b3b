#!/usr/bin/env bash
# A component made of TypeScript: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
# shellcheck source=tests/guests/javascript.sh
. "$here/../javascript.sh"
install_componentize typescript@5.9.3
cp "$here/../componentize.mjs" "$here/app.ts" .
node node_modules/typescript/bin/tsc --target es2022 --module es2022 --lib es2022,webworker app.ts
node componentize.mjs app.js wit "$1"
rm -rf node_modules
