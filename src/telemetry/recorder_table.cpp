#include "telemetry/recorder_table.hpp"

namespace whorl::telemetry {

void RecorderTable::set(const async::Shard& shard, Recorder& recorder) {
  if (recorders_.size() <= shard.index()) {
    recorders_.resize(shard.index() + std::size_t{1});
  }
  recorders_[shard.index()] = {&shard, &recorder};
}

Recorder* RecorderTable::here() const noexcept {
  const async::Shard* shard = async::Shard::current();
  if (shard == nullptr || shard->index() >= recorders_.size()) {
    return nullptr;
  }
  const auto& [its_shard, recorder] = recorders_[shard->index()];
  return its_shard == shard ? recorder : nullptr;
}

namespace detail {
constinit std::atomic<const RecorderTable*> published{nullptr};
}  // namespace detail

void publish(const RecorderTable* recorders) noexcept {
  detail::published.store(recorders, std::memory_order_relaxed);
}

}  // namespace whorl::telemetry
