#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace whorl::detail {

void check_failed(const char* condition, const std::string& why, std::source_location where) {
  std::string text = fmt::format(
      "{}:{}: invariant broken: {} ({})", where.file_name(), where.line(), why, condition
  );
#ifdef WHORL_CHECK_ABORTS
  std::fprintf(stderr, "%s\n", text.c_str());
  std::abort();
#else
  throw InvariantBroken(text);
#endif
}

}  // namespace whorl::detail
