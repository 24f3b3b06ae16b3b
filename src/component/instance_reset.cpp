#include "component/instance_reset.hpp"

#include "component/component_impl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace whorl::component {

using engine::MemoryReset;
using engine::PageTracker;

std::size_t ResetImages::size_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const engine::PageImages& images : memories) {
    bytes += images.size_bytes();
  }
  return bytes;
}

std::string_view reset_obstacle(const Component& component) noexcept {
  return component.impl().reset.obstacle;
}

std::optional<InstanceReset> InstanceReset::prepare(
    ComponentInstance& instance, engine::Store& store, ResetImages& images
) {
  const ResetPlan& plan = instance.component().impl().reset;
  if (!plan.obstacle.empty() || PageTracker::of_process() == nullptr) {
    return std::nullopt;
  }
  images.memories.resize(plan.memories.size());
  InstanceReset reset(instance, store);
  for (std::size_t i = 0; i < plan.memories.size(); ++i) {
    const auto item =
        instance.find_core_export(store, plan.memories[i].instance, plan.memories[i].item);
    const auto memory = item ? store.as_memory(*item) : std::nullopt;
    if (!memory) {
      return std::nullopt;
    }
    const ByteView bytes = store.bytes_of(*memory);
    images.memories[i].learn(bytes);
    reset.memories_.push_back({*memory, MemoryReset(images.memories[i], bytes)});
  }
  for (const Plan::Slot& slot : plan.globals) {
    const auto item = instance.find_core_export(store, slot.instance, slot.item);
    const auto global = item ? store.as_global(*item) : std::nullopt;
    const auto value = global ? store.value_of(*global) : std::nullopt;
    if (!value) {
      return std::nullopt;
    }
    reset.globals_.push_back({.global = *global, .prepared = *value});
  }
  return reset;
}

MemoryReset::Outcome InstanceReset::restore(bool faulted) {
  if (store_->is_dying() || !instance_->end_event()) {
    return MemoryReset::Outcome::Changed;
  }
  const PageTracker& tracker = *PageTracker::of_process();
  // All memories are looked at, so that all that is unknown is wanted at once.
  MemoryReset::Outcome outcome = MemoryReset::Outcome::Restored;
  for (Memory& memory : memories_) {
    const auto restored = memory.reset.restore(tracker, store_->bytes_of(memory.memory), faulted);
    if (restored != MemoryReset::Outcome::Restored && outcome != MemoryReset::Outcome::Changed) {
      outcome = restored;
    }
  }
  if (outcome != MemoryReset::Outcome::Restored) {
    return outcome;
  }
  for (Global& global : globals_) {
    if (!global.changes) {
      const auto now = store_->value_of(global.global);
      global.changes =
          !now || std::memcmp(&now->value, &global.prepared.value, sizeof now->value) != 0;
    }
    if (global.changes && !store_->set_value(global.global, global.prepared)) {
      return MemoryReset::Outcome::Changed;
    }
  }
  return MemoryReset::Outcome::Restored;
}

std::string InstanceReset::difference_from(const InstanceReset& other) const {
  for (std::size_t i = 0; i < memories_.size(); ++i) {
    const ByteView mine = store_->bytes_of(memories_[i].memory);
    const ByteView theirs = other.store_->bytes_of(other.memories_[i].memory);
    if (mine.size() != theirs.size()) {
      return fmt::format("memory {} has {} bytes, not {}", i, mine.size(), theirs.size());
    }
    const auto at = std::ranges::mismatch(mine, theirs);
    if (at.in1 != mine.end()) {
      return fmt::format(
          "byte {} of memory {} is {}, not {}", at.in1 - mine.begin(), i, *at.in1, *at.in2
      );
    }
  }
  for (std::size_t i = 0; i < globals_.size(); ++i) {
    const auto mine = store_->value_of(globals_[i].global);
    const auto theirs = other.store_->value_of(other.globals_[i].global);
    if (!mine || !theirs || std::memcmp(&mine->value, &theirs->value, sizeof mine->value) != 0) {
      return fmt::format("variable {} differs", i);
    }
  }
  return {};
}

}  // namespace whorl::component
