#include "wire/http1/body.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>

namespace whorl::wire::http1 {
namespace {

using State = BodyDecoder::State;

struct Outcome {
  std::string data;
  State state = State::NeedMore;
  std::string trailers;
  std::size_t consumed = 0;
  bool operator==(const Outcome&) const = default;
};

/// Decodes `text`, offered in pieces of `piece` bytes and taken in parts of `max_data`.
Outcome decode(
    BodyDecoder decoder, std::string_view text, std::size_t piece, std::size_t max_data
) {
  Outcome out;
  std::size_t offered = 0;
  while (true) {
    const std::size_t end = std::min(text.size(), offered);
    // A copy: input does not stay where it was.
    const std::string input(text.substr(out.consumed, end - out.consumed));
    const auto step = decoder.decode(input, max_data);
    out.data += step.data;
    out.consumed += step.consumed;
    out.state = step.state;
    if (step.state == State::End) {
      for (const FieldView& field : decoder.trailers()) {
        out.trailers.append(field.name).append("=").append(field.value).append(";");
      }
      return out;
    }
    if (step.state == State::Bad) {
      out.data.clear();  // how much came out before depends on the pieces
      out.consumed = 0;
      return out;
    }
    if (step.state == State::NeedMore) {
      if (offered >= text.size()) {
        return out;
      }
      offered += piece;
    }
  }
}

struct Case {
  const char* what;
  std::string text;
  State state;
  std::string data;
  std::string trailers;
  std::size_t rest = 0;  ///< bytes behind the end
};

TEST_CASE("chunked bodies, in one piece and byte after byte") {
  const ChunkLimits limits{.extension_bytes = 20, .trailer_bytes = 40, .trailers = 2};
  const std::vector<Case> cases = {
      {"empty", "0\r\n\r\n", State::End, "", ""},
      {"one", "5\r\nhello\r\n0\r\n\r\n", State::End, "hello", ""},
      {"two, hex",
       "A\r\n0123456789\r\na\r\nabcdefghij\r\n0\r\n\r\n",
       State::End,
       "0123456789abcdefghij",
       ""},
      {"zeros before", "005\r\nhello\r\n000\r\n\r\n", State::End, "hello", ""},
      {"next request behind", "0\r\n\r\nGET", State::End, "", "", 3},
      {"extension", "5;a=\"b c\"\r\nhello\r\n0;x\r\n\r\n", State::End, "hello", ""},
      {"blank before extension", "5 ;a\r\nhello\r\n0\r\n\r\n", State::End, "hello", ""},
      {"blanks behind a size", "5  \r\nhello\r\n0 \r\n\r\n", State::End, "hello", ""},
      {"words behind a size", "5 a\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"digits behind a blank", "5 5\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"a tab behind a size", "5\t\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"long extension", "5;" + std::string(20, 'x') + "\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""
      },
      {"extensions add up",
       "1;1234567890\r\nx\r\n1;1234567890\r\nx\r\n0\r\n\r\n",
       State::Bad,
       "",
       ""},
      {"control byte in extension", "5;\x01\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"bare LF in extension", "5;a\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"trailers", "0\r\nA: b\r\nc:\r\n\r\n", State::End, "", "A=b;c=;"},
      {"framing trailers are dropped",
       "0\r\nContent-Length: 5\r\nc: d\r\n\r\n",
       State::End,
       "",
       "c=d;"},
      {"too many trailers", "0\r\na: b\r\nc: d\r\ne: f\r\n\r\n", State::Bad, "", ""},
      {"long trailers", "0\r\na: " + std::string(40, 'x') + "\r\n\r\n", State::Bad, "", ""},
      {"folded trailer", "0\r\na: b\r\n c\r\n\r\n", State::Bad, "", ""},
      {"bad trailer", "0\r\na b\r\n\r\n", State::Bad, "", ""},
      {"bare LF in trailer", "0\r\na: b\n\r\n", State::Bad, "", ""},
      {"bare CR in trailer", "0\r\na: b\rc\r\n\r\n", State::Bad, "", ""},
      {"no size", "\r\nhello", State::Bad, "", ""},
      {"extension only", ";a\r\n", State::Bad, "", ""},
      {"negative", "-1\r\n", State::Bad, "", ""},
      {"plus", "+5\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"0x", "0x5\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"blank first", " 5\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"size of 16 digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"greatest size", "fffffffffffffff\r\nx", State::NeedMore, "x", ""},
      {"bare LF after size", "5\nhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"bare CR after size", "5\rhello\r\n0\r\n\r\n", State::Bad, "", ""},
      {"no CRLF after data", "5\r\nhello0\r\n\r\n", State::Bad, "", ""},
      {"bare LF after data", "5\r\nhello\n0\r\n\r\n", State::Bad, "", ""},
      {"bare CR after data", "5\r\nhello\r0\r\n\r\n", State::Bad, "", ""},
      {"bare CR at the end", "0\r\n\r\r\n", State::Bad, "", ""},
      {"cut in data", "5\r\nhel", State::NeedMore, "hel", ""},
      {"cut before the end", "5\r\nhello\r\n0\r\n\r", State::NeedMore, "hello", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Outcome expected{c.data, c.state, c.trailers, c.text.size() - c.rest};
    if (c.state == State::Bad) {
      expected.consumed = 0;
    }
    const BodyDecoder decoder(Framing::Chunked, 0, limits);
    for (const std::size_t piece : {1UZ, 2UZ, 3UZ, 7UZ, 1000UZ}) {
      CHECK(decode(decoder, c.text, piece, 1000) == expected);
      CHECK(decode(decoder, c.text, piece, 1) == expected);
    }
  }
}

TEST_CASE("bodies with a length") {
  CHECK(BodyDecoder().is_ended());
  CHECK(BodyDecoder(Framing::None, 0).is_ended());
  CHECK(BodyDecoder(Framing::Length, 0).is_ended());
  BodyDecoder decoder(Framing::Length, 5);
  CHECK(decoder.known_rest() == 5);
  auto step = decoder.decode("hel", 2);
  CHECK(step.data == "he");
  step = decoder.decode("l", 0);
  CHECK(step.state == State::Full);
  CHECK(step.consumed == 0);
  step = decoder.decode("llo+", 100);
  CHECK(step.data == "llo");
  CHECK(step.consumed == 3);
  CHECK(decoder.is_ended());
  CHECK(decoder.decode("+", 100).state == State::End);
}

TEST_CASE("data that nobody has to look at is passed") {
  BodyDecoder length(Framing::Length, 10);
  CHECK(length.data_rest() == 10);
  length.pass_data(4);
  CHECK(length.data_rest() == 6);
  CHECK(length.decode("abc", 100).data == "abc");
  length.pass_data(3);
  CHECK(length.is_ended());
  CHECK(length.data_rest() == 0);

  BodyDecoder chunked(Framing::Chunked, 0);
  CHECK(chunked.data_rest() == 0);
  CHECK(chunked.decode("5\r\n", 100).state == BodyDecoder::State::NeedMore);
  CHECK(chunked.data_rest() == 5);
  chunked.pass_data(5);
  CHECK(chunked.data_rest() == 0);
  CHECK(chunked.decode("\r\n0\r\n\r\n", 100).state == BodyDecoder::State::End);
}

TEST_CASE("a full reader does not stop the framing") {
  BodyDecoder decoder(Framing::Chunked, 0);
  auto step = decoder.decode("3\r\nabc", 0);
  CHECK(step.state == State::Full);
  CHECK(step.consumed == 3);
  step = decoder.decode("abc\r\n0\r\n\r\n", 3);
  CHECK(step.data == "abc");
  step = decoder.decode("\r\n0\r\n\r\n", 0);
  CHECK(step.state == State::End);
}

TEST_CASE("encoded chunks are decoded to what they were") {
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    std::string data;
    std::string wire;
    for (unsigned chunks = random() % 5; chunks > 0; --chunks) {
      const std::string chunk(1 + random() % 5000, static_cast<char>(random()));
      data += chunk;
      wire.append(encode_chunk_size(chunk.size()).view()).append(chunk).append("\r\n");
    }
    wire += "0\r\n\r\n";
    const auto out =
        decode(BodyDecoder(Framing::Chunked, 0), wire, 1 + random() % 700, 1 + random() % 900);
    CHECK(out == Outcome{data, State::End, "", wire.size()});
  }
}

TEST_CASE("chunk sizes") {
  CHECK(encode_chunk_size(1).view() == "1\r\n");
  CHECK(encode_chunk_size(255).view() == "ff\r\n");
  CHECK(encode_chunk_size(65536).view() == "10000\r\n");
  CHECK(encode_chunk_size(SIZE_MAX).view() == "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace whorl::wire::http1
