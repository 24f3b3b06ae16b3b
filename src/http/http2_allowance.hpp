/// Http2Allowance: something that is used up by what a peer does and filled by time.
/// Private to the room. @thread shard
#pragma once

#include <chrono>
#include <cstdint>

namespace whorl::http {

class Http2Allowance {
 public:
  Http2Allowance(std::int64_t most, std::int64_t each_second) noexcept
      : most_(most), each_second_(each_second), left_(most) {}
  /// @return false when it is used up
  [[nodiscard]] bool take() noexcept { return --left_ >= 0; }
  void add(std::int64_t count) noexcept { left_ = left_ + count < most_ ? left_ + count : most_; }
  void pass(std::chrono::milliseconds time) noexcept {
    add(each_second_ * time.count() / 1000 + 1);
  }

 private:
  std::int64_t most_;
  std::int64_t each_second_;
  std::int64_t left_;
};

}  // namespace whorl::http
