#include "otlp/grpc.hpp"

#include "base/base64.hpp"
#include "telemetry/text.hpp"
#include "wire/protobuf/reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

namespace whorl::otlp {
namespace {

constexpr std::size_t kPrefixBytes = 5;
/// CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS.
constexpr std::array<std::string_view, 6> kPassing{"1", "4", "10", "11", "14", "15"};
/// RESOURCE_EXHAUSTED: only where the answer says when.
constexpr std::string_view kExhausted = "8";
constexpr std::chrono::seconds kLongestRetryAfter{60};
constexpr std::size_t kMaxDetails = 8 * 1024;
constexpr std::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";

using wire::protobuf::Reader;
using wire::protobuf::WireType;

/// The bytes of a message's field; the last one counts.
std::optional<ByteView> bytes_of(ByteView message, std::uint32_t number) {
  std::optional<ByteView> found;
  Reader reader(message);
  while (const auto field = reader.next()) {
    if (field->number == number && field->type == WireType::Bytes) {
      found = field->bytes;
    }
  }
  return found;
}

/// google.protobuf.Duration, as far as it makes a pause.
std::chrono::milliseconds read_duration(ByteView message) {
  std::uint64_t seconds = 0;
  std::uint64_t nanoseconds = 0;
  Reader reader(message);
  while (const auto field = reader.next()) {
    if (field->type == WireType::Varint && field->number == 1) {
      seconds = field->value;
    } else if (field->type == WireType::Varint && field->number == 2) {
      nanoseconds = field->value;
    }
  }
  // A negative one is far beyond.
  if (seconds >= static_cast<std::uint64_t>(kLongestRetryAfter.count()) ||
      nanoseconds >= 1'000'000'000) {
    return seconds > static_cast<std::uint64_t>(INT64_MAX) ? std::chrono::milliseconds(0)
                                                           : kLongestRetryAfter;
  }
  return std::chrono::milliseconds(seconds * 1000 + nanoseconds / 1'000'000);
}

/// How long google.rpc.Status wants its reader to wait; nothing when it does not say so.
std::optional<std::chrono::milliseconds> retry_info(std::string_view details) {
  if (details.empty() || details.size() > kMaxDetails) {
    return std::nullopt;
  }
  // Binary fields may travel without the padding.
  const std::string padding((4 - details.size() % 4) % 4, '=');
  const auto status = from_base64(std::string(details) + padding);
  if (!status) {
    return std::nullopt;
  }
  Reader reader(*status);
  while (const auto field = reader.next()) {
    if (field->number != 3 || field->type != WireType::Bytes) {
      continue;
    }
    const auto type = bytes_of(field->bytes, 1);
    const auto value = bytes_of(field->bytes, 2);
    if (type && value && as_text(*type) == kRetryInfo) {
      return read_duration(bytes_of(*value, 1).value_or(ByteView()));
    }
  }
  return std::nullopt;
}

}  // namespace

std::string to_grpc_message(std::string message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  const std::array<char, kPrefixBytes> prefix{
      0,
      static_cast<char>(size >> 24),
      static_cast<char>(size >> 16),
      static_cast<char>(size >> 8),
      static_cast<char>(size)
  };
  message.insert(0, prefix.data(), prefix.size());
  return message;
}

std::optional<ByteView> read_grpc_message(ByteView body) noexcept {
  if (body.empty()) {
    return body;
  }
  if (body.size() < kPrefixBytes || body[0] != 0) {
    return std::nullopt;
  }
  std::uint64_t size = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) {
    size = size << 8 | body[i];
  }
  if (size != body.size() - kPrefixBytes) {
    return std::nullopt;
  }
  return body.subspan(kPrefixBytes);
}

std::optional<std::chrono::milliseconds> retry_of_call(
    std::string_view status, std::string_view details
) {
  const auto asked = retry_info(details);
  const bool passes = std::ranges::find(kPassing, status) != kPassing.end();
  if (passes || (status == kExhausted && asked)) {
    return asked.value_or(std::chrono::milliseconds(0));
  }
  return std::nullopt;
}

std::string to_grpc_timeout(std::chrono::milliseconds time) {
  constexpr std::int64_t kMost = 99'999'999;
  return std::to_string(std::clamp<std::int64_t>(time.count(), 1, kMost)) + "m";
}

std::string shown_grpc_message(std::string_view message) {
  message = message.substr(0, telemetry::kMaxText);
  std::string out;
  for (std::size_t i = 0; i < message.size(); ++i) {
    unsigned byte = 0;
    if (message[i] == '%' && i + 2 < message.size()) {
      const char* end = message.data() + i + 3;
      const auto read = std::from_chars(message.data() + i + 1, end, byte, 16);
      if (read.ec == std::errc() && read.ptr == end) {
        out += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    out += message[i];
  }
  return telemetry::to_utf8(out);
}

}  // namespace whorl::otlp
