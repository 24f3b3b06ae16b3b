/// Exact reset of a linear memory: after an event every byte is what it was before it.
///
/// A memory is restored by copying back the pages that were ever written, so that they stay private
/// and the next event's writes to them raise no fault: in steady state a reset is a few memcpy and
/// no system call but the one that asks for the fault count. What a page held before is learned
/// from a fresh instance of the same component, for the pages that turn out to be written, so that
/// nothing is kept of the others. @thread shard
#pragma once

#include "base/bytes.hpp"
#include "engine/page_tracker.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace whorl::engine {

/// The prepared contents of the pages that events write, for one memory of one component on one
/// shard; shared by its instances there.
class PageImages {
 public:
  /// Pages kept at most, per memory: 4 MiB. Copying more costs as much as a fresh instance.
  static constexpr std::size_t kMaxPages = 1024;

  using Page = std::array<std::uint8_t, kPageBytes>;

  /// The page's contents; null when they were not learned yet.
  [[nodiscard]] const Page* find(std::uint32_t page) const noexcept;
  /// Asks for the page to be learned from the next fresh instance.
  void want(std::uint32_t page) { wanted_.push_back(page); }
  /// Learns what is wanted from a memory in its prepared state. Cheap when nothing is.
  void learn(ByteView prepared);
  /// Bytes held.
  [[nodiscard]] std::size_t size_bytes() const noexcept { return pages_.size() * kPageBytes; }

 private:
  std::unordered_map<std::uint32_t, std::unique_ptr<Page>> pages_;
  std::vector<std::uint32_t> wanted_;
};

/// Gives the pages of a part of a linear memory, which begins and ends at pages, back to the
/// system. The guest must not run again.
void give_back(MutableByteView part) noexcept;

/// Restores one memory of one kept instance.
class MemoryReset {
 public:
  enum class Outcome : std::uint8_t {
    Restored,  ///< every byte is as prepared
    Unknown,   ///< it wrote pages that were not learned yet; they are wanted now
    Changed,   ///< it grew, moved, or wrote too much: not worth restoring
  };

  /// @param images    outlives this object
  /// @param prepared  the memory in its prepared state
  MemoryReset(PageImages& images, ByteView prepared) noexcept
      : images_(&images), base_(prepared.data()), size_(prepared.size()) {}

  /// After an event and before the next. After any other outcome than Restored the instance must
  /// not be used again.
  ///
  /// @param now      the memory as it is
  /// @param faulted  whether this thread had page faults while the event ran
  [[nodiscard]] Outcome restore(const PageTracker& tracker, MutableByteView now, bool faulted);
  /// Pages that a restore copies.
  [[nodiscard]] std::size_t dirty_pages() const noexcept { return dirty_.size(); }

 private:
  struct Dirty {
    std::uint32_t page;
    const PageImages::Page* image;
  };
  [[nodiscard]] Outcome learn_dirty(const PageTracker& tracker, ByteView now);
  [[nodiscard]] bool knows_all(const PageTracker& tracker, ByteView now) const;

  PageImages* images_;
  const std::uint8_t* base_;
  std::size_t size_;
  bool known_ = false;  ///< whether `dirty_` is what the kernel said at some time
  std::vector<Dirty> dirty_;
};

}  // namespace whorl::engine
