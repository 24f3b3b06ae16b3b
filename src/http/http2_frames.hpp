/// Frames of HTTP/2 as bytes, for tests that send what no codec would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::http::test {

/// A frame: head and payload.
[[nodiscard]] inline std::string frame(
    std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload
) {
  std::string bytes;
  const auto put = [&](std::uint32_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(value >> shift));
    }
  };
  put(static_cast<std::uint32_t>(payload.size()), 3);
  put(type, 1);
  put(flags, 1);
  put(stream, 4);
  return bytes.append(payload);
}

}  // namespace whorl::http::test
