#include "engine/memory_reset.hpp"

#include "base/check.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace whorl::engine {

void give_back(MutableByteView part) noexcept {
  // Where the kernel refuses, the engine does the same later.
  ::madvise(part.data(), part.size(), MADV_DONTNEED);
}

const PageImages::Page* PageImages::find(std::uint32_t page) const noexcept {
  const auto found = pages_.find(page);
  return found == pages_.end() ? nullptr : found->second.get();
}

void PageImages::learn(ByteView prepared) {
  for (const std::uint32_t page : wanted_) {
    const std::uint64_t offset = std::uint64_t{page} * kPageBytes;
    if (offset + kPageBytes > prepared.size() || pages_.size() >= kMaxPages) {
      continue;
    }
    auto& image = pages_[page];
    if (!image) {
      image = std::make_unique<Page>();
      std::memcpy(image->data(), prepared.data() + offset, kPageBytes);
    }
  }
  wanted_.clear();
}

MemoryReset::Outcome MemoryReset::learn_dirty(const PageTracker& tracker, ByteView now) {
  std::vector<std::uint32_t> pages;
  if (!tracker.find_private(now, PageImages::kMaxPages, pages)) {
    return Outcome::Changed;
  }
  dirty_.clear();
  bool all_known = true;
  for (const std::uint32_t page : pages) {
    const PageImages::Page* image = images_->find(page);
    if (image == nullptr) {
      images_->want(page);
      all_known = false;
    }
    dirty_.push_back({page, image});
  }
  known_ = all_known;
  return all_known ? Outcome::Restored : Outcome::Unknown;
}

/// Whether no page became private that is not known: what it means that there was no fault.
bool MemoryReset::knows_all(const PageTracker& tracker, ByteView now) const {
  // Kept: to look must not itself cause faults.
  static thread_local std::vector<std::uint32_t> pages;
  return tracker.find_private(now, PageImages::kMaxPages, pages) &&
         std::ranges::all_of(pages, [&](std::uint32_t page) {
           return std::ranges::find(dirty_, page, &Dirty::page) != dirty_.end();
         });
}

MemoryReset::Outcome MemoryReset::restore(
    const PageTracker& tracker, MutableByteView now, bool faulted
) {
  if (now.data() != base_ || now.size() != size_) {
    return Outcome::Changed;
  }
  if (faulted || !known_) {
    if (const Outcome learned = learn_dirty(tracker, now); learned != Outcome::Restored) {
      return learned;
    }
  } else {
    WHORL_DCHECK(knows_all(tracker, now), "a page was written without a fault that was told");
  }
  for (const Dirty& dirty : dirty_) {
    std::memcpy(now.data() + std::size_t{dirty.page} * kPageBytes, dirty.image->data(), kPageBytes);
  }
  return Outcome::Restored;
}

}  // namespace whorl::engine
