#include "wasi/spin1/http.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace whorl::wasi::spin1 {
namespace {

std::string shown(std::string_view url) {
  const auto target = parse_target(url);
  return target ? fmt::format(
                      "{} [{}] {}",
                      target->scheme == http::Scheme::Https ? "https" : "http",
                      target->authority,
                      target->path_and_query
                  )
                : std::string("refused");
}

TEST_CASE("where a URL of Spin 1 leads") {
  struct Row {
    const char* url;
    const char* target;
  };
  const Row rows[] = {
      {"http://a.b/c?d=e", "http [a.b] /c?d=e"},
      {"HTTPS://a.b:8080", "https [a.b:8080] /"},
      {"http://a?x", "http [a] /?x"},
      {"http://[::1]:80/x#fragment", "http [[::1]:80] /x"},
      {"/own/path?x", "http [] /own/path?x"},
      {"ftp://a/", "refused"},
      {"a.b/c", "refused"},
      {"http:///x", "refused"},
      {"http://a b/", "refused"},
      {"http://a/\r\nx: y", "refused"},
      {"", "refused"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    CHECK(shown(row.url) == row.target);
  }
}

}  // namespace
}  // namespace whorl::wasi::spin1
