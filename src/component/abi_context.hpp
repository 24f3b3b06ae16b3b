/// What lifting and lowering know of the guest: its memory, its realloc, its handle table, and the
/// first reason why the crossing failed.
///
/// Failure is sticky and costs nothing until it happens: functions go on with harmless values after
/// it, loops stop, and the caller asks failed() once at the end. Nothing here throws.
///
/// Lifting never enters the guest, so views into its memory stay good until lowering begins.
/// Lowering may enter it (realloc), so it holds offsets and asks for the bytes anew after each
/// entry. @thread shard. @spec CanonicalABI.md, "Lifting and Lowering Context", "Loading",
/// "Storing"
#pragma once

#include "base/bytes.hpp"
#include "component/handle_table.hpp"
#include "component/host.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component {

/// Longest string or list, bytes in guest memory (MAX_STRING_BYTE_LENGTH, MAX_LIST_BYTE_LENGTH).
inline constexpr std::uint64_t kMaxListBytes = (std::uint64_t{1} << 28) - 1;
/// Bytes that lifting the arguments of one call may copy, allocate or check as text.
inline constexpr std::uint64_t kMaxLiftedBytes = std::uint64_t{128} << 20;

/// The first failure of a crossing.
class AbiFailure {
 public:
  [[nodiscard]] bool failed() const noexcept { return trap_.has_value(); }
  /// Only the first call counts.
  void fail(std::string_view reason);
  void fail(HostTrap trap);
  /// Only when failed().
  [[nodiscard]] HostTrap take_trap() { return std::move(*trap_); }

 private:
  std::optional<HostTrap> trap_;
};

/// Whether handles lifted as borrows stay lent until the context ends: needed where one signature
/// both borrows and takes handles, since a guest may pass the same one twice.
enum class Lending : std::uint8_t { Lookup, Lend };

class LiftContext : public AbiFailure {
 public:
  /// @param memory   the guest's memory; empty if the function was lowered without one
  /// @param handles  outlives the context, like the memory
  LiftContext(ByteView memory, HandleTable& handles, Lending lending = Lending::Lookup) noexcept
      : memory_(memory), handles_(handles), lending_(lending) {}
  LiftContext(const LiftContext&) = delete;
  LiftContext& operator=(const LiftContext&) = delete;
  ~LiftContext() {
    if (!lent_.empty()) {
      unlend_all();
    }
  }

  /// The bytes [ptr, ptr + size) if they are there and ptr is aligned; otherwise fails and returns
  /// null.
  [[nodiscard]] const std::uint8_t* range(
      std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment
  ) {
    if ((ptr & (alignment - 1)) != 0) [[unlikely]] {
      fail("pointer not aligned");
      return nullptr;
    }
    if (std::uint64_t{ptr} + size > memory_.size()) [[unlikely]] {
      fail("pointer out of bounds of memory");
      return nullptr;
    }
    return memory_.data() + ptr;
  }
  /// The elements of a list, each `elem_size` > 0 bytes; null after a failure.
  [[nodiscard]] const std::uint8_t* load_list_from_range(
      std::uint32_t ptr, std::uint32_t length, std::uint32_t elem_size, std::uint32_t alignment
  );
  /// A string of UTF-8; empty after a failure.
  [[nodiscard]] std::string_view load_string_from_range(
      std::uint32_t ptr, std::uint32_t byte_length
  );
  /// Accounts for host memory or time about to be used. False, and failed, when the call has had
  /// enough.
  [[nodiscard]] bool charge(std::uint64_t bytes);

  /// Null after a failure.
  [[nodiscard]] HostResource* lift_borrow(std::uint32_t index, const ResourceTag& tag);
  [[nodiscard]] std::unique_ptr<HostResource> lift_own(std::uint32_t index, const ResourceTag& tag);

 private:
  void unlend_all() noexcept;

  ByteView memory_;
  HandleTable& handles_;
  Lending lending_;
  std::uint64_t charged_ = 0;
  std::vector<std::uint32_t> lent_;
};

/// The guest's side of lowering. The running instance is one; tests have their own.
class GuestHeap {
 public:
  /// The bytes of memory now; empty when there is none.
  [[nodiscard]] virtual MutableByteView memory() = 0;
  /// Calls the guest's realloc. The result is not checked yet.
  [[nodiscard]] virtual HostResult<std::uint32_t> reallocate(
      std::uint32_t old_ptr, std::uint32_t old_size, std::uint32_t alignment, std::uint32_t new_size
  ) = 0;

 protected:
  ~GuestHeap() = default;
};

class LowerContext : public AbiFailure {
 public:
  /// @param heap, handles  outlive the context
  LowerContext(GuestHeap& heap, HandleTable& handles) noexcept : heap_(heap), handles_(handles) {}
  LowerContext(const LowerContext&) = delete;
  LowerContext& operator=(const LowerContext&) = delete;

  /// Takes a place the guest gave to store a result in. False, and failed, unless it is aligned and
  /// in bounds.
  [[nodiscard]] bool accept(std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment);
  /// Asks the guest for memory; checks what it returns. Nothing may be stored there after a
  /// failure.
  [[nodiscard]] std::uint32_t allocate(std::uint64_t size, std::uint32_t alignment);
  /// Where an accepted or allocated offset is now: good until the next allocation.
  [[nodiscard]] std::uint8_t* at(std::uint32_t offset) noexcept { return base_ + offset; }

  struct Range {
    std::uint32_t ptr = 0;
    std::uint32_t length = 0;
  };
  [[nodiscard]] Range store_string_into_range(std::string_view text);
  [[nodiscard]] Range store_bytes_into_range(ByteView bytes);
  /// Space for `length` elements, to be stored by the caller unless failed().
  [[nodiscard]] Range allocate_list(
      std::size_t length, std::uint32_t elem_size, std::uint32_t alignment
  );

  /// The handle of a resource that now belongs to the guest.
  [[nodiscard]] std::uint32_t lower_own(
      const ResourceTag& tag, std::unique_ptr<HostResource> resource
  );

 private:
  GuestHeap& heap_;
  HandleTable& handles_;
  std::uint8_t* base_ = nullptr;
};

}  // namespace whorl::component
