# ./dev setup: Debian packages, a Rust toolchain, the engine, CMake. What is there is not done again.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"

# packages_of up|test: the packages a profile needs; `test` includes `up`.
packages_of() {
  awk -v want="$1" '/^#/ || NF < 2 {next} $1 == "up" || $1 == want {print $2}' "$root/tools/packages.txt"
}

# missing_packages NAME…: those of them that are not installed.
missing_packages() {
  local installed
  # dpkg-query fails when it knows nothing of a name, which is what a new machine answers for most.
  installed=$({ dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^ii *//p')
  printf '%s\n' "$@" | grep -vxF "$installed" || true
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() { # install_packages NAME…
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "missing packages, and neither root nor sudo to install them: $*" \
      "ask your administrator for: apt-get install $*"
  fi
  say "installing $# Debian packages: $*"
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  local install=("${get[@]}" install -y --no-install-recommends "$@")
  # A machine with stale or no package lists needs one refresh; a fresh one is not made to wait for it.
  if ! as_root "${install[@]}"; then
    say "refreshing the package lists"
    as_root "${get[@]}" update
    as_root "${install[@]}"
  fi
}

setup_packages() { # setup_packages up|test
  command -v dpkg-query >/dev/null ||
    die "this is not a Debian system" "Whorl is built on Debian 12; tools/packages.txt lists what it needs"
  local names missing
  mapfile -t names < <(packages_of "$1")
  mapfile -t missing < <(missing_packages "${names[@]}")
  [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}

setup_rust() {
  "$root/tools/engine.sh" toolchain >/dev/null 2>&1 || install_packages rustc-web cargo-web
}

# Leaves the engine's folder in $engine.
setup_engine() {
  engine=$("$root/tools/engine.sh" path)
  [ -f "$("$root/tools/engine.sh" library)" ] || "$root/tools/engine.sh" build
}

# configure PRESET: runs CMake when the folder is new, was copied from elsewhere, or names another engine.
configure() {
  local dir=$root/build/$1 cache=$root/build/$1/CMakeCache.txt
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
    rm -rf "$dir"
  fi
  local werror=OFF
  [ -z "${CI:-}" ] || werror=ON
  if [ -f "$dir/build.ninja" ] && grep -qxF "WHORL_ENGINE_DIR:PATH=$engine" "$cache" &&
    grep -qxF "WHORL_WERROR:BOOL=$werror" "$cache"; then
    return
  fi
  say "configuring build/$1"
  (cd "$root" && cmake --preset "$1" -DWHORL_ENGINE_DIR:PATH="$engine" -DWHORL_WERROR:BOOL=$werror >&2)
}

setup() { # setup up|test PRESET
  setup_packages "$1"
  setup_rust
  setup_engine
  configure "$2"
}
