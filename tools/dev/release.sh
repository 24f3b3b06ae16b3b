# ./dev release: the program as it is shipped, built by what runs of itself have shown (docs/adr/0053),
# with libraries inside whose names a start would look for (docs/adr/0058).
# shellcheck shell=bash

: "${root:?sourced by ./dev}"
engine='' # set by setup_engine

release_help() {
  cat <<'TEXT'
Usage: ./dev release [--no-profile] [--shared-libraries] [GUEST.wasm…]

Builds build/whorl as it is shipped: stripped, within its size, and

  by a profile   a program that records (build/profile) serves examples/hello and examples/echo, and each GUEST
                 named, over HTTP/1.1 and HTTP/2, with and without TLS, access log, metrics and OTLP; the files
                 a request passes through are compiled by that. GUESTs of Rust and of WASI 0.3 have it know
                 those paths, too
  in the order   of its own start: the functions that one enters until its first answer stand side by side

  --no-profile         the order alone; half of the time
  --shared-libraries   nghttp2 and SQLite of the machine it runs on, which its distribution updates; otherwise
                       they are inside, a start takes a fifteenth less, and who ships the program builds it
                       anew when one of them is fixed. OpenSSL is the machine's always (docs/adr/0058), but for
                       its SHA-256 and GMAC (docs/adr/0062)

build/whorl.libraries says which versions are inside, by the names that the distribution's advisories
use; where it has newer ones, this verb says so.

Objects are kept in build/profile and build/shipped. `./dev build` makes a program without profile and order.
TEXT
}

configure_part() { # configure_part FOLDER OPTION…: the preset release in a folder of its own
  local folder=$1 werror=OFF
  shift
  [ -z "${CI:-}" ] || werror=ON
  say "configuring build/$folder"
  (cd "$root" && cmake --preset release -B "build/$folder" -DWHORL_ENGINE_DIR:PATH="$engine" -DWHORL_WERROR:BOOL=$werror "$@" >&2)
}

# Leaves the name of the profile in $profile: by its content, so that the objects depend on it.
record_profile() { # record_profile GUEST…
  configure_part profile -DWHORL_PROFILE:STRING=record
  run_ninja profile whorl
  local recorded=$root/build/profile/recorded.profdata
  /usr/bin/python3 "$root/tools/train.py" "$root/build/profile/apps/whorl/whorl" "$recorded" "$@"
  profile=$root/build/profile/$(sha256sum "$recorded" | cut -c1-16).profdata
  rm -f "$root"/build/profile/????????????????.profdata
  mv "$recorded" "$profile"
}

# Links again when a start enters other functions than the last build's did.
order_start() {
  local app=$root/build/shipped/start order=$root/build/shipped/start.order
  mkdir -p "$app"
  cp "$root/examples/hello/hello.wasm" "$app/hello.wasm"
  printf '%s\n' 'spin_manifest_version = 2' '[application]' 'name = "start"' '[[trigger.http]]' 'route = "/..."' \
    'component = "hello"' '[component.hello]' 'source = "hello.wasm"' >"$app/spin.toml"
  if ! /usr/bin/python3 "$root/tools/start_order.py" "$root/build/shipped/apps/whorl/whorl" "$app/spin.toml" >"$order.part"; then
    rm -f "$order.part"
    die "the order of a start could not be recorded" "it takes ptrace(), which some containers refuse"
  fi
  if cmp -s "$order.part" "$order"; then
    rm "$order.part"
    return
  fi
  mv "$order.part" "$order"
  run_ninja shipped whorl
}

# Says which of the packages the distribution has newer.
say_outdated() { # say_outdated PACKAGE…
  local package policy installed candidate
  for package in "$@"; do
    policy=$(LC_ALL=C apt-cache policy "$package" 2>/dev/null) || policy=''
    installed=$(sed -n 's/^ *Installed: //p' <<<"$policy")
    candidate=$(sed -n 's/^ *Candidate: //p' <<<"$policy")
    if [ -n "$candidate" ] && [ "$candidate" != "$installed" ]; then
      say "Warning: the program holds $package $installed, and there is $candidate: apt-get install $package, then build again"
    fi
  done
}

# For who ships it: what is inside, as advisories name it. Of OpenSSL that are its digests, in every program.
list_libraries() { # list_libraries ON|OFF FILE
  local packages=(libssl-dev)
  [ "$1" = OFF ] || packages+=(libnghttp2-dev libsqlite3-dev)
  dpkg-query -W -f='${source:Package} ${source:Version}\n' "${packages[@]}" | sort |
    sed 's/^openssl .*/& (SHA-256 and GMAC alone)/' >"$2.part"
  mv "$2.part" "$2"
  say_outdated "${packages[@]}"
}

verb_release() {
  local profile='' static=ON uses_profile=yes guests=()
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help) release_help; return ;;
      --no-profile) uses_profile=no ;;
      --shared-libraries) static=OFF ;;
      -*) usage_error "release does not know $1" ;;
      *)
        [ -f "$1" ] || die "there is no guest '$1'"
        guests+=("$(realpath "$1")")
        ;;
    esac
    shift
  done
  setup_packages test
  setup_rust
  setup_engine
  local example
  for example in hello echo; do
    say "compiling the guest of examples/$example"
    "$root/examples/$example/build.sh" >&2
  done
  [ $uses_profile = no ] || record_profile "$root/examples/hello/hello.wasm" "$root/examples/echo/echo.wasm" "${guests[@]}"
  mkdir -p "$root/build/shipped"
  touch -a "$root/build/shipped/start.order"
  configure_part shipped -DWHORL_PROFILE:STRING="$profile" -DWHORL_STATIC_LIBRARIES:BOOL=$static \
    -DWHORL_START_ORDER:FILEPATH="$root/build/shipped/start.order"
  run_ninja shipped whorl
  order_start
  place_program "$root/build/shipped/apps/whorl/whorl"
  list_libraries $static "$root/build/whorl.libraries"
}
