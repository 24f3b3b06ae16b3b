#include "component/handle_table.hpp"

#include <fmt/format.h>

#include <utility>

namespace whorl::component {
namespace {

// A cleared table that once grew beyond this gives its memory back.
constexpr std::size_t kKeptCapacity = 256;

}  // namespace

HandleTable::HandleTable(HandleTable&& other) noexcept
    : entries_(std::move(other.entries_)),
      first_free_(std::exchange(other.first_free_, 0)),
      newest_(std::exchange(other.newest_, 0)),
      used_(std::exchange(other.used_, 0)) {
  other.entries_.clear();
}

HandleTable& HandleTable::operator=(HandleTable&& other) noexcept {
  if (this != &other) {
    clear();
    entries_ = std::move(other.entries_);
    other.entries_.clear();
    first_free_ = std::exchange(other.first_free_, 0);
    newest_ = std::exchange(other.newest_, 0);
    used_ = std::exchange(other.used_, 0);
  }
  return *this;
}

HandleTable::~HandleTable() {
  clear();
}

HostResult<std::uint32_t> HandleTable::add(
    const ResourceTag& tag, std::unique_ptr<HostResource> resource
) {
  std::uint32_t index = first_free_;
  if (index != 0) {
    first_free_ = at(index).older;
  } else {
    if (entries_.size() >= kMaxEntries) {
      return trap(fmt::format("too many resource handles: the limit is {}", kMaxEntries));
    }
    entries_.emplace_back();
    index = static_cast<std::uint32_t>(entries_.size());
  }
  Entry& entry = at(index);
  entry.tag = &tag;
  entry.resource = std::move(resource);
  entry.lends = 0;
  entry.older = newest_;
  entry.newer = 0;
  if (newest_ != 0) {
    at(newest_).newer = index;
  }
  newest_ = index;
  ++used_;
  return index;
}

HostResult<std::uint32_t> HandleTable::find(std::uint32_t index, const ResourceTag& tag) const {
  if (index == 0 || index > entries_.size() || at(index).tag == nullptr) {
    return trap(fmt::format("unknown handle {}: expected a {}", index, tag.name));
  }
  if (at(index).tag != &tag) {
    return trap(
        fmt::format("handle {} is a {}, expected a {}", index, at(index).tag->name, tag.name)
    );
  }
  return index;
}

HostResult<HostResource*> HandleTable::get(std::uint32_t index, const ResourceTag& tag) const {
  if (auto found = find(index, tag); !found) [[unlikely]] {
    return std::unexpected(std::move(found.error()));
  }
  return at(index).resource.get();
}

HostResult<std::unique_ptr<HostResource>> HandleTable::take(
    std::uint32_t index, const ResourceTag& tag
) {
  if (auto found = find(index, tag); !found) [[unlikely]] {
    return std::unexpected(std::move(found.error()));
  }
  if (at(index).lends != 0) [[unlikely]] {
    return trap(fmt::format("handle {} ({}) is taken while it is lent out", index, tag.name));
  }
  return release(index);
}

HostResult<HostResource*> HandleTable::lend(std::uint32_t index, const ResourceTag& tag) {
  auto resource = get(index, tag);
  if (resource) {
    ++at(index).lends;
  }
  return resource;
}

void HandleTable::unlend(std::uint32_t index) noexcept {
  // The table may have been cleared in between, when the instance is ended.
  if (index != 0 && index <= entries_.size() && at(index).lends != 0) {
    --at(index).lends;
  }
}

std::unique_ptr<HostResource> HandleTable::release(std::uint32_t index) noexcept {
  Entry& entry = at(index);
  if (entry.newer != 0) {
    at(entry.newer).older = entry.older;
  } else {
    newest_ = entry.older;
  }
  if (entry.older != 0) {
    at(entry.older).newer = entry.newer;
  }
  entry.tag = nullptr;
  entry.lends = 0;
  entry.newer = 0;
  entry.older = first_free_;
  first_free_ = index;
  --used_;
  return std::move(entry.resource);
}

void HandleTable::clear() noexcept {
  while (newest_ != 0) {
    // Unlinked first, destroyed second: a destructor sees a table without its own entry.
    const std::unique_ptr<HostResource> gone = release(newest_);
  }
  entries_.clear();
  first_free_ = 0;
  if (entries_.capacity() > kKeptCapacity) {
    entries_.shrink_to_fit();
  }
}

}  // namespace whorl::component
