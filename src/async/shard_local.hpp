/// PerShard: an object that each shard has its own of, for what belongs to the process and yet must
/// not be shared: pools of connections, above all.
///
///     Pool& pool = pools_.get(caller.shard, [&] { return std::make_shared<Pool>(caller.shard); });
///
/// Made when a shard first asks, destroyed with that shard's loop: before the loop itself, after
/// everything that runs on it.
#pragma once

#include "async/shard.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace whorl::async {

namespace detail {
/// The place of an owner's object on a shard; null at first. @thread shard
[[nodiscard]] std::shared_ptr<void>& shard_slot(Shard& shard, std::uint64_t owner);
/// A number that no other owner of this process has. @thread any
[[nodiscard]] std::uint64_t next_shard_owner() noexcept;
}  // namespace detail

template <class T>
class PerShard {
 public:
  PerShard() noexcept : id_(detail::next_shard_owner()) {}
  PerShard(const PerShard&) = delete;
  PerShard& operator=(const PerShard&) = delete;

  /// The shard's object. @param make  () -> std::shared_ptr<T>, called once per shard
  /// @thread shard
  template <class Make>
  [[nodiscard]] T& get(Shard& shard, Make make) {
    std::shared_ptr<void>& slot = detail::shard_slot(shard, id_);
    if (slot == nullptr) {
      slot = std::shared_ptr<T>(make());
    }
    return *static_cast<T*>(slot.get());
  }

 private:
  /// Not the address: another object may get it while a shard still has this one's.
  std::uint64_t id_;
};

}  // namespace whorl::async
