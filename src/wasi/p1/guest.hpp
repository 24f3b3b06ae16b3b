/// Guest: what a preview 1 function knows of its caller: the store, the fiber, the memory.
///
/// Every access to memory is checked with 64-bit arithmetic. A pointer that is out of bounds or not
/// aligned ends the guest, as the witx documents ask: the failure is sticky, reads give zeros and
/// writes do nothing after it, and the thunk turns it into a trap. Functions therefore check what
/// they will write to before they act. @thread shard
/// @spec WASI preview 1, witx-docs "Pointers"
#pragma once

#include "async/parkable.hpp"
#include "base/bytes.hpp"
#include "component/host.hpp"
#include "engine/fault_watch.hpp"
#include "engine/store.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace whorl::wasi::p1 {

/// A place in guest memory.
using Ptr = std::uint32_t;

/// A buffer in guest memory, known to be in bounds.
struct Range {
  Ptr ptr;
  std::uint32_t size;
};

/// The buffers of one scattered read or write, none of them empty. Lives on the fiber's stack.
class Buffers {
 public:
  /// How many of a call are used; more make a short read or write.
  static constexpr std::size_t kMax = 256;
  /// Bytes one call moves; more make a short read or write, since files block the shard.
  static constexpr std::uint32_t kMaxBytes = std::uint32_t{4} << 20;

  void add(Range buffer) noexcept {
    if (count_ < kMax && buffer.size > 0 && bytes_ < kMaxBytes) {
      buffer.size = std::min(buffer.size, kMaxBytes - bytes_);
      bytes_ += buffer.size;
      items_[count_++] = buffer;
    }
  }
  void clear() noexcept { count_ = bytes_ = 0; }
  [[nodiscard]] std::span<const Range> items() const noexcept { return {items_.data(), count_}; }
  /// Of all together.
  [[nodiscard]] std::uint32_t bytes() const noexcept { return bytes_; }

 private:
  std::array<Range, kMax> items_;
  std::uint32_t count_ = 0;
  std::uint32_t bytes_ = 0;
};

static_assert(std::endian::native == std::endian::little, "guest memory is little-endian");

/// One call's view of the guest. Views into the memory stay good until the fiber waits: refresh()
/// afterwards.
class Guest {
 public:
  /// @param memory  null when the module exports none
  /// @param fiber   null while a start function runs: then waiting is a trap
  Guest(engine::Store& store, const engine::Memory* memory, async::Parkable* fiber) noexcept
      : store_(store), memory_(memory), fiber_(fiber) {
    refresh();
  }
  /// For tests: bytes that are nobody's memory.
  Guest(engine::Store& store, MutableByteView bytes, async::Parkable* fiber) noexcept
      : store_(store), fiber_(fiber), bytes_(bytes) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  [[nodiscard]] engine::Store& store() const noexcept { return store_; }
  [[nodiscard]] async::Parkable* fiber() const noexcept { return fiber_; }

  [[nodiscard]] bool failed() const noexcept { return trap_.has_value(); }
  /// The guest is to be ended; only the first call counts.
  void fail(component::HostTrap trap);
  /// Only when failed().
  [[nodiscard]] component::HostTrap take_trap() {
    return trap_ ? *std::move(trap_) : component::HostTrap{};
  }

  /// After a wait: another task of the guest may have made its memory grow.
  void refresh() noexcept {
    if (memory_ != nullptr) {
      bytes_ = store_.bytes_of(*memory_);
    }
  }

  /// Fails unless the `size` bytes at `ptr` are there and `ptr` is aligned.
  [[nodiscard]] bool check(Ptr ptr, std::uint64_t size, std::uint32_t alignment = 1) {
    if ((ptr & (alignment - 1)) != 0) [[unlikely]] {
      return fault("a pointer that is not aligned");
    }
    if (std::uint64_t{ptr} + size > bytes_.size()) [[unlikely]] {
      return fault("a pointer out of bounds of its memory");
    }
    return true;
  }
  /// The bytes of a range, which the kernel may write, too; empty after a failure.
  [[nodiscard]] MutableByteView range(Ptr ptr, std::uint64_t size) {
    engine::FaultWatch::expect_kernel_writes();
    return own_range(ptr, size);
  }
  /// The bytes of a range, which only this program writes, itself and before the function returns:
  /// no system call may be given them to write. Empty after a failure.
  [[nodiscard]] MutableByteView own_range(Ptr ptr, std::uint64_t size) {
    return check(ptr, size) ? bytes_.subspan(ptr, static_cast<std::size_t>(size))
                            : MutableByteView{};
  }
  /// The bytes of a range, to be read; empty after a failure.
  [[nodiscard]] ByteView view(Ptr ptr, std::uint64_t size) {
    return check(ptr, size) ? ByteView(bytes_).subspan(ptr, static_cast<std::size_t>(size))
                            : ByteView{};
  }
  /// A string of the guest, which may be anything; empty after a failure.
  [[nodiscard]] std::string_view text(Ptr ptr, std::uint32_t size) {
    return as_text(view(ptr, size));
  }

  /// Reads a little-endian number.
  template <std::unsigned_integral T>
  [[nodiscard]] T read(Ptr ptr) {
    T value = 0;
    if (check(ptr, sizeof(T), alignof(T))) {
      std::memcpy(&value, bytes_.data() + ptr, sizeof(T));
    }
    return value;
  }
  /// Writes a little-endian number.
  template <std::unsigned_integral T>
  void write(Ptr ptr, T value) {
    if (check(ptr, sizeof(T), alignof(T))) {
      std::memcpy(bytes_.data() + ptr, &value, sizeof(T));
    }
  }
  void write_bytes(Ptr ptr, ByteView from) {
    if (check(ptr, from.size()) && !from.empty()) {
      std::memcpy(bytes_.data() + ptr, from.data(), from.size());
    }
  }

  /// Reads an array of iovecs or ciovecs and checks where each points. Empty after a failure.
  void read_buffers(Ptr array, std::uint32_t count, Buffers& out);

 private:
  [[nodiscard]] bool fault(const char* what);

  engine::Store& store_;
  const engine::Memory* memory_ = nullptr;
  async::Parkable* fiber_;
  MutableByteView bytes_;
  std::optional<component::HostTrap> trap_;
};

}  // namespace whorl::wasi::p1
