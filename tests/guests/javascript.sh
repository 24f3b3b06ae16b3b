# shellcheck shell=bash
# For both languages: componentize-js in the current folder, and the interfaces it knows in ./wit; the
# tree's folder is in $root.
# shellcheck disable=SC2154
install_componentize() {
  command -v npm >/dev/null || { echo "NO TOOL: npm" >&2; exit 77; }
  echo '{"private": true}' >package.json
  npm install --silent --no-audit --no-fund @bytecodealliance/componentize-js@0.23.0 "$@" >&2 ||
    { echo "NO TOOL: componentize-js from npm" >&2; exit 77; }
  mkdir -p wit/deps
  local package folder
  for package in cli clocks filesystem http io random sockets; do
    folder=wit/deps/$package
    cp -r "$root/wit/wasi/$package@0.2.12" "$folder"
    # Its engine was built against this one.
    sed -i '/@deprecated/d; s/0\.2\.12/0.2.10/g' "$folder"/*.wit
  done
  echo 'package demo:hello; world hello { import wasi:http/types@0.2.10; export wasi:http/incoming-handler@0.2.10; }' >wit/hello.wit
}
