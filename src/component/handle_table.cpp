#include "component/handle_table.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace whorl::component {
namespace {

// A cleared table that once grew beyond this gives its memory back.
constexpr std::size_t kKeptCapacity = 256;

/// " (door)", or nothing where no name is known.
std::string named(ResourceKey key) {
  const std::string_view name = name_of(key);
  return name.empty() ? std::string() : fmt::format(" ({})", name);
}

std::string wrong_type(std::uint32_t index, ResourceKey expected, ResourceKey found) {
  if (!expected.is_host && !found.is_host) {
    return fmt::format(
        "handle index {} used with the wrong type, expected guest-defined resource but found a "
        "different guest-defined resource{}",
        index,
        name_of(expected) == name_of(found)
            ? std::string()
            : fmt::format(": expected{}, found{}", named(expected), named(found))
    );
  }
  const auto text = [](ResourceKey key) {
    return key.is_host ? std::string(name_of(key)) : "guest-defined resource" + named(key);
  };
  return fmt::format(
      "handle index {} used with the wrong type, expected {} but found {}",
      index,
      text(expected),
      text(found)
  );
}

std::unexpected<HostTrap> lent_out(std::uint32_t index, ResourceKey key, HandleKind kind) {
  return trap(fmt::format(
      "cannot remove {} resource while borrowed: handle index {}{} is lent out",
      kind == HandleKind::Own ? "owned" : "borrowed",
      index,
      named(key)
  ));
}

}  // namespace

HandleTable::HandleTable(HandleTable&& other) noexcept
    : total_(other.total_),
      entries_(std::move(other.entries_)),
      first_free_(std::exchange(other.first_free_, 0)),
      newest_(std::exchange(other.newest_, 0)),
      used_(std::exchange(other.used_, 0)) {
  other.entries_.clear();
}

HandleTable& HandleTable::operator=(HandleTable&& other) noexcept {
  if (this != &other) {
    clear();
    total_ = other.total_;
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

HostResult<std::uint32_t> HandleTable::new_entry(HandleKind kind, ResourceKey key) {
  std::uint32_t index = first_free_;
  if (index != 0) {
    first_free_ = at(index).older;
  } else {
    if (entries_.size() >= kMaxEntries) {
      return trap(fmt::format("too many resource handles: the limit is {}", kMaxEntries));
    }
    if (total_ != nullptr && *total_ >= kMaxEntriesOfAll) [[unlikely]] {
      return trap(fmt::format(
          "too many resource handles: the limit for all component instances is {}", kMaxEntriesOfAll
      ));
    }
    entries_.emplace_back();
    if (total_ != nullptr) [[likely]] {
      ++*total_;
    }
    index = static_cast<std::uint32_t>(entries_.size());
  }
  Entry& entry = at(index);
  entry.key = key;
  entry.object.get_deleter().kind = kind;
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

std::unexpected<HostTrap> HandleTable::missing(std::uint32_t index, ResourceKey key) const {
  if (index == 0 || index > entries_.size() || at(index).kind() == HandleKind::Free) {
    const std::string_view name = name_of(key);
    return trap(
        name.empty() ? fmt::format("unknown handle index {}", index)
                     : fmt::format("unknown handle index {}: expected a {}", index, name)
    );
  }
  return trap(wrong_type(index, key, at(index).key));
}

HostResult<std::uint32_t> HandleTable::add_own(ResourceKey key, ResourceRep rep) {
  auto index = new_entry(HandleKind::Own, key);
  if (index) [[likely]] {
    Entry& entry = at(*index);
    entry.rep = rep.rep();
    entry.object.reset(rep.take_object().release());
  }
  return index;
}

HostResult<std::uint32_t> HandleTable::add_borrow(
    ResourceKey key, BorrowedRep rep, BorrowScope& scope
) {
  auto index = new_entry(HandleKind::Borrow, key);
  if (index) [[likely]] {
    Entry& entry = at(*index);
    entry.rep = rep.rep;
    entry.object.reset(rep.object);
    entry.scope = &scope;
    ++scope.num_borrows;
  }
  return index;
}

HostResult<ResourceRep> HandleTable::take_own(std::uint32_t index, ResourceKey key) {
  const Entry* entry = find(index, key);
  if (entry == nullptr) [[unlikely]] {
    return missing(index, key);
  }
  if (entry->lends != 0) [[unlikely]] {
    return lent_out(index, key, entry->kind());
  }
  if (entry->kind() != HandleKind::Own) [[unlikely]] {
    return trap(
        fmt::format("cannot lift own resource from a borrow: handle index {}{}", index, named(key))
    );
  }
  return release(index);
}

HostResult<BorrowedRep> HandleTable::rep(std::uint32_t index, ResourceKey key) const {
  const Entry* entry = find(index, key);
  if (entry == nullptr) [[unlikely]] {
    return missing(index, key);
  }
  return BorrowedRep{entry->object.get(), entry->rep};
}

HostResult<BorrowedRep> HandleTable::lend(std::uint32_t index, ResourceKey key) {
  const Entry* entry = find(index, key);
  if (entry == nullptr) [[unlikely]] {
    return missing(index, key);
  }
  ++at(index).lends;
  return BorrowedRep{entry->object.get(), entry->rep};
}

HostResult<HandleTable::Dropped> HandleTable::drop(std::uint32_t index, ResourceKey key) {
  const Entry* entry = find(index, key);
  if (entry == nullptr) [[unlikely]] {
    return missing(index, key);
  }
  const HandleKind kind = entry->kind();
  if (entry->lends != 0) [[unlikely]] {
    return lent_out(index, key, kind);
  }
  if (kind == HandleKind::Borrow) {
    --entry->scope->num_borrows;
  }
  return Dropped{kind == HandleKind::Own, release(index)};
}

void HandleTable::abandon(BorrowScope& scope) noexcept {
  for (std::uint32_t index = 1; index <= entries_.size() && scope.num_borrows != 0; ++index) {
    if (at(index).kind() == HandleKind::Borrow && at(index).scope == &scope) {
      --scope.num_borrows;
      (void)release(index);
    }
  }
}

void HandleTable::abandon_all() noexcept {
  for (std::uint32_t index = 1; index <= entries_.size(); ++index) {
    if (at(index).kind() == HandleKind::Borrow) {
      --at(index).scope->num_borrows;
      (void)release(index);
    }
  }
}

HostResult<std::uint32_t> HandleTable::add(
    const ResourceTag& tag, std::unique_ptr<HostResource> resource
) {
  return add_own(resource_key(tag), ResourceRep(std::move(resource)));
}

HostResult<HostResource*> HandleTable::get(std::uint32_t index, const ResourceTag& tag) const {
  const Entry* entry = find(index, resource_key(tag));
  if (entry == nullptr) [[unlikely]] {
    return missing(index, resource_key(tag));
  }
  return entry->object.get();
}

HostResult<std::unique_ptr<HostResource>> HandleTable::take(
    std::uint32_t index, const ResourceTag& tag
) {
  auto rep = take_own(index, resource_key(tag));
  if (!rep) [[unlikely]] {
    return std::unexpected(std::move(rep.error()));
  }
  return rep->take_object();
}

HostResult<HostResource*> HandleTable::lend(std::uint32_t index, const ResourceTag& tag) {
  const Entry* entry = find(index, resource_key(tag));
  if (entry == nullptr) [[unlikely]] {
    return missing(index, resource_key(tag));
  }
  ++at(index).lends;
  return entry->object.get();
}

ResourceRep HandleTable::release(std::uint32_t index) noexcept {
  Entry& entry = at(index);
  if (entry.newer != 0) {
    at(entry.newer).older = entry.older;
  } else {
    newest_ = entry.older;
  }
  if (entry.older != 0) {
    at(entry.older).newer = entry.newer;
  }
  HostResource* object = entry.object.release();
  const bool owned = entry.kind() == HandleKind::Own;
  entry.object.get_deleter().kind = HandleKind::Free;
  entry.key = {};
  entry.scope = nullptr;
  entry.lends = 0;
  entry.newer = 0;
  entry.older = first_free_;
  first_free_ = index;
  --used_;
  if (owned && object != nullptr) {
    return ResourceRep(std::unique_ptr<HostResource>(object));
  }
  return ResourceRep(entry.rep);
}

void HandleTable::clear() noexcept {
  while (newest_ != 0) {
    // Unlinked first, destroyed second: a destructor sees a table without its own entry.
    const ResourceRep gone = release(newest_);
  }
  if (total_ != nullptr) {
    *total_ -= static_cast<std::uint32_t>(entries_.size());
  }
  entries_.clear();
  first_free_ = 0;
  if (entries_.capacity() > kKeptCapacity) {
    entries_.shrink_to_fit();
  }
}

}  // namespace whorl::component
