#!/usr/bin/env bash
# Bare core modules as wit-bindgen leaves them, of which one defines a resource and one uses it:
# build.sh library|user brackets|standard utf8|utf16 OUT.wasm
#
# The second word is the scheme of the names: what wit-bindgen writes, or the component model's "cm32p2".
# Tools: those of tests/guests/p3/build_c.sh.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
world=$1 scheme=$2 encoding=$3 out=$4
[ -n "${WHORL_TOOLS:-}" ] && PATH="$WHORL_TOOLS/bin:$PATH"
command -v wit-bindgen >/dev/null || { echo "NO TOOL: wit-bindgen" >&2; exit 77; }
mkdir -p wit/deps
cp "$here/world.wit" wit/
for package in cli clocks http io random; do
  cp -r "$here/../../../wit/wasi/$package@0.2.12" "wit/deps/$package"
done
find wit/deps -name '*.wit' -exec sed -i 's/@deprecated([^)]*)//' {} +
wit-bindgen c wit --world "$world" --string-encoding "$encoding" --out-dir gen >/dev/null
if [ "$scheme" = standard ]; then
  iface='[a-z:/-]*@[0-9]' # with the major version; 0.2 is put right below
  sed -i -E \
    -e "s,export_name__\(\"cabi_post_($iface)[.0-9]*#([^\"]*)\",export_name__(\"cm32p2|\1|\2_post\"," \
    -e "s,export_name__\(\"($iface)[.0-9]*#\[dtor\]([^\"]*)\",export_name__(\"cm32p2|\1|\2_dtor\"," \
    -e "s,export_name__\(\"($iface)[.0-9]*#([^\"]*)\",export_name__(\"cm32p2|\1|\2\"," \
    -e "s,import_module__\(\"\[export\]($iface)[.0-9]*\",import_module__(\"cm32p2|_ex_\1\"," \
    -e "s,import_module__\(\"($iface)[.0-9]*\",import_module__(\"cm32p2|\1\"," \
    -e 's,import_name__\("\[resource-([a-z]*)\]([^"]*)",import_name__("\2_\1",' \
    -e 's,"cabi_realloc","cm32p2_realloc",' \
    -e 's,@0(["|]),@0.2\1,' "gen/$world.c"
fi
clang-19 --target=wasm32-wasi --sysroot=/usr -fuse-ld=/usr/bin/wasm-ld-19 -mexec-model=reactor -O1 -Wl,--strip-debug \
  -I gen -o "$out" "$here/$world.c" "gen/$world.c" "gen/${world}_component_type.o"
