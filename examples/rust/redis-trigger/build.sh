#!/usr/bin/env bash
# Compiles the component of this example; `./dev up examples/rust/redis-trigger` does it for you.
exec "$(dirname "${BASH_SOURCE[0]}")/../build.sh" redis-trigger
