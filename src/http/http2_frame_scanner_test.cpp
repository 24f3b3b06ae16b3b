#include "http/http2_frame_scanner.hpp"

#include "http/http2_ended_streams.hpp"
#include "http/http2_frames.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace whorl::http {
namespace {

using test::frame;

constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using Found = std::vector<std::pair<std::size_t, std::int32_t>>;

/// Where DATA begins and whose it is, when the bytes come in parts of a size.
Found scan(std::string_view text, std::size_t part) {
  Http2FrameScanner scanner;
  Found found;
  std::size_t passed = 0;
  for (std::size_t begin = 0; begin < text.size(); begin += part) {
    ByteView bytes = as_bytes(text.substr(begin, part));
    while (!bytes.empty()) {
      const std::size_t count = scanner.pass(bytes);
      passed += count;
      bytes = bytes.subspan(count);
      if (scanner.data_stream() != 0) {
        found.emplace_back(passed, scanner.data_stream());
      }
    }
  }
  CHECK(passed == text.size());
  return found;
}

TEST_CASE("DATA frames are found however the bytes are cut") {
  std::string text(kPreface);
  Found wanted;
  const auto add = [&](std::uint8_t type, std::uint32_t stream, std::size_t size) {
    if (type == kData && stream != 0) {
      wanted.emplace_back(text.size() + 8, static_cast<std::int32_t>(stream & 0x7fff'ffff));
    }
    text += frame(type, 0, stream, std::string(size, '\0'));
  };
  add(4, 0, 0);
  add(kHeaders, 1, 20);
  add(kData, 1, 0);
  add(kData, 1, 1);
  add(kData, 0, 3);
  add(kHeaders, 3, 0);
  add(kData, 0x7fff'ffff, 300);
  add(kData, 0x8000'0005, 70'000);
  add(9, 3, 4);
  for (const std::size_t part : {1U, 2U, 7U, 8U, 9U, 10U, 24U, 33U, 100U, 100'000U}) {
    CAPTURE(part);
    CHECK(scan(text, part) == wanted);
  }
}

TEST_CASE("the streams that ended last are known") {
  EndedStreams ended;
  CHECK_FALSE(ended.contains(0));
  CHECK_FALSE(ended.contains(1));
  for (std::int32_t id = 1; id < 100; id += 2) {
    ended.add(id);
  }
  CHECK_FALSE(ended.contains(0));
  CHECK_FALSE(ended.contains(99 - 2 * static_cast<std::int32_t>(EndedStreams::kKept)));
  CHECK(ended.contains(99 - 2 * static_cast<std::int32_t>(EndedStreams::kKept - 1)));
  CHECK(ended.contains(99));
  CHECK_FALSE(ended.contains(101));
}

}  // namespace
}  // namespace whorl::http
