/// BlockCache: the small blocks of memory that a thread freed, kept for its next allocations.
///
/// What a request allocates is freed when it is answered, and the next one asks for the same
/// sizes: on the thread of a shard they come from here, without a look at the allocator below.
/// Other threads cache nothing. Blocks are ordinary ones of malloc(): what was taken here may be
/// freed there, on any thread, and the other way round (ADR 30). @thread any; each has its own
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace whorl {

class BlockCache {
 public:
  /// Bytes of the largest block that is kept.
  static constexpr std::size_t kLargest = 2040;
  /// Blocks of one size kept at most, and bytes of one size.
  static constexpr std::size_t kMostBlocks = 64;
  static constexpr std::size_t kMostBytes = 16 * 1024;

  BlockCache() = default;
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// The calling thread's.
  [[nodiscard]] static BlockCache& of_this_thread() noexcept;

  /// While it lives, the calling thread keeps what it frees; then everything is given back.
  class Use {
   public:
    Use() noexcept { of_this_thread().open(); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { of_this_thread().close(); }
  };

  /// A block of at least `size` bytes that was given; null if there is none.
  [[nodiscard]] void* take(std::size_t size) noexcept {
    const std::size_t at = class_of(size);
    if (at >= kClasses || classes_[at].first == nullptr) {
      return nullptr;
    }
    Class& of = classes_[at];
    Block* block = of.first;
    of.first = unmask(block);
    block->owner = nullptr;
    ++of.room;
    return block;
  }
  /// Keeps a block. @param size  what it was allocated for
  /// @return false if the caller has to free it
  [[nodiscard]] bool give(void* memory, std::size_t size) noexcept {
    const std::size_t at = class_of(size);
    if (at >= kClasses || classes_[at].room == 0) {
      return false;
    }
    auto* block = static_cast<Block*>(memory);
    Class& of = classes_[at];
    if (block->owner == this) [[unlikely]] {
      check_not_kept(of, block);
    }
    block->owner = this;
    block->masked_next = mask(block, of.first);
    of.first = block;
    --of.room;
    return true;
  }

 private:
  /// What a kept block holds. Its list is masked by its place, as malloc() does it, and its owner
  /// tells blocks that are freed twice.
  struct Block {
    std::uintptr_t masked_next;
    const void* owner;
  };
  struct Class {
    Block* first = nullptr;
    std::size_t room = 0;  ///< how many more may be kept
  };

  /// Sizes as malloc() rounds them up: 24, 40, 56, … bytes, so that a block of malloc(size) has
  /// room for every size of its class.
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kHead = 8;
  static constexpr std::size_t kClasses = kLargest / kStep + 1;
  [[nodiscard]] static constexpr std::size_t class_of(std::size_t size) noexcept {
    return (size + kStep - kHead - 1) / kStep;
  }
  [[nodiscard]] static std::uintptr_t mask(const Block* at, const Block* next) noexcept {
    return (reinterpret_cast<std::uintptr_t>(at) >> 12) ^ reinterpret_cast<std::uintptr_t>(next);
  }
  [[nodiscard]] static Block* unmask(const Block* at) noexcept {
    return reinterpret_cast<Block*>((reinterpret_cast<std::uintptr_t>(at) >> 12) ^ at->masked_next);
  }
  /// Ends the process if the block is kept already.
  void check_not_kept(const Class& of, const Block* block) const noexcept;
  void open() noexcept;
  void close() noexcept;

  std::array<Class, kClasses> classes_;
  unsigned uses_ = 0;
};

}  // namespace whorl
