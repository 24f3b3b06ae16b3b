/// ReadBuffer: bytes received and not yet used, contiguous, in memory that it has only as long as
/// there are any.
/// @thread shard
#pragma once

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "http/buffer_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace whorl::http {

class ReadBuffer {
 public:
  /// @param pool  for capacities that its buffers have; outlives the memory taken from it. Null:
  ///              everything comes from the heap
  explicit ReadBuffer(BufferPool* pool = nullptr) noexcept : pool_(pool) {}
  ReadBuffer(const ReadBuffer&) = delete;
  ReadBuffer& operator=(const ReadBuffer&) = delete;
  ~ReadBuffer() { free(memory_, capacity_); }

  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] bool has_memory() const noexcept { return memory_ != nullptr; }
  /// Valid until make_room().
  [[nodiscard]] std::string_view text() const noexcept [[clang::lifetimebound]] {
    return {reinterpret_cast<const char*>(memory_) + begin_, size()};
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
  /// @return        empty without memory; then nothing is lent
  [[nodiscard]] MutableByteView lend(std::size_t wanted) noexcept {
    if (empty() && capacity_ < wanted) {
      replace(wanted);
    } else if (end_ == capacity_ && begin_ > 0) {
      std::memmove(memory_, memory_ + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    } else if (end_ == capacity_) {
      replace(std::max(wanted, capacity_ * 2));
    }
    lent_ = end_ < capacity_;
    return {memory_ + end_, capacity_ - end_};
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
    drop();
  }
  /// Like release(), after the stream was closed: a read that was in flight brings nothing more.
  void drop() noexcept {
    free(std::exchange(memory_, nullptr), capacity_);
    begin_ = end_ = capacity_ = 0;
    lent_ = false;
  }

 private:
  [[nodiscard]] bool is_pooled(std::size_t capacity) const noexcept {
    return pool_ != nullptr && capacity <= pool_->buffer_bytes();
  }
  void free(std::uint8_t* memory, std::size_t capacity) noexcept {
    if (memory != nullptr && is_pooled(capacity)) {
      pool_->give(memory);
    } else {
      std::free(memory);
    }
  }
  void replace(std::size_t capacity) noexcept {
    if (is_pooled(capacity)) {
      capacity = pool_->buffer_bytes();
    }
    auto* memory =
        is_pooled(capacity) ? pool_->take() : static_cast<std::uint8_t*>(std::malloc(capacity));
    if (memory == nullptr) {
      return;
    }
    if (!empty()) {
      std::memcpy(memory, memory_ + begin_, size());
    }
    free(memory_, capacity_);
    end_ = size();
    begin_ = 0;
    capacity_ = capacity;
    memory_ = memory;
  }

  BufferPool* pool_;
  std::uint8_t* memory_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
  bool lent_ = false;
};

}  // namespace whorl::http
