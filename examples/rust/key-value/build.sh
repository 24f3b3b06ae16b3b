#!/usr/bin/env bash
# Compiles the component of this example; `./dev up examples/rust/key-value` does it for you.
exec "$(dirname "${BASH_SOURCE[0]}")/../build.sh" key-value
