/// HandleTable: the resource handles of one component instance.
///
/// Indices start at 1; freed ones are reused. Every access checks that the entry exists and has the
/// resource type asked for. @spec CanonicalABI.md, "Table State", "Resource State". @thread shard
#pragma once

#include "component/host.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <vector>

namespace whorl::component {

class HandleTable {
 public:
  /// Most entries of one table: far below the spec's 2^28 - 1; a guest's handles are host memory.
  static constexpr std::uint32_t kMaxEntries = 1u << 16;

  HandleTable() = default;
  HandleTable(HandleTable&& other) noexcept;
  HandleTable& operator=(HandleTable&& other) noexcept;
  ~HandleTable();

  /// Adds an owned host resource; the result is its index. Traps when the table is full.
  [[nodiscard]] HostResult<std::uint32_t> add(
      const ResourceTag& tag, std::unique_ptr<HostResource> resource
  );
  /// The resource behind an own handle of that type (lift_borrow for a host callee).
  [[nodiscard]] HostResult<HostResource*> get(std::uint32_t index, const ResourceTag& tag) const;
  /// Takes the resource out and frees the index (lift_own, resource.drop). Traps while it is lent
  /// out.
  [[nodiscard]] HostResult<std::unique_ptr<HostResource>> take(
      std::uint32_t index, const ResourceTag& tag
  );
  /// get(), and the handle stays until as many unlend() calls as lend() calls were made. Needed
  /// where a call could take the same handle again, or the guest can run while it lasts.
  [[nodiscard]] HostResult<HostResource*> lend(std::uint32_t index, const ResourceTag& tag);
  void unlend(std::uint32_t index) noexcept;

  [[nodiscard]] std::uint32_t size() const noexcept { return used_; }
  /// Destroys every entry, newest first. Lent entries too: nobody may use them any more.
  void clear() noexcept;

 private:
  struct Entry {
    const ResourceTag* tag = nullptr;  ///< null: free
    std::unique_ptr<HostResource> resource;
    std::uint32_t lends = 0;
    std::uint32_t older = 0;  ///< used: the entry added before; free: the next free one. 0: none
    std::uint32_t newer = 0;
  };
  [[nodiscard]] HostResult<std::uint32_t> find(std::uint32_t index, const ResourceTag& tag) const;
  [[nodiscard]] Entry& at(std::uint32_t index) noexcept { return entries_[index - 1]; }
  [[nodiscard]] const Entry& at(std::uint32_t index) const noexcept { return entries_[index - 1]; }
  [[nodiscard]] std::unique_ptr<HostResource> release(std::uint32_t index) noexcept;

  std::vector<Entry> entries_;    ///< entries_[0] is index 1
  std::uint32_t first_free_ = 0;  ///< index, 0: none
  std::uint32_t newest_ = 0;      ///< index, 0: none
  std::uint32_t used_ = 0;
};

}  // namespace whorl::component
