#!/usr/bin/env bash
# A Python component: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python3 -m venv venv
venv/bin/pip -q install componentize-py==0.17.2 spin-sdk==3.4.1 >&2 ||
  { echo "NO TOOL: componentize-py and spin-sdk from PyPI" >&2; exit 77; }
cp "$here/app.py" .
# It finds the packages of the environment that is active.
# shellcheck disable=SC1091  # made two lines above
. venv/bin/activate
componentize-py -w spin-http componentize app -o "$1"
rm -rf venv
