#include "wire/resp/reply.hpp"

#include <doctest/doctest.h>

#include <array>

namespace whorl::wire::resp {
namespace {

using Kind = Reply::Kind;

/// Reads all of `text` in pieces of `step` bytes.
Result<std::vector<Reply>> read_all(std::string_view text, std::size_t step, ReplyLimits limits) {
  ReplyReader reader(limits);
  std::vector<Reply> replies;
  ByteView left = as_bytes(text);
  while (!left.empty()) {
    WHORL_TRY(const std::size_t count, reader.read(left.first(std::min(step, left.size()))));
    left = left.subspan(count);
    if (reader.is_done()) {
      replies.push_back(reader.take());
    }
  }
  if (!reader.is_at_start()) {
    return fail(ErrorKind::Disconnected, "cut");
  }
  return replies;
}

TEST_CASE("replies, however they are cut into pieces") {
  const Reply nil;
  const Reply ok{.kind = Kind::Status, .text = "OK"};
  const Reply one{.kind = Kind::Integer, .integer = 1};
  const struct {
    std::string_view text;
    std::vector<Reply> replies;
  } cases[] = {
      {"+OK\r\n", {ok}},
      {"+\r\n", {{.kind = Kind::Status}}},
      {"-ERR no\r\n:-12\r\n",
       {{.kind = Kind::Error, .text = "ERR no"}, {.kind = Kind::Integer, .integer = -12}}},
      {":+1\r\n", {one}},
      {":9223372036854775807\r\n", {{.kind = Kind::Integer, .integer = INT64_MAX}}},
      {"$-1\r\n*-1\r\n_\r\n", {nil, nil, nil}},
      {"$0\r\n\r\n", {{.kind = Kind::Bulk}}},
      {"$4\r\na\r\nb\r\n", {{.kind = Kind::Bulk, .text = "a\r\nb"}}},
      {"*0\r\n", {{.kind = Kind::Array}}},
      {"*3\r\n:1\r\n*1\r\n+OK\r\n$-1\r\n+OK\r\n",
       {{.kind = Kind::Array, .items = {one, {.kind = Kind::Array, .items = {ok}}, nil}}, ok}},
      {"#t\r\n#f\r\n", {one, {.kind = Kind::Integer}}},
      {",1.5\r\n(123456789012345678901\r\n",
       {{.kind = Kind::Bulk, .text = "1.5"}, {.kind = Kind::Bulk, .text = "123456789012345678901"}}
      },
      {"~1\r\n:1\r\n", {{.kind = Kind::Array, .items = {one}}}},
      {"!5\r\nERR x\r\n", {{.kind = Kind::Error, .text = "ERR x"}}},
  };
  for (const auto& [text, replies] : cases) {
    for (const std::size_t step : {1U, 2U, 3U, 7U, 1000U}) {
      CAPTURE(text);
      CAPTURE(step);
      const auto read = read_all(text, step, {});
      REQUIRE(read);
      CHECK(*read == replies);
    }
  }
}

TEST_CASE("what is no reply, or too much") {
  const ReplyLimits small{.bytes = 1000, .depth = 2};
  const std::string long_line(70'000, 'x');
  const struct {
    std::string_view text;
    ErrorKind kind;
  } cases[] = {
      {"hello\r\n", ErrorKind::Corrupt},
      {"\r\n", ErrorKind::Corrupt},
      {"+OK\n", ErrorKind::Corrupt},
      {":\r\n", ErrorKind::Corrupt},
      {":1x\r\n", ErrorKind::Corrupt},
      {":9223372036854775808\r\n", ErrorKind::Corrupt},
      {"$-2\r\n", ErrorKind::Corrupt},
      {"$x\r\n", ErrorKind::Corrupt},
      {"$1\r\nab\r\n", ErrorKind::Corrupt},
      {"#x\r\n", ErrorKind::Corrupt},
      {"%1\r\n+a\r\n+b\r\n", ErrorKind::Unsupported},
      {">1\r\n+a\r\n", ErrorKind::Unsupported},
      {"$1000\r\n", ErrorKind::ResourceLimit},
      {"$9223372036854775807\r\n", ErrorKind::ResourceLimit},
      {"*1\r\n*1\r\n*1\r\n:1\r\n", ErrorKind::ResourceLimit},
      {long_line, ErrorKind::Corrupt},
      {"*9223372036854775807\r\n:1\r\n", ErrorKind::Disconnected},
  };
  for (const auto& [text, kind] : cases) {
    CAPTURE(text.substr(0, 40));
    const auto read = read_all(text, 1000, small);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind() == kind);
  }
  std::string many = "*1000000\r\n";
  for (int i = 0; i < 100; ++i) {
    many += ":1\r\n";
  }
  CHECK(read_all(many, 1000, small).error().kind() == ErrorKind::ResourceLimit);
}

TEST_CASE("commands") {
  std::string out;
  append_command(out, std::array<std::string_view, 3>{"SET", "", "a\r\nb"});
  CHECK(out == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n");
}

}  // namespace
}  // namespace whorl::wire::resp
