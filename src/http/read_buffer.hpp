/// ReadBuffer: bytes received and not yet used, contiguous, in memory that is given back when idle.
/// @thread shard
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace whorl::http {

class ReadBuffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool has_memory() const noexcept { return memory_ != nullptr; }
  /// Valid until make_room().
  [[nodiscard]] std::string_view text() const noexcept [[clang::lifetimebound]] {
    return {reinterpret_cast<const char*>(memory_.get()) + begin_, size()};
  }
  void consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_ && !lent_) {
      begin_ = end_ = 0;
    }
  }

  /// Lends the room behind the bytes, at least one byte, to a read. Nothing moves until commit().
  ///
  /// @param wanted  capacity to have when the present one is full or too small for an empty buffer
  [[nodiscard]] MutableByteView lend(std::size_t wanted) {
    if (empty() && capacity_ < wanted) {
      replace(wanted);
    } else if (end_ == capacity_ && begin_ > 0) {
      std::memmove(memory_.get(), memory_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    } else if (end_ == capacity_) {
      replace(std::max(wanted, capacity_ * 2));
    }
    lent_ = true;
    return {memory_.get() + end_, capacity_ - end_};
  }
  /// Ends the loan: `count` bytes were read.
  void commit(std::size_t count) noexcept {
    lent_ = false;
    end_ += count;
    consume(0);
  }
  /// Gives the memory back; what was unread is lost.
  void release() noexcept {
    WHORL_DCHECK(!lent_, "a read is in flight");
    memory_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void replace(std::size_t capacity) {
    auto memory = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (!empty()) {
      std::memcpy(memory.get(), memory_.get() + begin_, size());
    }
    end_ = size();
    begin_ = 0;
    capacity_ = capacity;
    memory_ = std::move(memory);
  }

  std::unique_ptr<std::uint8_t[]> memory_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
  bool lent_ = false;
};

}  // namespace whorl::http
