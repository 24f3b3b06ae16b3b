#include "wasi/p2/http_fields.hpp"

namespace whorl::wasi::p2 {
namespace {

Fields::FieldValue to_value(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

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
      return component::trap("the fields of a message may not be larger than 128 KiB");
    case FieldError::OutOfMemory:
      break;
  }
  return component::trap(kOverHostMemory);
}

component::Own<wit::wasi_http_types::Fields> immutable_view(
    HostMemory& memory, std::shared_ptr<FieldMap> map
) {
  return std::make_unique<Fields>(memory, std::move(map), Fields::Access::Immutable);
}

std::shared_ptr<FieldMap> into_map(component::Own<wit::wasi_http_types::Fields> fields) {
  return static_cast<Fields&>(*fields).map();
}

http::Fields into_wire(std::shared_ptr<FieldMap> map) {
  return map.use_count() == 1 ? map->take_wire() : map->to_wire();
}

FieldMap* Fields::own_map() {
  if (map_.use_count() > 1) {
    auto copy = map_->copy(memory_);
    if (!copy) {
      return nullptr;
    }
    map_ = std::make_shared<FieldMap>(*std::move(copy));
  }
  return map_.get();
}

component::HostResult<std::vector<Fields::FieldValue>> Fields::get(
    component::Call&, std::string_view name
) {
  std::vector<FieldValue> found;
  for (const std::string_view value : map_->values(name)) {
    found.push_back(to_value(value));
  }
  return found;
}

component::HostResult<bool> Fields::has(component::Call&, std::string_view name) {
  return map_->contains(name);
}

// The order of the checks, name before mutability, is the one guests see on other hosts.
component::HostResult<Fields::Change> Fields::set(
    component::Call&, std::string_view name, std::vector<ByteView> value
) {
  if (auto checked = FieldMap::check_name(name); !checked) {
    return to_guest(checked);
  }
  if (access_ == Access::Immutable) {
    return to_guest(std::unexpected(FieldError::Immutable));
  }
  std::vector<std::string_view> values;
  values.reserve(value.size());
  for (const ByteView bytes : value) {
    values.push_back(as_text(bytes));
  }
  FieldMap* map = own_map();
  return map != nullptr ? to_guest(map->set(name, values)) : component::trap(kOverHostMemory);
}

component::HostResult<Fields::Change> Fields::delete_(component::Call&, std::string_view name) {
  if (auto checked = FieldMap::check_name(name); !checked) {
    return to_guest(checked);
  }
  if (access_ == Access::Immutable) {
    return to_guest(std::unexpected(FieldError::Immutable));
  }
  FieldMap* map = own_map();
  return map != nullptr ? to_guest(map->remove(name)) : component::trap(kOverHostMemory);
}

component::HostResult<Fields::Change> Fields::append(
    component::Call&, std::string_view name, ByteView value
) {
  if (access_ == Access::Mutable) {
    FieldMap* map = own_map();
    return map != nullptr ? to_guest(map->append(name, as_text(value)))
                          : component::trap(kOverHostMemory);
  }
  auto checked = FieldMap::check_name(name);
  if (checked) {
    checked = FieldMap::check_value(name, as_text(value));
  }
  if (checked) {
    checked = std::unexpected(FieldError::Immutable);
  }
  return to_guest(checked);
}

component::HostResult<std::vector<std::tuple<Fields::FieldName, Fields::FieldValue>>>
Fields::entries(component::Call&) {
  std::vector<std::tuple<FieldName, FieldValue>> all;
  all.reserve(map_->lines().size());
  for (const http::Field& line : map_->lines()) {
    all.emplace_back(line.name, to_value(line.value));
  }
  return all;
}

component::HostResult<component::Own<wit::wasi_http_types::Fields>>
Fields::clone(component::Call&) {
  auto copy = map_->copy(memory_);
  if (!copy) {
    return component::trap(kOverHostMemory);
  }
  auto map = std::make_shared<FieldMap>(*std::move(copy));
  return std::make_unique<Fields>(memory_, std::move(map), Access::Mutable);
}

}  // namespace whorl::wasi::p2
