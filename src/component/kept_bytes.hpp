/// KeptBytes: memory of the host's that stays with one thing of a guest's for as long as the guest
/// likes: the arguments of a call that waits, a list that the guest reads item by item.
///
/// A handle is all that such a thing costs the guest, so what one instance has of them is bounded
/// together. Private to the room. @thread shard
#pragma once

#include "component/abi_context.hpp"

#include <cstdint>
#include <utility>

namespace whorl::component {

class AsyncState;

class KeptBytes {
 public:
  /// Of one instance: two of the longest calls.
  static constexpr std::uint64_t kMost = 2 * kMaxLiftedBytes;
  /// Why a guest is ended that wants more.
  static constexpr const char* kTooMany =
      "the host keeps more than 256 MiB of lists and arguments for the guest";

  KeptBytes() = default;
  KeptBytes(KeptBytes&& other) noexcept : of_(other.of_), bytes_(std::exchange(other.bytes_, 0)) {}
  KeptBytes& operator=(KeptBytes&& other) noexcept {
    if (this != &other) {
      give_back();
      of_ = other.of_;
      bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
  }
  ~KeptBytes() { give_back(); }

  /// Counts them, in place of those that it has.
  ///
  /// @param of  outlives this object or its give_back()
  /// @return    false, and none are counted, when the instance has too many
  [[nodiscard]] bool take(AsyncState& of, std::uint64_t bytes) noexcept;
  void give_back() noexcept;
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  AsyncState* of_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace whorl::component
