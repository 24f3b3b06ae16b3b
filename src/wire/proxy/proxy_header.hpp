/// The PROXY protocol: what a load balancer says in front of a connection about who made it.
///
/// Both versions, as a reader that takes exactly the bytes of the header and none behind it, so
/// that what follows (TLS, HTTP) can be read by others. Strict: there is one spelling of
/// everything.
/// @spec HAProxy, "The PROXY protocol", versions 1 and 2. @thread any (a value)
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::wire::proxy {

/// Who made the connection.
struct Source {
  bool is_v6 = false;
  std::array<std::uint8_t, 16> address{};  ///< in network order; the first 4 for IPv4
  std::uint16_t port = 0;
  bool operator==(const Source&) const = default;
};

class HeaderReader {
 public:
  /// Bytes of a header of version 2 behind its first 16: addresses and extensions.
  static constexpr std::size_t kMaxPayload = 4096;
  /// Bytes of a header of version 1, its CR LF included (the specification's own bound).
  static constexpr std::size_t kMaxLine = 107;

  enum class State : std::uint8_t { NeedMore, Done, Bad };

  /// Looks at bytes that follow those taken before.
  /// @return how many of them belong to the header: take so many from the socket, and no more
  [[nodiscard]] std::size_t read(ByteView bytes);

  [[nodiscard]] State state() const noexcept { return state_; }
  /// With Done: who made the connection; nothing when the proxy itself did, or does not know.
  [[nodiscard]] const std::optional<Source>& source() const noexcept { return source_; }
  /// With Bad: why, for a log.
  [[nodiscard]] std::string_view why() const noexcept { return why_; }

 private:
  std::size_t take_line(ByteView bytes);
  std::size_t take_binary(ByteView bytes);
  void parse_line(std::string_view line);
  void parse_binary();
  void fail(std::string_view why) noexcept;

  State state_ = State::NeedMore;
  std::string taken_;
  std::optional<Source> source_;
  std::string_view why_;
};

}  // namespace whorl::wire::proxy
