#include "wasi/fields_handle.hpp"

namespace whorl::wasi {
namespace {

Bytes to_value(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<Bytes> FieldsHandle::get(std::string_view name) const {
  std::vector<Bytes> found;
  for (const std::string_view value : map_->values(name)) {
    found.push_back(to_value(value));
  }
  return found;
}

std::vector<FieldsHandle::Entry> FieldsHandle::entries() const {
  std::vector<Entry> all;
  all.reserve(map_->lines().size());
  for (const http::Field& line : map_->lines()) {
    all.emplace_back(line.name, to_value(line.value));
  }
  return all;
}

std::expected<FieldMap*, FieldError> FieldsHandle::own_map(std::string_view name) {
  if (auto checked = FieldMap::check_name(name); !checked) {
    return std::unexpected(checked.error());
  }
  return own_map();
}

std::expected<FieldMap*, FieldError> FieldsHandle::own_map() {
  if (access_ == Access::Immutable) {
    return std::unexpected(FieldError::Immutable);
  }
  if (map_.use_count() > 1) {
    auto copy = map_->copy(memory_);
    if (!copy) {
      return std::unexpected(copy.error());
    }
    map_ = make_local<FieldMap>(*std::move(copy));
  }
  return map_.get();
}

FieldsHandle::Change FieldsHandle::set(std::string_view name, std::span<const ByteView> values) {
  const auto map = own_map(name);
  if (!map) {
    return std::unexpected(map.error());
  }
  if (values.size() > FieldMap::kMaxBytes / FieldMap::kLineCharge) {
    return std::unexpected(FieldError::TooLarge);
  }
  std::vector<std::string_view> texts;
  texts.reserve(values.size());
  for (const ByteView bytes : values) {
    texts.push_back(as_text(bytes));
  }
  return (*map)->set(name, texts);
}

FieldsHandle::Change FieldsHandle::append(std::string_view name, ByteView value) {
  if (auto checked = FieldMap::check_name(name); !checked) {
    return checked;
  }
  if (auto checked = FieldMap::check_value(name, as_text(value)); !checked) {
    return checked;
  }
  const auto map = own_map();
  return map ? (*map)->append_checked(name, as_text(value)) : Change(std::unexpected(map.error()));
}

FieldsHandle::Change FieldsHandle::remove(std::string_view name) {
  const auto map = own_map(name);
  return map ? (*map)->remove(name) : Change(std::unexpected(map.error()));
}

std::expected<FieldsHandle, FieldError> FieldsHandle::clone() const {
  auto copy = map_->copy(memory_);
  if (!copy) {
    return std::unexpected(copy.error());
  }
  return FieldsHandle(
      memory_, make_local<FieldMap>(*std::move(copy)), FieldsHandle::Access::Mutable
  );
}

http::Fields into_wire(LocalPtr<FieldMap> map) {
  return map.use_count() == 1 ? map->take_wire() : map->to_wire();
}

component::HostTrap field_trap(FieldError error) {
  return {
      engine::TrapKind::HostTrap,
      error == FieldError::TooLarge ? "the fields of a message may not be larger than 128 KiB"
                                    : kOverHostMemory,
      0
  };
}

}  // namespace whorl::wasi
