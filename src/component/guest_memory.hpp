/// A guest's memory as lifting and lowering see it, and bytes that may lie in one.
///
/// @thread shard
#pragma once

#include "base/bytes.hpp"
#include "component/host.hpp"
#include "component/transcode.hpp"

#include <cstdint>

namespace whorl::component {

class AbiFailure;

/// The memory of one guest.
class GuestMemory {
 public:
  /// The bytes of memory now; empty when there is none. Any guest entry may move or grow it.
  [[nodiscard]] virtual MutableByteView memory() = 0;
  /// Between pieces of long work: engine::Store::give_way_if_due(), which is no guest entry.
  ///
  /// @return  false where the guest is being ended
  [[nodiscard]] virtual bool give_way_if_due() { return true; }

 protected:
  ~GuestMemory() = default;
};

/// The guest's side of lowering. The running instance is one; tests have their own.
class GuestHeap : public GuestMemory {
 public:
  /// Calls the guest's realloc. The result is not checked yet.
  [[nodiscard]] virtual HostResult<std::uint32_t> reallocate(
      std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
  ) = 0;

  /// A block of the guest as its realloc is asked for it.
  struct Block {
    std::uint32_t ptr = 0;
    std::uint32_t size = 0;
  };
  /// What realloc answered, not checked yet, and the memory as it is after that.
  struct Answer {
    MutableByteView memory;
    std::uint32_t ptr = 0;
  };
  /// reallocate() and memory(), which always come together, in one call.
  ///
  /// @param failure  gets the reason where realloc does not come back: then only the memory counts
  [[nodiscard]] virtual Answer reallocate_in(
      Block old, std::uint32_t alignment, std::uint32_t new_size, AbiFailure& failure
  );

 protected:
  ~GuestHeap() = default;
};

/// Bytes to be lowered: of the host, or a place in a guest's memory that is looked up anew at each
/// use, since lowering enters guests. Owns nothing.
class ByteSource {
 public:
  /// @param bytes  stay where they are until lowering is done
  ByteSource(ByteView bytes) noexcept  // NOLINT(google-explicit-constructor): a kind of view
      : data_(bytes.data()), size_(bytes.size()) {}
  ByteSource(GuestMemory& memory, std::uint32_t ptr, std::uint32_t size) noexcept
      : memory_(&memory), ptr_(ptr), size_(size) {}

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Good until the next guest entry. Shorter than size() only if the memory shrank.
  [[nodiscard]] ByteView bytes() const {
    if (memory_ == nullptr) {
      return {data_, size_};
    }
    const ByteView all = memory_->memory();
    return std::uint64_t{ptr_} + size_ <= all.size() ? all.subspan(ptr_, size_) : ByteView{};
  }

 private:
  GuestMemory* memory_ = nullptr;
  const std::uint8_t* data_ = nullptr;
  std::uint32_t ptr_ = 0;
  std::size_t size_ = 0;
};

/// A string to be lowered; its bytes were checked.
struct TextSource {
  ByteSource bytes;
  TextForm form = TextForm::Utf8;
};

}  // namespace whorl::component
