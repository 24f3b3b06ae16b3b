#include "telemetry/recorder_table.hpp"

namespace whorl::telemetry {

void RecorderTable::set(const async::Shard& shard, Recorder& recorder) {
  if (recorders_.size() <= shard.index()) {
    recorders_.resize(shard.index() + std::size_t{1}, nullptr);
  }
  recorders_[shard.index()] = &recorder;
}

Recorder* RecorderTable::here() const noexcept {
  const async::Shard* shard = async::Shard::current();
  return shard == nullptr || shard->index() >= recorders_.size() ? nullptr
                                                                 : recorders_[shard->index()];
}

namespace detail {
constinit std::atomic<const RecorderTable*> published{nullptr};
}  // namespace detail

void publish(const RecorderTable* recorders) noexcept {
  detail::published.store(recorders, std::memory_order_relaxed);
}

}  // namespace whorl::telemetry
