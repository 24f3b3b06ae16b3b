#include "wire/proxy/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace whorl::wire::proxy {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::string_view kLineStart = "PROXY ";
/// Signature, version and command, family and protocol, length.
constexpr std::size_t kFixedBytes = 16;
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxied = 0x21;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;
constexpr std::uint8_t kUnixStream = 0x31;
constexpr std::size_t kTcp4Bytes = 12;
constexpr std::size_t kTcp6Bytes = 36;
constexpr std::size_t kUnixBytes = 216;

std::uint8_t byte_of(const std::string& text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

std::uint16_t number_of(const std::string& text, std::size_t at) {
  return static_cast<std::uint16_t>(byte_of(text, at) << 8 | byte_of(text, at + 1));
}

/// Decimal, without a sign or zeros in front.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  if (text.empty() || read.ec != std::errc() || read.ptr != end ||
      (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return port;
}

bool parse_address(std::string_view text, bool is_v6, std::array<std::uint8_t, 16>& to) {
  // The system's own reader takes a few spellings that are none, such as a zone; characters first.
  const std::string_view allowed = is_v6 ? "0123456789abcdefABCDEF:."sv : "0123456789."sv;
  return text.find_first_not_of(allowed) == std::string_view::npos &&
         ::inet_pton(is_v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), to.data()) == 1;
}

}  // namespace

void HeaderReader::fail(std::string_view why) noexcept {
  state_ = State::Bad;
  why_ = why;
}

std::size_t HeaderReader::read(ByteView bytes) {
  if (state_ != State::NeedMore || bytes.empty()) {
    return 0;
  }
  const char first = taken_.empty() ? static_cast<char>(bytes[0]) : taken_[0];
  return first == kSignature[0] ? take_binary(bytes) : take_line(bytes);
}

std::size_t HeaderReader::take_line(ByteView bytes) {
  std::size_t count = 0;
  while (count < bytes.size()) {
    const char next = static_cast<char>(bytes[count]);
    const std::size_t at = taken_.size();
    if (at < kLineStart.size() && next != kLineStart[at]) {
      fail("it does not begin with a PROXY header");
      return count;
    }
    taken_ += next;
    ++count;
    if (taken_.ends_with("\r\n")) {
      parse_line(std::string_view(taken_).substr(0, taken_.size() - 2));
      return count;
    }
    if (taken_.size() >= kMaxLine) {
      fail("the PROXY line is too long");
      return count;
    }
  }
  return count;
}

void HeaderReader::parse_line(std::string_view line) {
  line.remove_prefix(std::min(kLineStart.size(), line.size()));
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) {
    state_ = State::Done;
    return;
  }
  const bool is_v6 = line.starts_with("TCP6 ");
  if (!is_v6 && !line.starts_with("TCP4 ")) {
    fail("the PROXY line names no protocol");
    return;
  }
  line.remove_prefix(5);
  std::array<std::string_view, 4> parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::size_t space = line.find(' ');
    if ((space == std::string_view::npos) != (i == 3)) {
      fail("the PROXY line has not four values");
      return;
    }
    parts[i] = line.substr(0, space);
    line.remove_prefix(std::min(parts[i].size() + 1, line.size()));
  }
  Source source{.is_v6 = is_v6};
  std::array<std::uint8_t, 16> ours{};
  const auto port = parse_port(parts[2]);
  if (!port || !parse_port(parts[3]) || !parse_address(parts[0], is_v6, source.address) ||
      !parse_address(parts[1], is_v6, ours)) {
    fail("the PROXY line has an address or port that is none");
    return;
  }
  source.port = *port;
  source_ = source;
  state_ = State::Done;
}

std::size_t HeaderReader::take_binary(ByteView bytes) {
  std::size_t taken = 0;
  const auto take_to = [&](std::size_t size) {
    const std::size_t count = std::min(size - taken_.size(), bytes.size() - taken);
    taken_ += as_text(bytes.subspan(taken, count));
    taken += count;
    return taken_.size() == size;
  };
  if (taken_.size() < kFixedBytes) {
    const bool is_fixed_part_whole = take_to(kFixedBytes);
    const std::size_t known = std::min(taken_.size(), kSignature.size());
    if (std::string_view(taken_).substr(0, known) != kSignature.substr(0, known)) {
      fail("it does not begin with a PROXY header");
      return taken;
    }
    if (!is_fixed_part_whole) {
      return taken;
    }
  }
  const std::size_t payload = number_of(taken_, 14);
  const std::uint8_t command = byte_of(taken_, 12);
  if (command != kLocal && command != kProxied) {
    fail("the PROXY header has an unknown version or command");
  } else if (payload > kMaxPayload) {
    fail("the PROXY header is too long");
  } else if (take_to(kFixedBytes + payload)) {
    parse_binary();
  }
  return taken;
}

void HeaderReader::parse_binary() {
  const std::size_t payload = taken_.size() - kFixedBytes;
  const std::uint8_t family = byte_of(taken_, 13);
  const std::size_t needed = family == kTcp4         ? kTcp4Bytes
                             : family == kTcp6       ? kTcp6Bytes
                             : family == kUnixStream ? kUnixBytes
                                                     : 0;
  if (byte_of(taken_, 12) == kLocal || family == kUnspecified) {
    state_ = State::Done;
    return;
  }
  if (needed == 0 || payload < needed) {
    fail("the PROXY header has a family that is none, or lacks addresses");
    return;
  }
  state_ = State::Done;
  if (family == kUnixStream) {
    return;
  }
  Source source{.is_v6 = family == kTcp6};
  const std::size_t size = source.is_v6 ? 16 : 4;
  std::memcpy(source.address.data(), taken_.data() + kFixedBytes, size);
  source.port = number_of(taken_, kFixedBytes + 2 * size);
  source_ = source;
}

}  // namespace whorl::wire::proxy
