#include "wire/proxy/proxy_header.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

namespace whorl::wire::proxy {
namespace {

using namespace std::string_view_literals;

/// "state consumed source", read in pieces of a size.
std::string read(std::string_view text, std::size_t step) {
  HeaderReader reader;
  std::size_t taken = 0;
  while (taken < text.size() && reader.state() == HeaderReader::State::NeedMore) {
    const std::string_view piece = text.substr(taken, step);
    const std::size_t count = reader.read(as_bytes(piece));
    REQUIRE(count <= piece.size());
    REQUIRE((count == piece.size() || reader.state() != HeaderReader::State::NeedMore));
    taken += count;
  }
  switch (reader.state()) {
    case HeaderReader::State::NeedMore:
      return "more";
    case HeaderReader::State::Bad:
      return "bad";
    case HeaderReader::State::Done:
      break;
  }
  if (!reader.source()) {
    return fmt::format("none {}", taken);
  }
  std::string out;
  for (std::size_t i = 0; i < (reader.source()->is_v6 ? 16U : 4U); ++i) {
    out += fmt::format("{:02x}", reader.source()->address[i]);
  }
  return fmt::format("{}:{} {}", out, reader.source()->port, taken);
}

std::string v2(std::string_view head, std::string_view payload, std::size_t length) {
  std::string out("\r\n\r\n\0\r\nQUIT\n"sv);
  out += head;
  out += static_cast<char>(length >> 8);
  out += static_cast<char>(length);
  out += payload;
  return out;
}
std::string v2(std::string_view head, std::string_view payload) {
  return v2(head, payload, payload.size());
}

TEST_CASE("headers of both versions, in pieces of every size") {
  const std::string_view four = "\xc0\x00\x02\x07\x7f\x00\x00\x01\x10\xe1\x00\x50"sv;
  const std::string six = std::string("\x20\x01\x0d\xb8"sv) + std::string(11, '\0') + "\x01" +
                          std::string(16, '\0') + std::string("\x00\x09\x01\xbb"sv);
  const std::vector<std::pair<std::string, std::string>> cases{
      {"PROXY TCP4 192.0.2.7 127.0.0.1 4321 80\r\nGET /", "c0000207:4321 40"},
      {"PROXY TCP6 2001:db8::1 ::1 9 443\r\n", "20010db8000000000000000000000001:9 34"},
      {"PROXY TCP6 ::ffff:192.0.2.7 ::1 0 65535\r\n", "00000000000000000000ffffc0000207:0 41"},
      {"PROXY UNKNOWN\r\n\r\n", "none 15"},
      {"PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\nX", "none 43"},
      {v2("\x21\x11", four) + "GET", "c0000207:4321 28"},
      {v2("\x21\x11", std::string(four) + std::string("\x03\x00\x01x"sv)), "c0000207:4321 32"},
      {v2("\x21\x21", six), "20010db8000000000000000000000001:9 52"},
      {v2("\x20\x00"sv, "") + "\x16\x03", "none 16"},
      {v2("\x20\x11", four), "none 28"},
      {v2("\x21\x00"sv, "abc"), "none 19"},
      {v2("\x21\x31", std::string(216, '/')), "none 232"},
      {v2("\x21\x11", std::string(four) + std::string(4084, 'x')), "c0000207:4321 4112"},
      // What is not whole.
      {"PROXY TCP4 192.0.2.7 127.0.0.1 4321 80\r", "more"},
      {"PROX", "more"},
      {v2("\x21\x11", four.substr(0, 11), 12), "more"},
      // What is none.
      {"GET / HTTP/1.1\r\n\r\n", "bad"},
      {"proxy UNKNOWN\r\n", "bad"},
      {"PROXY\r\n", "bad"},
      {"PROXY \r\n", "bad"},
      {"PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", "bad"},
      {"PROXY UNKNOWNX\r\n", "bad"},
      {"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.01 1.1.1.1 1 1\r\n", "bad"},
      {"PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n", "bad"},
      {"PROXY TCP4 ::1 ::1 1 1\r\n", "bad"},
      {"PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n", "bad"},
      {"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", "bad"},
      {std::string("PROXY TCP4 1.1.1.1\0 1.1.1.1 1 1\r\n"sv), "bad"},
      {"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n" + std::string(200, 'x'), "bad"},
      {"PROXY UNKNOWN " + std::string(93, 'x') + "\r\n", "bad"},
      {v2("\x11\x11", four), "bad"},
      {v2("\x22\x11", four), "bad"},
      {v2("\x21\x12", four), "bad"},
      {v2("\x21\x41", four), "bad"},
      {v2("\x21\x11", four.substr(0, 11)), "bad"},
      {v2("\x21\x21", six.substr(0, 35)), "bad"},
      {v2("\x21\x11", "", 4097), "bad"},
      {"\r\n\r\n\r\n\r\nQUIT\n", "bad"},
      {"\r\n", "more"},
      {"\r\nGET / HTTP/1.1\r\n\r\n", "bad"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    for (std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, text.size()}) {
      CHECK(read(text, step) == expected);
    }
  }
}

}  // namespace
}  // namespace whorl::wire::proxy
