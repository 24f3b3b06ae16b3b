# ./dev test, asan, tsan, fuzz: build what they need, then hand over to tools/run_tests.py.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"

run_tests() { # run_tests PRESET [ARGUMENT…]
  local preset=$1
  shift
  exec /usr/bin/python3 "$root/tools/run_tests.py" --build "$root/build/$preset" "$@"
}

# The fuzz targets of build/fuzz; none where clang lacks its fuzzer runtime.
fuzz_targets() {
  ninja -C "$root/build/fuzz" -t targets all 2>/dev/null | sed -n 's/^\(whorl_[a-z0-9_]*_fuzz\): phony$/\1/p' | sort -u
}

fuzzer_available() {
  local resources
  resources=$(clang++-19 -print-resource-dir 2>/dev/null) && compgen -G "$resources/lib/*/libclang_rt.fuzzer*.a" >/dev/null
}

build_fuzzers() { # build_fuzzers [TARGET…]
  setup test fuzz
  local targets=("$@")
  [ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(fuzz_targets)
  [ ${#targets[@]} = 0 ] || run_ninja fuzz "${targets[@]}"
}

# True when the arguments of `./dev test` select a fuzz run: no name, or one that says fuzz.
selects_fuzz() {
  local argument named=no
  for argument in "$@"; do
    case $argument in
      --) break ;;
      fuzz*) return 0 ;;
      -*) ;;
      *) named=yes ;;
    esac
  done
  [ $named = no ]
}

# verb_test [--all] [NAME…] [-- PYTEST_ARGUMENT…]
verb_test() {
  setup test dev
  run_ninja dev
  if selects_fuzz "$@" && fuzzer_available; then build_fuzzers; fi
  run_tests dev "$@"
}

# verb_sanitized asan|tsan [NAME…]: the same runners on a sanitized build.
verb_sanitized() {
  local preset=$1
  shift
  setup test "$preset"
  run_ninja "$preset"
  export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0:handle_segv=0:allow_user_segv_handler=1}
  export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
  # The engine's handler of faults allocates: it does so only for faults of guest code, which holds no
  # allocator's lock.
  export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1:report_signal_unsafe=0}
  [ $# -gt 0 ] || set -- unit
  run_tests "$preset" "$@"
}

# verb_fuzz [TARGET] [SECONDS]: without a target, each one in turn.
verb_fuzz() {
  local target='' seconds=60
  for argument in "$@"; do
    case $argument in
      '' | *[!0-9]*) target=$argument ;;
      *) seconds=$argument ;;
    esac
  done
  setup test fuzz
  fuzzer_available || die "clang's fuzzer runtime is missing" "it is part of the package libclang-rt-19-dev"
  if [ -n "$target" ]; then
    [[ $target == whorl_* ]] || target=whorl_${target}_fuzz
    fuzz_targets | grep -qxF "$target" || die "there is no fuzz target $target" "$(fuzz_targets | paste -sd' ')"
  fi
  build_fuzzers ${target:+"$target"}
  run_tests fuzz --fuzz-seconds "$seconds" "fuzz${target:+/$target}"
}
