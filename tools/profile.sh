#!/usr/bin/env bash
# Builds the release program by a profile of its own (docs/adr/0049, "Later").
#
#   tools/profile.sh GUEST.wasm…   builds one that records (build/profile), has each guest answer
#                                  20,000 requests of hey, builds build/release with what was noted
#
# Needs llvm-profdata-19 (Debian: llvm-19), hey and curl. Takes the time of two links and of compiling
# some fifty files twice, once there is a release build.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
record=$root/build/profile
port=3971
[ $# -gt 0 ] || { echo "usage: tools/profile.sh GUEST.wasm…" >&2; exit 2; }

engine=$("$root/tools/engine.sh" path)
cd "$root"
cmake --preset release -B "$record" -DWHORL_ENGINE_DIR="$engine" -DWHORL_PROFILE=record >&2
ninja -C "$record" whorl >&2

rm -rf "$record/raw"
mkdir -p "$record/raw"
export LLVM_PROFILE_FILE=$record/raw/%p.profraw
for guest in "$@"; do
  "$record/apps/whorl/whorl" up -f "$guest" --listen 127.0.0.1:$port --threads 1 --quiet >/dev/null 2>&1 &
  server=$!
  curl --silent --output /dev/null --retry 60 --retry-delay 1 --retry-connrefused http://127.0.0.1:$port/
  hey -c 50 -n 20000 http://127.0.0.1:$port/ >/dev/null
  kill $server
  wait $server || true
done
llvm-profdata-19 merge --sparse -o "$record/request.profdata" "$record"/raw/*.profraw

cmake --preset release -DWHORL_ENGINE_DIR="$engine" -DWHORL_PROFILE="$record/request.profdata" >&2
ninja -C "$root/build/release" whorl >&2
echo "$root/build/release/apps/whorl/whorl"
