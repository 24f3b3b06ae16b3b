# Shared by ./dev and its parts; sourced, never run. `root` is set by ./dev.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"
# The engine and compiled guests live here, outside the tree, named by content.
export WHORL_CACHE_DIR=${WHORL_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/whorl}

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { # die MESSAGE [HELP]
  printf 'Error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '\nHelp: %s\n' "$2" >&2
  exit 1
}
usage_error() { die "$1" "./dev help lists the verbs and their arguments"; }
