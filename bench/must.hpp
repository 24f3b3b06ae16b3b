/// must(): what a micro-bench needs is there, or the program says why not and ends.
#pragma once

#include "base/result.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace whorl {

[[noreturn]] inline void stop(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    stop(result.error().to_line());
  }
  return *std::move(result);
}

}  // namespace whorl
