/// wasi:http/types, resource fields.
#pragma once

#include "base/local_ptr.hpp"
#include "wasi/fields_handle.hpp"
#include "wit/wasi_http_types.hpp"

#include <memory>
#include <utility>

namespace whorl::wasi::p2 {

/// A guest's handle on fields.
class Fields final : public wit::wasi_http_types::Fields {
 public:
  using Access = FieldsHandle::Access;
  using HeaderError = wit::wasi_http_types::HeaderError;
  using FieldValue = wit::wasi_http_types::FieldValue;
  using FieldName = wit::wasi_http_types::FieldName;
  /// What a change tells the guest.
  using Change = std::expected<void, HeaderError>;

  /// @param memory  charged for the copies that changing shared fields takes
  Fields(HostMemory& memory, LocalPtr<FieldMap> map, Access access) noexcept
      : handle_(memory, std::move(map), access) {}
  explicit Fields(FieldsHandle handle) noexcept : handle_(std::move(handle)) {}

  [[nodiscard]] component::HostResult<std::vector<FieldValue>> get(
      component::Call& call, std::string_view name
  ) override;
  [[nodiscard]] component::HostResult<bool> has(component::Call& call, std::string_view name)
      override;
  [[nodiscard]] component::HostResult<Change> set(
      component::Call& call, std::string_view name, std::vector<ByteView> value
  ) override;
  [[nodiscard]] component::HostResult<Change> delete_(component::Call& call, std::string_view name)
      override;
  [[nodiscard]] component::HostResult<Change> append(
      component::Call& call, std::string_view name, ByteView value
  ) override;
  [[nodiscard]] component::HostResult<std::vector<std::tuple<FieldName, FieldValue>>> entries(
      component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_http_types::Fields>> clone(
      component::Call& call
  ) override;

  /// The fields, shared with the message they become part of.
  [[nodiscard]] const LocalPtr<FieldMap>& map() const noexcept { return handle_.map(); }

 private:
  FieldsHandle handle_;
};

/// A handle on a message's fields, through which they cannot be changed.
[[nodiscard]] component::Own<wit::wasi_http_types::Fields> immutable_view(
    HostMemory& memory, LocalPtr<FieldMap> map
);
/// The `fields` a guest hands over become part of a message.
[[nodiscard]] LocalPtr<FieldMap> into_map(component::Own<wit::wasi_http_types::Fields> fields);
/// What a guest is told about a refused change; too large is a trap.
[[nodiscard]] component::HostResult<Fields::Change> to_guest(
    const std::expected<void, FieldError>& change
);

}  // namespace whorl::wasi::p2
