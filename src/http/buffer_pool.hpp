/// BufferPool: what a shard's connections read into, lent for as long as bytes are in it.
///
/// A connection that waits holds no buffer, so thousands of them cost what their own state costs,
/// and those that are busy share a few buffers that are warm in the cache. Buffers are whole pages:
/// beyond a few they are given back to the system one by one, however they were handed out, which a
/// heap cannot do for blocks with small objects between them (ADR 44). @thread shard
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace whorl::http {

class BufferPool {
 public:
  /// Free buffers whose memory is kept.
  static constexpr std::size_t kWarm = 32;

  /// @param buffer_bytes  of each; a multiple of 4 KiB, at most 64 KiB
  explicit BufferPool(std::size_t buffer_bytes) noexcept : buffer_bytes_(buffer_bytes) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  /// Every buffer has been given back.
  ~BufferPool();

  [[nodiscard]] std::size_t buffer_bytes() const noexcept { return buffer_bytes_; }
  /// Null without memory.
  [[nodiscard]] std::uint8_t* take() noexcept;
  /// @param buffer  of take()
  void give(std::uint8_t* buffer) noexcept;
  [[nodiscard]] std::size_t lent() const noexcept { return lent_; }

 private:
  [[nodiscard]] bool add_slab() noexcept;

  std::size_t buffer_bytes_;
  std::size_t lent_ = 0;
  std::vector<std::uint8_t*> warm_;  ///< free, the last one used last
  std::vector<std::uint8_t*> cold_;  ///< free, without memory
  std::vector<std::uint8_t*> slabs_;
};

}  // namespace whorl::http
