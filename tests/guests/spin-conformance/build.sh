#!/usr/bin/env bash
# A component of Spin's conformance suite: build.sh SUITE WORKSPACE COMPONENT OUT.wasm
#
# WORKSPACE is made once: the suite's components and what they share, without the runner of the suite and
# its dependencies. The suite's lock file says the versions.
set -euo pipefail
# shellcheck source=tests/guests/rust.sh
. "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/rust.sh"
suite=$1 workspace=$2 component=$3 out=$4
if [ ! -d "$workspace" ]; then
  mkdir -p "$(dirname "$workspace")"
  part=$(mktemp -d "$workspace.XXXXXX")
  cp -r "$suite"/{Cargo.lock,components,wit} "$part"
  mkdir "$part/crates"
  cp -r "$suite/crates/helper" "$part/crates"
  chmod -R u+w "$part"
  sed -n '/^\[workspace.dependencies\]/,$p' "$suite/Cargo.toml" >"$part/Cargo.toml"
  printf '[workspace]\nmembers = ["components/*", "crates/*"]\nresolver = "2"\n' >>"$part/Cargo.toml"
  sed -n '/^\[profile/,$p' "$rust_sources/Cargo.toml" >>"$part/Cargo.toml"
  mv "$part" "$workspace"
fi
rust_workspace=$workspace
rust_unlocked=yes # the suite's lock file also has what its runner needs
package=$(sed -n 's/^name = "\(.*\)"/\1/p' "$workspace/components/$component/Cargo.toml" | head -n1)
rust_wasm wasm32-unknown-unknown "$package" "$out"
