# ./dev fmt and ./dev lint.
# shellcheck shell=bash

: "${root:?sourced by ./dev}"

cpp_files() { (cd "$root" && git ls-files -co --exclude-standard '*.cpp' '*.hpp' 'sdk/*.h' 'sdk/*.c' 'examples/*.c' 'tests/*.c'); }

verb_fmt() {
  setup_packages test
  (cd "$root" && cpp_files | xargs -r -n 64 clang-format-19 -i)
}

# The .cpp files that differ from the upstream branch, or from the commit before.
changed_sources() {
  local base
  base=$(git -C "$root" merge-base HEAD '@{upstream}' 2>/dev/null || git -C "$root" rev-parse -q --verify HEAD~1 || echo HEAD)
  (cd "$root" && { git diff --name-only --diff-filter=AMR "$base"; git ls-files -o --exclude-standard; } |
    grep -E '^(src|apps|bench|fuzz)/.*\.cpp$' | sort -u) || true
}

tidy() { # tidy all|changed
  local files
  setup test dev
  # Generated headers must be there before a file that includes them can be read.
  run_ninja dev
  if [ "$1" = all ]; then
    mapfile -t files < <(cd "$root" && git ls-files 'src/*.cpp' 'apps/*.cpp')
  else
    mapfile -t files < <(changed_sources)
  fi
  [ ${#files[@]} -gt 0 ] || { say "clang-tidy: nothing changed"; return 0; }
  say "clang-tidy on ${#files[@]} files"
  (cd "$root" && printf '%s\n' "${files[@]}" |
    xargs -P "$(nproc)" -n 1 clang-tidy-19 -p build/dev --quiet --warnings-as-errors='*')
}

# verb_lint [--all|--quick]: quick is what `./dev test` runs too; without a flag clang-tidy reads changed files.
verb_lint() {
  local scope=changed
  case ${1:-} in
    --all) scope=all ;;
    --quick) scope=none ;;
    '') ;;
    *) usage_error "lint does not know $1" ;;
  esac
  setup_packages test
  /usr/bin/python3 "$root/tools/run_tests.py" --build "$root/build/dev" lint
  [ $scope = none ] || tidy $scope
}
