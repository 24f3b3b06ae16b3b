#include "app/file_url.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::app {
namespace {

TEST_CASE("paths and file URLs") {
  struct Row {
    std::string_view path;
    std::string_view url;
  };
  const Row rows[] = {
      {"/", "file:///"},
      {"/a/b-c_d.e~f", "file:///a/b-c_d.e~f"},
      {"/a b/\xC3\xA9", "file:///a%20b/%C3%A9"},
      {"/100%/#?", "file:///100%25/%23%3F"},
      {"/sha256:00", "file:///sha256:00"},
      {"/\x01\x7F", "file:///%01%7F"},
  };
  for (const Row& row : rows) {
    CHECK(to_file_url(row.path) == row.url);
    CHECK(from_file_url(row.url) == row.path);
  }
  CHECK(from_file_url("file://localhost/x") == "/x");
  CHECK(from_file_url("file:///%c3%A9%zz%4") == "/\xC3\xA9%zz%4");
  for (const std::string_view other :
       {"", "file:/x", "file://host/x", "http://x", "file://", "file:///a%00b"}) {
    CHECK_FALSE(from_file_url(other));
  }
}

}  // namespace
}  // namespace whorl::app
