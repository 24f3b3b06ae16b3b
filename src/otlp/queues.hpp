/// What waits to be exported, and how requests are made of it. @thread shard of the exporter
#pragma once

#include "otlp/encode.hpp"
#include "otlp/settings.hpp"
#include "telemetry/signals.hpp"

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

namespace whorl::otlp {

/// A request that is to be sent, and how many items it has.
struct Batch {
  std::string body{};
  std::size_t items = 0;
};

/// Log records that wait.
class LogQueue {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  /// @return how many found no room
  std::size_t add(std::vector<telemetry::LogRecord> records);
  /// The next request. Not when nothing waits.
  [[nodiscard]] Batch take(const Settings& settings);

 private:
  std::deque<telemetry::LogRecord> records_;
};

/// Spans that wait, encoded.
class SpanQueue {
 public:
  /// Bytes that may wait.
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{16} << 20;
  /// Bytes of a request, unless one piece is larger: receivers take 4 MiB at least.
  static constexpr std::size_t kMaxRequestBytes = std::size_t{2} << 20;

  /// @param max_batch  most spans in a request; no piece that is added has more
  explicit SpanQueue(std::size_t max_batch) noexcept : max_batch_(max_batch) {}

  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  /// @return how many found no room
  std::size_t add(SpanPiece piece);
  std::size_t add(const std::vector<telemetry::Span>& spans);
  /// The next request. Not when nothing waits.
  [[nodiscard]] Batch take(const Settings& settings);

 private:
  [[nodiscard]] bool fits(std::size_t count, std::size_t bytes) const;

  std::size_t max_batch_;
  std::deque<SpanPiece> pieces_;
  std::size_t bytes_ = 0;
  std::size_t count_ = 0;
};

}  // namespace whorl::otlp
