/// HandleTable: the resource handles of one component instance, guests' and the host's, owned and
/// borrowed, in one index space.
///
/// Indices start at 1; the one freed last is used again first. Every access checks that the entry
/// exists, what kind of handle it is and which resource type it has. The waitables, waitable sets,
/// stream and future ends, subtasks and error contexts of WASI 0.3 share the index space: they are
/// owned handles of types that no resource has (component/waitable.hpp). @spec CanonicalABI.md,
/// "Table State", "Resource State".
/// @thread shard
#pragma once

#include "component/host.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::component {

class AsyncState;

/// What a call lent to its callee and has not got back: the borrow handles in the callee's table
/// that belong to it. Must be 0 when the callee returns. Outlives those handles, or
/// HandleTable::abandon() is called. @spec definitions.py Task.num_borrows
struct BorrowScope {
  BorrowScope() = default;
  BorrowScope(const BorrowScope&) = delete;
  BorrowScope& operator=(const BorrowScope&) = delete;

  std::uint32_t num_borrows = 0;
};

/// What is behind a borrow: a representation of a guest's resource, or an object of the host.
struct BorrowedRep {
  HostResource* object = nullptr;  ///< set for a host resource; not owned
  std::uint32_t rep = 0;           ///< of a guest resource
};

/// What is behind an own handle, on its way from one owner to the next.
class ResourceRep {
 public:
  ResourceRep() = default;
  explicit ResourceRep(std::uint32_t rep) noexcept : rep_(rep) {}
  explicit ResourceRep(std::unique_ptr<HostResource> object) noexcept
      : object_(std::move(object)) {}

  /// Null for a guest resource.
  [[nodiscard]] HostResource* object() const noexcept { return object_.get(); }
  [[nodiscard]] std::unique_ptr<HostResource> take_object() noexcept { return std::move(object_); }
  /// Of a guest resource.
  [[nodiscard]] std::uint32_t rep() const noexcept { return rep_; }

 private:
  std::unique_ptr<HostResource> object_;
  std::uint32_t rep_ = 0;
};

enum class HandleKind : std::uint8_t { Free, Own, Borrow };

/// Deletes what an own handle owns and nothing else; says what kind of handle an entry is.
struct HandleOwner {
  HandleKind kind = HandleKind::Free;
  void operator()(HostResource* object) const noexcept {
    if (kind == HandleKind::Own) {
      std::default_delete<HostResource>{}(object);
    }
  }
};

class HandleTable {
 public:
  /// Most entries of one table: far below the spec's 2^28 - 1; a guest's handles are host memory.
  static constexpr std::uint32_t kMaxEntries = 1u << 16;
  /// Most entries of all tables of one instance, however many component instances it has.
  static constexpr std::uint32_t kMaxEntriesOfAll = 1u << 18;

  HandleTable() = default;
  HandleTable(HandleTable&& other) noexcept;
  HandleTable& operator=(HandleTable&& other) noexcept;
  ~HandleTable();

  // --- any resource ------------------------------------------------------------------------------
  // Each traps with the index and the expected type when the entry is not what is asked for.

  /// Adds an own handle; the result is its index. Traps when the table is full.
  [[nodiscard]] HostResult<std::uint32_t> add_own(ResourceKey key, ResourceRep rep);
  /// Adds a borrow handle and counts it in the scope, until drop() or abandon(). The object of a
  /// host resource must stay that long: its own handle is lent. Traps when the table is full.
  [[nodiscard]] HostResult<std::uint32_t> add_borrow(
      ResourceKey key, BorrowedRep rep, BorrowScope& scope
  );
  /// Takes what is behind an own handle and frees the index (lift_own). Traps while it is lent out
  /// and for a borrow handle.
  [[nodiscard]] HostResult<ResourceRep> take_own(std::uint32_t index, ResourceKey key);
  /// What is behind a handle, own or borrow (resource.rep).
  [[nodiscard]] HostResult<BorrowedRep> rep(std::uint32_t index, ResourceKey key) const;
  /// rep(), and the handle stays until as many unlend() calls as lend() calls were made
  /// (lift_borrow).
  [[nodiscard]] HostResult<BorrowedRep> lend(std::uint32_t index, ResourceKey key);
  void unlend(std::uint32_t index) noexcept {
    // The table may have been cleared in between, when the instance is ended.
    if (index - 1 < entries_.size() && at(index).lends != 0) [[likely]] {
      --at(index).lends;
    }
  }

  struct Dropped {
    bool was_own = false;
    ResourceRep rep;  ///< of an own handle: to be destroyed
  };
  /// Frees the index of an own or borrow handle; traps while it is lent out (resource.drop).
  [[nodiscard]] HostResult<Dropped> drop(std::uint32_t index, ResourceKey key);
  /// Frees the borrow handles of a scope that ends although the guest did not drop them: the guest
  /// is being ended. Walks the whole table.
  void abandon(BorrowScope& scope) noexcept;
  /// The same for all scopes at once: one walk, however many there are.
  void abandon_all() noexcept;

  // --- resources of the host, by the tag of their C++ class --------------------------------------

  /// Adds an owned host resource; the result is its index. Traps when the table is full.
  [[nodiscard]] HostResult<std::uint32_t> add(
      const ResourceTag& tag, std::unique_ptr<HostResource> resource
  );
  /// The resource behind a handle of that type, own or borrow.
  [[nodiscard]] HostResult<HostResource*> get(std::uint32_t index, const ResourceTag& tag) const;
  /// Takes the resource out and frees the index. Traps while it is lent out and for a borrow.
  [[nodiscard]] HostResult<std::unique_ptr<HostResource>> take(
      std::uint32_t index, const ResourceTag& tag
  );
  /// get(), lent as with the other lend().
  [[nodiscard]] HostResult<HostResource*> lend(std::uint32_t index, const ResourceTag& tag);
  /// get() and lend() for where the handle is right, as nearly always: null, and nothing lent,
  /// where they must be asked why not.
  [[nodiscard]] HostResource* find_object(std::uint32_t index, const ResourceTag& tag)
      const noexcept {
    const Entry* entry = find(index, resource_key(tag));
    return entry == nullptr ? nullptr : entry->object.get();
  }
  [[nodiscard]] HostResource* try_lend(std::uint32_t index, const ResourceTag& tag) noexcept {
    HostResource* object = find_object(index, tag);
    if (object != nullptr) [[likely]] {
      ++at(index).lends;
    }
    return object;
  }

  /// What is behind a handle of whatever type; null if there is no such handle.
  struct Any {
    HostResource* object = nullptr;
    ResourceKey key;
  };
  [[nodiscard]] Any any(std::uint32_t index) const noexcept {
    return index - 1 < entries_.size() && at(index).kind() != HandleKind::Free
               ? Any{at(index).object.get(), at(index).key}
               : Any{};
  }
  /// The trap for an index that is none of that type.
  [[nodiscard]] HostTrap refusal(std::uint32_t index, const ResourceTag& tag) const {
    return missing(index, resource_key(tag)).error();
  }

  /// The asynchronous side of the instance that the table belongs to; null without one.
  [[nodiscard]] AsyncState* async() const noexcept { return async_; }
  void set_async(AsyncState* async) noexcept { async_ = async; }
  /// Counts this table's entries together with those of others.
  /// @param total  outlives this object
  void count_in(std::uint32_t& total) noexcept { total_ = &total; }

  [[nodiscard]] std::uint32_t size() const noexcept { return used_; }
  /// Destroys every entry, newest first. Lent entries too: nobody may use them any more.
  void clear() noexcept;

 private:
  struct Entry {
    ResourceKey key;
    std::unique_ptr<HostResource, HandleOwner> object;  ///< null for a guest resource
    BorrowScope* scope = nullptr;                       ///< Borrow
    std::uint32_t rep = 0;                              ///< of a guest resource
    std::uint32_t lends = 0;
    std::uint32_t older = 0;  ///< used: the entry added before; free: the next free one. 0: none
    std::uint32_t newer = 0;

    [[nodiscard]] HandleKind kind() const noexcept { return object.get_deleter().kind; }
  };
  [[nodiscard]] HostResult<std::uint32_t> new_entry(HandleKind kind, ResourceKey key);
  /// Null unless there is a handle of that type; missing() says why.
  [[nodiscard]] const Entry* find(std::uint32_t index, ResourceKey key) const noexcept {
    if (index - 1 < entries_.size() && at(index).key == key) [[likely]] {
      return &at(index);
    }
    return nullptr;
  }
  [[nodiscard]] std::unexpected<HostTrap> missing(std::uint32_t index, ResourceKey key) const;
  [[nodiscard]] Entry& at(std::uint32_t index) noexcept { return entries_[index - 1]; }
  [[nodiscard]] const Entry& at(std::uint32_t index) const noexcept { return entries_[index - 1]; }
  /// What the entry owned.
  [[nodiscard]] ResourceRep release(std::uint32_t index) noexcept;

  AsyncState* async_ = nullptr;
  std::uint32_t* total_ = nullptr;  ///< entries of all tables that are counted together
  std::vector<Entry> entries_;      ///< entries_[0] is index 1
  std::uint32_t first_free_ = 0;    ///< index, 0: none
  std::uint32_t newest_ = 0;        ///< index, 0: none
  std::uint32_t used_ = 0;
};

}  // namespace whorl::component
