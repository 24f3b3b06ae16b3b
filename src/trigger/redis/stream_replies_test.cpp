#include "trigger/redis/stream_replies.hpp"

#include "wire/resp/reply.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace whorl::trigger {
namespace {

host::redis::Reply reply_of(std::string_view bytes) {
  wire::resp::ReplyReader reader;
  const auto taken = reader.read(as_bytes(bytes));
  REQUIRE(taken);
  REQUIRE(reader.is_done());
  return reader.take();
}

std::string text_of(const Result<std::vector<StreamEntry>>& entries) {
  if (!entries) {
    return entries.error().to_line();
  }
  std::string text;
  for (const StreamEntry& entry : *entries) {
    text += entry.id;
    for (const auto& [name, value] : entry.fields) {
      text += fmt::format(" {}={}", name, value);
    }
    text += ';';
  }
  return text;
}

constexpr std::string_view kCorrupt = "the server's answer is none about a stream";

TEST_CASE("entries") {
  const struct {
    std::string_view reply;
    std::string_view text;
  } cases[] = {
      {"*0\r\n", ""},
      {"*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", "1-0 a=b;"},
      {"*2\r\n*-1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n", ""},
      {"*2\r\n$-1\r\n*2\r\n$3\r\n2-0\r\n*0\r\n", "2-0;"},
      {"*1\r\n*2\r\n$3\r\n1-0\r\n*1\r\n$1\r\na\r\n", kCorrupt},
      {"*1\r\n*1\r\n$3\r\n1-0\r\n", kCorrupt},
      {"*1\r\n:1\r\n", kCorrupt},
      {"*1\r\n*2\r\n:1\r\n*0\r\n", kCorrupt},
      {"+OK\r\n", kCorrupt},
      {"$-1\r\n", kCorrupt},
      {"-NOGROUP No such key\r\n", "NOGROUP: No such key"},
  };
  for (const auto& [reply, text] : cases) {
    CAPTURE(reply);
    CHECK(text_of(read_entries(reply_of(reply))) == text);
  }
  const std::string_view group =
      "*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n";
  CHECK(text_of(read_group_entries(reply_of(group))) == "1-0 a=b;");
  CHECK(text_of(read_group_entries(reply_of("*-1\r\n"))) == "");
  CHECK(text_of(read_group_entries(reply_of("*0\r\n"))) == kCorrupt);
  CHECK(text_of(read_group_entries(reply_of("*1\r\n:1\r\n"))) == kCorrupt);
}

TEST_CASE("entries that are pending") {
  const auto pending = read_pending(reply_of("*1\r\n*4\r\n$3\r\n1-0\r\n$1\r\nc\r\n:12\r\n:3\r\n"));
  REQUIRE(pending);
  REQUIRE(pending->size() == 1);
  CHECK((*pending)[0].id == "1-0");
  CHECK((*pending)[0].consumer == "c");
  CHECK((*pending)[0].deliveries == 3);
  CHECK(read_pending(reply_of("*0\r\n"))->empty());
  for (const char* wrong :
       {"$-1\r\n",
        "*1\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*4\r\n$3\r\n1-0\r\n$1\r\nc\r\n:12\r\n:-3\r\n"}) {
    CAPTURE(wrong);
    CHECK(read_pending(reply_of(wrong)).error().to_line() == kCorrupt);
  }
}

TEST_CASE("the message in an entry") {
  const StreamEntry one{.id = "1-0", .fields = {{"a", "1"}}};
  const StreamEntry two{.id = "1-0", .fields = {{"a", "1"}, {"payload", "2"}}};
  const StreamEntry other{.id = "1-0", .fields = {{"a", "1"}, {"b", "2"}}};
  CHECK(*message_of(one, "") == "1");
  CHECK(*message_of(two, "") == "2");
  CHECK(*message_of(two, "a") == "1");
  CHECK(message_of(other, "") == nullptr);
  CHECK(message_of(one, "b") == nullptr);
}

}  // namespace
}  // namespace whorl::trigger
