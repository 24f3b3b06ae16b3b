#include "telemetry/text.hpp"

#include "telemetry/put.hpp"

#include <doctest/doctest.h>

namespace whorl::telemetry {
namespace {

TEST_CASE("plain is what no escaping changes") {
  for (int c = 0; c < 256; ++c) {
    CAPTURE(c);
    for (const std::size_t at : {0U, 5U, 39U}) {
      std::string text(40, 'x');
      text[at] = static_cast<char>(c);
      std::string escaped;
      append_text_escaped(text, escaped);
      CHECK(is_plain(text) == (escaped == text));
    }
  }
  CHECK(is_plain(""));
  for (std::size_t size = 1; size < 70; ++size) {
    std::string text(size, '~');
    CHECK(is_plain(text));
    for (std::size_t at = 0; at < size; ++at) {
      text[at] = '\n';
      CHECK_FALSE(is_plain(text));
      text[at] = ' ';
    }
  }
}

TEST_CASE("texts and numbers are put where they belong, and nothing beside them") {
  std::string from;
  for (std::size_t size = 0; size < 80; ++size) {
    CAPTURE(size);
    std::string to(100, '#');
    CHECK(put(to.data() + 1, from) == to.data() + 1 + size);
    CHECK(to == "#" + from + std::string(99 - size, '#'));
    from += static_cast<char>('0' + size % 71);
  }
  std::string to(4, '#');
  CHECK(put_literal(to.data(), "ab") == to.data() + 2);
  CHECK(to == "ab##");
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{10}, ~std::uint64_t{0}}) {
    std::string digits(kMaxDigits, '#');
    digits.resize(static_cast<std::size_t>(put_number(digits.data(), number) - digits.data()));
    CHECK(digits == std::to_string(number));
  }
}

TEST_CASE("nothing in others' bytes ends a line or a quoted text") {
  std::string out;
  append_text_escaped("a \"b\"\\\r\n\x1b[0m\x7f\xC3\xA9", out);
  CHECK(out == R"(a \x22b\x22\x5C\x0D\x0A\x1B[0m\x7F\xC3\xA9)");
  out.clear();
  append_text_escaped(std::string(kMaxText + 1, 'a'), out);
  CHECK(out.size() == kMaxText);
}

TEST_CASE("JSON strings are UTF-8 whatever came") {
  struct Case {
    std::string_view in;
    std::string_view out;
  };
  for (const auto& [in, want] : {
           Case{"a\"b\\c", R"("a\"b\\c")"},
           Case{"\n\x1f\x7f", R"("\u000a\u001f\u007f")"},
           Case{"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""},
           Case{"\xC0\xAF", R"("\ufffd\ufffd")"},
           Case{"\xED\xA0\x80", R"("\ufffd\ufffd\ufffd")"},
           Case{"\xF4\x90\x80\x80", R"("\ufffd\ufffd\ufffd\ufffd")"},
           Case{"a\xE2\x82", R"("a\ufffd\ufffd")"},
       }) {
    std::string out;
    append_json_string(in, out);
    CHECK(out == want);
  }
}

TEST_CASE("text of others as UTF-8") {
  CHECK(to_utf8("a\xC3\xA9\xFF\xC3") == "a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(to_utf8("") == "");
}

TEST_CASE("what may hold secrets is left out of URLs") {
  CHECK(without_query("/a/b?token=x") == "/a/b");
  CHECK(without_query("/a#x?y") == "/a");
  CHECK(without_query("/a?x#y") == "/a");
  CHECK(without_query("") == "");
  CHECK(without_user("host:1") == "host:1");
  CHECK(without_user("a@b@host:1") == "host:1");
  CHECK(without_user("a@") == "");
  CHECK(without_secrets("https://user:pass@host/a?b") == "https://host/a");
  CHECK(without_secrets("https://host/a@b?c@d") == "https://host/a@b");
  CHECK(without_secrets("https://a@b@host") == "https://host");
  CHECK(without_secrets("/a/b") == "/a/b");
}

}  // namespace
}  // namespace whorl::telemetry
