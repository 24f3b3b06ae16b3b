#include "otlp/queues.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace whorl::otlp {

std::size_t LogQueue::add(std::vector<telemetry::LogRecord> records) {
  std::ranges::move(records, std::back_inserter(records_));
  return 0;
}

Batch LogQueue::take(const Settings& settings) {
  const std::size_t count = std::min(records_.size(), settings.max_batch);
  const auto end = records_.begin() + static_cast<std::ptrdiff_t>(count);
  const std::vector<telemetry::LogRecord> batch(
      std::move_iterator(records_.begin()), std::move_iterator(end)
  );
  records_.erase(records_.begin(), end);
  return {.body = encode_logs(settings.resource, batch), .items = count};
}

std::size_t SpanQueue::add(SpanPiece piece) {
  if (bytes_ + piece.bytes.size() > kMaxWaitingBytes) {
    return piece.count;
  }
  bytes_ += piece.bytes.size();
  count_ += piece.count;
  pieces_.push_back(std::move(piece));
  return 0;
}

std::size_t SpanQueue::add(const std::vector<telemetry::Span>& spans) {
  std::size_t dropped = 0;
  for (std::span<const telemetry::Span> rest = spans; !rest.empty();) {
    const std::size_t count = std::min(rest.size(), max_batch_);
    dropped += add(encode_scopes(rest.first(count)));
    rest = rest.subspan(count);
  }
  return dropped;
}

bool SpanQueue::fits(std::size_t count, std::size_t bytes) const {
  return count + pieces_.front().count <= max_batch_ &&
         bytes + pieces_.front().bytes.size() <= kMaxRequestBytes;
}

Batch SpanQueue::take(const Settings& settings) {
  std::vector<SpanPiece> taken;
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (!pieces_.empty() && (taken.empty() || fits(count, bytes))) {
    count += pieces_.front().count;
    bytes += pieces_.front().bytes.size();
    taken.push_back(std::move(pieces_.front()));
    pieces_.pop_front();
  }
  bytes_ -= bytes;
  count_ -= count;
  return {.body = join_spans(settings.resource, taken), .items = count};
}

}  // namespace whorl::otlp
