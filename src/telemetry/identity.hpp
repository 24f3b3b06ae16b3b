/// Identities: of requests, traces and spans, and how they travel in header fields.
///
/// @spec W3C Trace Context (traceparent, tracestate). @thread any (values)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::telemetry {

/// 16 bytes, as two numbers: those that come first on the wire are `high`. Zero is no identity.
struct TraceId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  [[nodiscard]] bool is_valid() const noexcept { return (high | low) != 0; }
  bool operator==(const TraceId&) const = default;
};
/// 8 bytes. Zero is no identity.
struct SpanId {
  std::uint64_t value = 0;
  [[nodiscard]] bool is_valid() const noexcept { return value != 0; }
  bool operator==(const SpanId&) const = default;
};

/// Digits of an identity of a trace.
inline constexpr std::size_t kTraceIdDigits = 32;
/// Writes 16 lower-case hexadecimal digits. @return what is behind them
char* put_hex(char* at, std::uint64_t value) noexcept;
/// In lower-case hexadecimal, as everything shows them.
[[nodiscard]] std::string to_text(TraceId id);
[[nodiscard]] std::string to_text(SpanId id);
/// @return nothing but for 32 or 16 lower-case hexadecimal digits that are not all zero
[[nodiscard]] std::optional<TraceId> parse_trace_id(std::string_view text) noexcept;
[[nodiscard]] std::optional<SpanId> parse_span_id(std::string_view text) noexcept;

/// A span's place in a trace.
struct SpanContext {
  TraceId trace;
  SpanId span;
  bool is_sampled = false;
  bool operator==(const SpanContext&) const = default;
};

/// Reads a `traceparent` field of any version but ff, strictly for version 00.
[[nodiscard]] std::optional<SpanContext> parse_traceparent(std::string_view text) noexcept;
[[nodiscard]] std::string to_traceparent(const SpanContext& context);
/// Whether a `tracestate` field may be passed on: at most 32 members and 512 bytes, keys and values
/// of the characters that the standard has.
[[nodiscard]] bool is_tracestate(std::string_view text) noexcept;

/// Bytes of a request id that is taken over from a client.
inline constexpr std::size_t kMaxRequestId = 128;
/// Whether what a client says of its request can be taken for its id: letters, digits and
/// `-_.:=+/@~`. It is only ever written to logs, so a client that lies confuses itself.
[[nodiscard]] bool is_request_id(std::string_view text) noexcept;

/// Makes identities: xoshiro256**, seeded by the operating system. They are unique, not secret.
/// @thread one
class IdSource {
 public:
  /// Seeded anew; another two give other identities.
  IdSource();
  /// With a known seed, for tests.
  explicit IdSource(std::uint64_t seed) noexcept;

  [[nodiscard]] TraceId next_trace() noexcept;
  [[nodiscard]] SpanId next_span() noexcept;
  [[nodiscard]] std::uint64_t next() noexcept;

 private:
  void fill(std::uint64_t seed) noexcept;
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace whorl::telemetry
