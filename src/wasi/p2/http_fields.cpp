#include "wasi/p2/http_fields.hpp"

namespace whorl::wasi::p2 {

component::HostResult<Fields::Change> to_guest(const std::expected<void, FieldError>& change) {
  if (change) {
    return Fields::Change();
  }
  switch (change.error()) {
    case FieldError::InvalidSyntax:
      return Fields::Change(std::unexpect, Fields::HeaderError::invalid_syntax());
    case FieldError::Forbidden:
      return Fields::Change(std::unexpect, Fields::HeaderError::forbidden());
    case FieldError::Immutable:
      return Fields::Change(std::unexpect, Fields::HeaderError::immutable());
    case FieldError::TooLarge:
    case FieldError::OutOfMemory:
      break;
  }
  return std::unexpected(field_trap(change.error()));
}

component::Own<wit::wasi_http_types::Fields> immutable_view(
    HostMemory& memory, LocalPtr<FieldMap> map
) {
  return std::make_unique<Fields>(memory, std::move(map), Fields::Access::Immutable);
}

LocalPtr<FieldMap> into_map(component::Own<wit::wasi_http_types::Fields> fields) {
  return static_cast<Fields&>(*fields).map();
}

component::HostResult<std::vector<Fields::FieldValue>> Fields::get(
    component::Call&, std::string_view name
) {
  return handle_.get(name);
}

component::HostResult<bool> Fields::has(component::Call&, std::string_view name) {
  return handle_.has(name);
}

component::HostResult<Fields::Change> Fields::set(
    component::Call&, std::string_view name, std::vector<ByteView> value
) {
  return to_guest(handle_.set(name, value));
}

component::HostResult<Fields::Change> Fields::delete_(component::Call&, std::string_view name) {
  return to_guest(handle_.remove(name));
}

component::HostResult<Fields::Change> Fields::append(
    component::Call&, std::string_view name, ByteView value
) {
  return to_guest(handle_.append(name, value));
}

component::HostResult<std::vector<std::tuple<Fields::FieldName, Fields::FieldValue>>>
Fields::entries(component::Call&) {
  return handle_.entries();
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
Fields::clone(component::Call&) {
  auto copy = handle_.clone();
  if (!copy) {
    return std::unexpected(field_trap(copy.error()));
  }
  return std::make_unique<Fields>(*std::move(copy));
}

}  // namespace whorl::wasi::p2
