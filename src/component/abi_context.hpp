/// What lifting and lowering know of the guest: its memory, its realloc, its handle table, and the
/// first reason why the crossing failed.
///
/// Failure is sticky and costs nothing until it happens: functions go on with harmless values after
/// it, loops stop, and the caller asks failed() once at the end. Nothing here throws.
///
/// What can be long is done in pieces (component/pieces.hpp), with looks at the clock between them
/// that let others of the shard have their turn, and nobody of this store.
///
/// Lifting never enters the guest, so views into its memory stay good until lowering begins.
/// Lowering may enter it (realloc), so it holds offsets and asks for the bytes anew after each
/// entry. @thread shard. @spec CanonicalABI.md, "Lifting and Lowering Context", "Loading",
/// "Storing"
#pragma once

#include "base/bytes.hpp"
#include "component/guest_memory.hpp"
#include "component/handle_table.hpp"
#include "component/host.hpp"
#include "component/pieces.hpp"
#include "component/transcode.hpp"
#include "component/utf8.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
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
  [[nodiscard]] bool failed() const noexcept { return trap_ != nullptr; }
  /// Only the first call counts.
  void fail(std::string_view reason);
  void fail(HostTrap trap);
  /// Only when failed().
  [[nodiscard]] HostTrap take_trap() { return std::move(*trap_); }

 private:
  /// Out of line, so that what never happens takes no room where contexts end.
  struct Deleter {
    void operator()(HostTrap* trap) const noexcept;
  };
  std::unique_ptr<HostTrap, Deleter> trap_;
};

/// What a pointer leads to, for messages.
enum class Pointee : std::uint8_t { Value, String, List };

/// Whether handles lifted as borrows stay lent until the context ends: needed where the guest can
/// run meanwhile, or where one signature both borrows and takes handles.
enum class Lending : std::uint8_t { Lookup, Lend };

class LiftContext : public AbiFailure {
 public:
  /// @param memory   the guest's memory; empty if the function was lowered without one
  /// @param handles  outlives the context, like the memory
  /// @param store    gives way between pieces of long work; null where it may not
  LiftContext(
      ByteView memory,
      HandleTable& handles,
      Lending lending = Lending::Lookup,
      StringEncoding encoding = StringEncoding::Utf8,
      engine::Store* store = nullptr
  ) noexcept
      : memory_(memory), handles_(handles), store_(store), lending_(lending), encoding_(encoding) {}
  LiftContext(const LiftContext&) = delete;
  LiftContext& operator=(const LiftContext&) = delete;
  [[gnu::always_inline]] ~LiftContext() {
    if (lent_count_ == 1) {
      handles_.unlend(lent_[0]);
    } else if (lent_count_ != 0) [[unlikely]] {
      unlend_all();
    }
  }

  /// Lets Values keep places in this memory instead of copies: for values that are lowered at once
  /// into the memory of another component. It is the same memory as the constructor's.
  void allow_views(GuestMemory& memory) noexcept { view_memory_ = &memory; }
  /// Null unless views are allowed.
  [[nodiscard]] GuestMemory* view_memory() const noexcept { return view_memory_; }

  /// The bytes [ptr, ptr + size) if they are there and ptr is aligned; otherwise fails and returns
  /// null.
  [[nodiscard]] const std::uint8_t* range(
      std::uint32_t ptr,
      std::uint64_t size,
      std::uint32_t alignment,
      Pointee pointee = Pointee::Value
  ) {
    if ((ptr & (alignment - 1)) != 0 || std::uint64_t{ptr} + size > memory_.size()) [[unlikely]] {
      fail_range(ptr, size, alignment, pointee);
      return nullptr;
    }
    return memory_.data() + ptr;
  }
  /// The elements of a list, each `elem_size` > 0 bytes; null after a failure.
  [[nodiscard]] const std::uint8_t* load_list_from_range(
      std::uint32_t ptr, std::uint32_t length, std::uint32_t elem_size, std::uint32_t alignment
  ) {
    const std::uint64_t bytes = std::uint64_t{length} * elem_size;
    if (bytes > kMaxListBytes) [[unlikely]] {
      fail("list is too long");
      return nullptr;
    }
    return range(ptr, bytes, alignment, Pointee::List);
  }
  /// Where a string's bytes are; checked.
  struct Text {
    ByteView bytes;
    TextForm form = TextForm::Utf8;
  };
  [[nodiscard]] Text load_text_from_range(std::uint32_t ptr, std::uint32_t tagged_code_units);
  /// A string as UTF-8: a view into the memory, or for other encodings into the context, which must
  /// live as long. Empty after a failure.
  [[nodiscard, gnu::always_inline]] std::string_view load_string_from_range(
      std::uint32_t ptr, std::uint32_t tagged_code_units
  ) {
    return encoding_ == StringEncoding::Utf8 ? load_utf8(ptr, tagged_code_units)
                                             : load_transcoded(ptr, tagged_code_units);
  }
  /// Lowers what charge() allows, from kMaxLiftedBytes.
  void limit(std::uint64_t bytes) noexcept {
    until_look_ = std::min<std::uint64_t>(bytes, kPieceBytes);
    left_ = bytes - until_look_;
  }
  /// Accounts for host memory or time about to be used, and gives way if that is due whenever it
  /// adds up to a piece. False, and failed, when the call has had enough.
  [[nodiscard]] bool charge(std::uint64_t bytes) {
    if (bytes > until_look_) [[unlikely]] {
      return charge_and_look(bytes);
    }
    until_look_ -= bytes;
    return true;
  }
  /// What charge() was asked for so far, where limit() was not used.
  [[nodiscard]] std::uint64_t charged() const noexcept {
    return kMaxLiftedBytes - until_look_ - left_;
  }
  /// Between pieces of long work. False, and failed, where the guest is being ended.
  [[nodiscard]] bool go_on();

  /// Null after a failure.
  [[nodiscard]] HostResource* lift_borrow(std::uint32_t index, const ResourceTag& tag) {
    const bool lends = lending_ == Lending::Lend;
    HostResource* object = lends ? handles_.try_lend(index, tag) : handles_.find_object(index, tag);
    if (object == nullptr) [[unlikely]] {
      return lift_other_borrow(index, tag);
    }
    if (lends) {
      keep_lent(index);
    }
    return object;
  }
  [[nodiscard]] std::unique_ptr<HostResource> lift_own(std::uint32_t index, const ResourceTag& tag);
  [[nodiscard]] ByteView memory() const noexcept { return memory_; }
  /// The table that handles are lifted from.
  [[nodiscard]] HandleTable& handles() noexcept { return handles_; }
  /// Of any resource; harmless after a failure.
  [[nodiscard]] BorrowedRep lift_borrow(std::uint32_t index, ResourceKey key);
  [[nodiscard]] ResourceRep lift_own(std::uint32_t index, ResourceKey key);

 private:
  void fail_range(std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment, Pointee pointee);
  [[nodiscard]] bool charge_and_look(std::uint64_t bytes);
  [[nodiscard, gnu::always_inline]] std::string_view load_utf8(
      std::uint32_t ptr, std::uint32_t byte_length
  ) {
    if (byte_length > kPieceBytes) [[unlikely]] {
      return load_long_utf8(ptr, byte_length);
    }
    const std::uint8_t* bytes = range(ptr, byte_length, 1, Pointee::String);
    if (bytes == nullptr || !charge(byte_length)) [[unlikely]] {
      return {};
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes), byte_length);
    if (!is_valid_utf8(text)) [[unlikely]] {
      return fail_utf8(text);
    }
    return text;
  }
  std::string_view fail_utf8(std::string_view text);
  [[nodiscard]] std::string_view load_long_utf8(std::uint32_t ptr, std::uint32_t byte_length);
  [[nodiscard]] std::string_view load_transcoded(
      std::uint32_t ptr, std::uint32_t tagged_code_units
  );
  /// What lift_borrow() does not find at once.
  [[nodiscard]] HostResource* lift_other_borrow(std::uint32_t index, const ResourceTag& tag);
  void keep_lent(std::uint32_t index) {
    if (lent_count_ < kInlineLent) [[likely]] {
      lent_[lent_count_] = index;
    } else {
      spill_lent(index);
    }
    ++lent_count_;
  }
  void spill_lent(std::uint32_t index);
  void unlend_all() noexcept;

  static constexpr std::size_t kInlineLent = 4;

  ByteView memory_;
  HandleTable& handles_;
  engine::Store* store_;
  GuestMemory* view_memory_ = nullptr;
  Lending lending_;
  StringEncoding encoding_;
  std::uint64_t until_look_ = kPieceBytes;
  std::uint64_t left_ = kMaxLiftedBytes - kPieceBytes;  ///< of what charge() allows, beyond that
  std::uint32_t lent_count_ = 0;
  std::array<std::uint32_t, kInlineLent> lent_;  ///< the first ones; uninitialised beyond the count
  /// What few calls need.
  struct Spill {
    std::vector<std::uint32_t> lent;
    std::vector<std::unique_ptr<char[]>> transcoded;
  };
  struct SpillDeleter {
    void operator()(Spill* spill) const noexcept;  ///< out of line, as above
  };
  [[nodiscard]] Spill& spill();
  std::unique_ptr<Spill, SpillDeleter> spill_;
};

class LowerContext : public AbiFailure {
 public:
  /// @param heap, handles    outlive the context
  /// @param component_index  the component instance lowered into: its own resources are passed bare
  /// @param scope            of the call that lends; null where nothing can be lent
  LowerContext(
      GuestHeap& heap,
      HandleTable& handles,
      StringEncoding encoding = StringEncoding::Utf8,
      std::uint16_t component_index = CallSite::kNone,
      BorrowScope* scope = nullptr
  ) noexcept
      : heap_(heap),
        handles_(handles),
        scope_(scope),
        component_index_(component_index),
        encoding_(encoding) {}
  LowerContext(const LowerContext&) = delete;
  LowerContext& operator=(const LowerContext&) = delete;

  /// Takes a place the guest gave to store a result in. False, and failed, unless it is aligned and
  /// in bounds.
  [[nodiscard]] bool accept(std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment) {
    return accept_in(heap_.memory(), ptr, size, alignment);
  }
  /// The same where the caller knows what the memory is now.
  [[nodiscard]] bool accept_in(
      MutableByteView memory, std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment
  ) {
    base_ = memory.data();
    if ((ptr & (alignment - 1)) != 0 || std::uint64_t{ptr} + size > memory.size()) [[unlikely]] {
      fail_accept(ptr, size, alignment, memory.size());
      return false;
    }
    return true;
  }
  /// Asks the guest for memory; checks what it returns. Nothing may be stored there after a
  /// failure.
  [[nodiscard]] std::uint32_t allocate(
      std::uint64_t size, std::uint32_t alignment, Pointee pointee = Pointee::Value
  );
  /// Between pieces of long work. False, and failed, where the guest is being ended.
  [[nodiscard]] bool go_on();
  /// Copies to an accepted or allocated place of as many bytes, from any place.
  void copy_to(std::uint32_t offset, ByteView from) {
    if (from.size() > kPieceBytes) [[unlikely]] {
      return copy_in_pieces(offset, from);
    }
    if (!from.empty()) {
      std::memmove(at(offset), from.data(), from.size());
    }
  }
  /// Where an accepted or allocated offset is now: good until the next allocation.
  [[nodiscard]] std::uint8_t* at(std::uint32_t offset) noexcept { return base_ + offset; }

  struct Range {
    std::uint32_t ptr = 0;
    std::uint32_t length = 0;  ///< elements; of a string: tagged code units
  };
  /// A string of the host, in UTF-8; checked.
  [[nodiscard]] Range store_string_into_range(std::string_view text);
  /// A string that was lifted.
  [[nodiscard]] Range store_string_into_range(const TextSource& text);
  [[nodiscard]] Range store_bytes_into_range(ByteView bytes);
  /// Space for `length` elements, to be stored by the caller unless failed().
  [[nodiscard]] Range allocate_list(
      std::size_t length, std::uint32_t elem_size, std::uint32_t alignment
  );

  /// The table that handles are lowered into.
  [[nodiscard]] HandleTable& handles() noexcept { return handles_; }
  /// The handle of a resource that now belongs to the guest.
  [[nodiscard]] std::uint32_t lower_own(
      const ResourceTag& tag, std::unique_ptr<HostResource> resource
  );
  [[nodiscard]] std::uint32_t lower_own(ResourceKey key, ResourceRep rep);
  /// A handle that must be dropped before the call returns, or the bare representation where the
  /// component instance is the one that implements the resource.
  [[nodiscard]] std::uint32_t lower_borrow(const ResourceType& type, BorrowedRep rep);

 private:
  /// Memory of the guest that is being filled.
  using Block = GuestHeap::Block;
  [[nodiscard]] MutableByteView room(Block block, std::uint32_t from) noexcept {
    return {base_ + block.ptr + from, block.size - from};
  }
  /// Resizes a block; from an empty one it allocates. False after a failure.
  [[nodiscard]] bool reallocate(
      Block& block, std::uint64_t size, std::uint32_t alignment, Pointee pointee
  );
  void fail_accept(
      std::uint32_t ptr, std::uint64_t size, std::uint32_t alignment, std::size_t memory_size
  );
  void fail_realloc(Block block, std::uint32_t alignment, Pointee pointee, std::size_t memory_size);
  void copy_in_pieces(std::uint32_t offset, ByteView from);
  /// transcode_in_pieces() that gives way.
  template <class Step>
  [[nodiscard]] Transcoded transcode(ByteView from, MutableByteView to, Step step) {
    return transcode_in_pieces(from, to, step, [this] { return go_on(); });
  }

  // abi_string.cpp; named as in definitions.py.
  [[nodiscard]] Range store_string_copy(
      const TextSource& text, std::uint32_t unit, std::uint32_t alignment
  );
  [[nodiscard]] Range store_string_to_utf8(const TextSource& text);
  [[nodiscard]] Range store_utf8_to_utf16(const TextSource& text);
  [[nodiscard]] Range store_string_to_latin1_or_utf16(const TextSource& text);
  [[nodiscard]] Range store_probably_utf16_to_latin1_or_utf16(const TextSource& text);
  [[nodiscard]] bool is_complete(std::size_t done, const TextSource& text);
  [[nodiscard]] bool is_long_utf8(std::string_view text);

  GuestHeap& heap_;
  HandleTable& handles_;
  BorrowScope* scope_;
  std::uint8_t* base_ = nullptr;
  std::uint16_t component_index_;
  StringEncoding encoding_;
};

}  // namespace whorl::component
