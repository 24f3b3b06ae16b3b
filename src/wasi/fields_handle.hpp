/// FieldsHandle: a guest's handle on the fields of a message, as every version of wasi:http has it.
///
/// The fields of a message may have several handles; they share one map, and the one that may
/// change it copies it first. Each version of the interface tells its guests in its own words what
/// is decided here. @thread shard. @spec wasi:http/types, resource fields
#pragma once

#include "base/bytes.hpp"
#include "base/local_ptr.hpp"
#include "component/host.hpp"
#include "wasi/field_map.hpp"

#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::wasi {

class FieldsHandle {
 public:
  enum class Access : std::uint8_t { Mutable, Immutable };
  /// What became of a change.
  using Change = std::expected<void, FieldError>;
  using Entry = std::tuple<std::string, Bytes>;

  /// @param memory  charged for the copies that changing shared fields takes; outlives the handle
  FieldsHandle(HostMemory& memory, LocalPtr<FieldMap> map, Access access) noexcept
      : memory_(memory), map_(std::move(map)), access_(access) {}
  /// Empty, to be filled by the guest.
  explicit FieldsHandle(HostMemory& memory)
      : FieldsHandle(memory, make_local<FieldMap>(memory), Access::Mutable) {}

  [[nodiscard]] std::vector<Bytes> get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const noexcept { return map_->contains(name); }
  [[nodiscard]] std::vector<Entry> entries() const;
  // The checks are made in the order that guests see on other hosts: name, then whether the fields
  // may change at all; of append: name, value, then that.
  [[nodiscard]] Change set(std::string_view name, std::span<const ByteView> values);
  [[nodiscard]] Change append(std::string_view name, ByteView value);
  [[nodiscard]] Change remove(std::string_view name);
  /// A copy that may be changed; OutOfMemory.
  [[nodiscard]] std::expected<FieldsHandle, FieldError> clone() const;

  /// The fields, shared with the message they become part of.
  [[nodiscard]] const LocalPtr<FieldMap>& map() const noexcept { return map_; }

 private:
  /// The map to change: this handle's own, or why there is none.
  [[nodiscard]] std::expected<FieldMap*, FieldError> own_map(std::string_view name);
  /// The same for a name that is known to be good.
  [[nodiscard]] std::expected<FieldMap*, FieldError> own_map();

  HostMemory& memory_;
  LocalPtr<FieldMap> map_;
  Access access_;
};

/// A message's fields for the wire; copied only if the guest still has a handle on them.
[[nodiscard]] http::Fields into_wire(LocalPtr<FieldMap> map);
/// The end of a guest for which there is no other answer: TooLarge, OutOfMemory.
[[nodiscard]] component::HostTrap field_trap(FieldError error);

}  // namespace whorl::wasi
