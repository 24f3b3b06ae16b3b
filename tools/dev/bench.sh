# ./dev bench: load against nginx and, where named, against peers; starting; stores; then the micro-benches.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"

# verb_bench [load|start|watch|density|idle|neighbours|percentiles|state|echo|hostile|telemetry|micro] [arguments of the program in bench/]
verb_bench() {
  local what=all
  case ${1:-} in load | start | watch | density | idle | neighbours | percentiles | state | echo | hostile | telemetry | micro) what=$1; shift ;; esac
  case " $* " in *" --help "* | *" -h "*)
    case $what in all | micro) verb_help ;; *) /usr/bin/python3 "$root/bench/$what.py" --help ;; esac
    return
    ;;
  esac
  setup_packages test
  mkdir -p "$root/build/bench"
  "$root/examples/hello/build.sh" >&2
  [ "$what" = micro ] || build_release
  case $what in
    all)
      /usr/bin/python3 "$root/bench/load.py" --out "$root/build/bench/load.json" "$@"
      /usr/bin/python3 "$root/bench/start.py" --out "$root/build/bench/start.json"
      ;;
    micro) ;;
    *) /usr/bin/python3 "$root/bench/$what.py" --out "$root/build/bench/$what.json" "$@" ;;
  esac
  if [ "$what" = all ] || [ "$what" = micro ]; then
    setup test release
    local programs
    mapfile -t programs < <(ninja -C "$root/build/release" -t targets all | sed -n 's/^\(whorl_[a-z0-9_]*_bench\): phony$/\1/p' | sort -u)
    [ ${#programs[@]} -gt 0 ] || { say "no micro-benches"; return 0; }
    run_ninja release "${programs[@]}"
    /usr/bin/python3 "$root/bench/micro.py" --build "$root/build/release" --out "$root/build/bench" "${programs[@]}"
  fi
}
