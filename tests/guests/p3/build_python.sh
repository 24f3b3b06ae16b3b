#!/usr/bin/env bash
# Builds the Python guest of WASI 0.3: build_python.sh OUTPUT.wasm
#
# Needs a virtual environment, named by WHORL_PYTHON, with these packages of the Python index:
#   python3 -m venv "$WHORL_PYTHON" && "$WHORL_PYTHON/bin/pip" install componentize-py==0.25.1 spin-sdk==5.0.0
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=$(realpath -m "$1")
cd "$here/python"
export VIRTUAL_ENV=${WHORL_PYTHON:?names no virtual environment}
"$VIRTUAL_ENV/bin/componentize-py" -w spin:up/http-trigger@4.1.0 componentize app -o "$output" > /dev/null
