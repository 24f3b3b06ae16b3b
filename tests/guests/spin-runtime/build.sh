#!/usr/bin/env bash
# A component of Spin's runtime tests: build.sh SUITE WORKSPACE COMPONENT OUT.wasm
#
# WORKSPACE is made once: the components that the runtime tests name, and what they share, where their
# sources look for it. The lock file is the suite's.
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
suite=$1 workspace=$2 component=$3 out=$4
components=tests/test-components/components
if [ ! -d "$workspace" ]; then
  mkdir -p "$(dirname "$workspace")"
  part=$(mktemp -d "$workspace.XXXXXX")
  mkdir -p "$part/$components"
  cp -r "$suite/wit" "$part"
  cp -r "$suite/tests/test-components/helper" "$part/tests/test-components"
  members=$(sed -n 's/.*%{source=\(.*\)}.*/\1/p' "$suite"/tests/runtime-tests/tests/*/spin.toml | sort -u)
  for member in $members; do cp -r "$suite/$components/$member" "$part/$components"; done
  cp "$suite/$components/Cargo.lock" "$part/$components"
  chmod -R u+w "$part"
  {
    printf '[workspace]\nresolver = "2"\nmembers = ["*"]\nexclude = ["target"]\n'
    sed -n '/^\[workspace.dependencies\]/,/^$/p' "$suite/$components/Cargo.toml"
    sed -n '/^\[profile/,$p' "$rust_sources/Cargo.toml"
  } >"$part/$components/Cargo.toml"
  mv "$part" "$workspace"
fi
rust_workspace=$workspace/$components
rust_unlocked=yes # the suite's lock file also has what its other components need
package=$(sed -n 's/^name = "\(.*\)"/\1/p' "$rust_workspace/$component/Cargo.toml" | head -n1)
rust_wasm wasm32-wasip1 "$package" "$out"
