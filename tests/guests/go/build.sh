#!/usr/bin/env bash
# A command of stock Go for WAGI: build.sh OUT.wasm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v go >/dev/null || { echo "NO TOOL: go" >&2; exit 77; }
cp "$here/main.go" .
GOOS=wasip1 GOARCH=wasm GOFLAGS=-mod=mod go build -p 1 -ldflags='-s -w' -o "$1" main.go
