#!/usr/bin/env bash
# No registry has a Ruby for plain WASI: npm's @ruby/3.4-wasm-wasi imports a JavaScript host.
echo "NO TOOL: no Ruby for WASI without a JavaScript host in the registries" >&2
exit 77
