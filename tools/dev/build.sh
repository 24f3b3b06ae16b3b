# ./dev build, and what the other verbs build.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"

max_program_mib=40

run_ninja() { # run_ninja PRESET [TARGET…]
  local preset=$1
  shift
  say "building build/$preset ${*:-(everything)}"
  NINJA_STATUS='[%f/%t %es] ' ninja -C "$root/build/$preset" "$@" >&2
}

place_stripped() { # place_stripped BUILT PROGRAM
  if [ ! -f "$2" ] || [ "$1" -nt "$2" ]; then
    strip -o "$2.part" "$1"
    mv "$2.part" "$2"
  fi
}

# build/whorl, stripped, within its size.
place_program() { # place_program BUILT
  local program=$root/build/whorl
  place_stripped "$1" "$program"
  local bytes
  bytes=$(stat -c %s "$program")
  [ "$bytes" -le $((max_program_mib << 20)) ] ||
    die "build/whorl is $((bytes >> 20)) MiB; the limit is $max_program_mib MiB"
  say "build/whorl is ready: $(awk -v b="$bytes" 'BEGIN{printf "%.1f", b / 1048576}') MiB"
}

# An optimised program for use and measuring; what is shipped is made by ./dev release.
build_release() {
  setup up release
  run_ninja release whorl
  place_program "$root/build/release/apps/whorl/whorl"
}

# The runner of converted .wast scripts: build/wast-runner. Not shipped.
build_wast_runner() {
  run_ninja release wast-runner
  place_stripped "$root/build/release/tests/conformance/wast-runner" "$root/build/wast-runner"
}

verb_build() {
  local preset=release targets=()
  while [ $# -gt 0 ]; do
    case $1 in
      --preset) preset=${2:?--preset wants a name}; shift 2 ;;
      -*) usage_error "build does not know $1" ;;
      *) targets+=("$1"); shift ;;
    esac
  done
  if [ "$preset" = release ] && [ ${#targets[@]} = 0 ]; then
    build_release
    build_wast_runner
  else
    setup test "$preset"
    run_ninja "$preset" "${targets[@]}"
  fi
}

# verb_up DIR_OR_FILE [flags of `whorl up`]: from nothing to a served application.
verb_up() {
  [ $# -gt 0 ] || usage_error "up wants an application: a folder with a spin.toml, a manifest or a .wasm file"
  local app=$1
  shift
  [ -e "$app" ] || die "there is no '$app'" "./dev up examples/hello is a good start"
  app=$(realpath "$app")
  build_release
  if [ -d "$app" ] && [ -x "$app/build.sh" ]; then
    say "compiling the guest of $app"
    "$app/build.sh" >&2
  fi
  exec "$root/build/whorl" up -f "$app" "$@"
}
