#include "runtime/instance_pool.hpp"

#include "async/shard.hpp"
#include "telemetry/metrics.hpp"

#include <algorithm>
#include <utility>

namespace whorl::runtime {

InstancePool::InstancePool(async::Shard& shard) : shard_(shard), timer_(shard), trim_(*this) {}

InstancePool::~InstancePool() {
  for (auto& [service, kept] : services_) {
    kept->idle.clear();
  }
}

const LocalPtr<KeptInstances>& InstancePool::of(const std::shared_ptr<const Service>& service) {
  auto& kept = services_[service.get()];
  if (kept == nullptr) {
    kept = make_local<KeptInstances>();
    kept->service = service;
    kept->stats = metrics_ != nullptr ? &metrics_->of(service->id) : nullptr;
  }
  return kept;
}

std::unique_ptr<Guest> InstancePool::take(KeptInstances& kept) {
  if (kept.idle.empty()) {
    return nullptr;
  }
  // The one used last: its memory is the warmest, and the others may be given back.
  std::unique_ptr<Guest> guest = std::move(kept.idle.back());
  kept.idle.pop_back();
  --idle_;
  kept.never_used = std::min(kept.never_used, kept.idle.size());
  return guest;
}

std::unique_ptr<Guest> InstancePool::give(std::unique_ptr<Guest> guest) {
  KeptInstances& kept = *guest->kept();
  if (kept.is_off || idle_ >= kMaxIdle || !guest->reset()) {
    return guest;
  }
  if (kept.stats != nullptr) {
    kept.stats->instances_reset.add();
  }
  kept.idle.push_back(std::move(guest));
  ++idle_;
  schedule_trim();
  return nullptr;
}

void InstancePool::forget(const Service& service) {
  const auto found = services_.find(&service);
  if (found == services_.end()) {
    return;
  }
  KeptInstances& kept = *found->second;
  kept.is_off = kept.is_replaced = true;
  idle_ -= kept.idle.size();
  kept.idle.clear();
  if (found->second.use_count() == 1) {
    services_.erase(found);
  } else {
    // Events that wait will ask for it: made anew then, it would hold the service for ever.
    schedule_trim();
  }
}

bool InstancePool::evict_one() {
  for (auto& [service, kept] : services_) {
    if (!kept->idle.empty()) {
      kept->idle.erase(kept->idle.begin());
      kept->never_used = std::min(kept->never_used, kept->idle.size());
      --idle_;
      return true;
    }
  }
  return false;
}

void InstancePool::Trim::on_event() noexcept {
  pool_.shard_.post([&pool = pool_] { pool.trim(); });
}

void InstancePool::schedule_trim() {
  if (!trim_.is_linked()) {
    timer_.event().add(trim_);
    timer_.start(async::Deadline::after(kTrimInterval));
  }
}

void InstancePool::trim() {
  bool has_replaced = false;
  for (auto entry = services_.begin(); entry != services_.end();) {
    KeptInstances& kept = *entry->second;
    const std::size_t unused = std::min(kept.never_used, kept.idle.size());
    kept.idle.erase(kept.idle.begin(), kept.idle.begin() + static_cast<std::ptrdiff_t>(unused));
    idle_ -= unused;
    kept.never_used = kept.idle.size();
    // A service that was replaced is only held here and by its last events.
    const bool is_forgotten = entry->second.use_count() == 1 && kept.idle.empty();
    has_replaced |= kept.is_replaced && !is_forgotten;
    entry = is_forgotten ? services_.erase(entry) : std::next(entry);
  }
  if (idle_ != 0 || has_replaced) {
    schedule_trim();
  }
}

}  // namespace whorl::runtime
