#include "component/payloads.hpp"

#include "component/interpret.hpp"

#include <fmt/format.h>

namespace whorl::component {
namespace {

bool is_integer(TypeKind kind) noexcept {
  switch (kind) {
    case TypeKind::S8:
    case TypeKind::U8:
    case TypeKind::S16:
    case TypeKind::U16:
    case TypeKind::S32:
    case TypeKind::U32:
    case TypeKind::S64:
    case TypeKind::U64:
      return true;
    default:
      return false;
  }
}

}  // namespace

PayloadTable::PayloadTable() = default;
PayloadTable::~PayloadTable() = default;

template <class IdOf>
std::optional<std::string> PayloadTable::key_of(const Type& type, IdOf id_of) {
  std::string key = fmt::format("{}:{}", static_cast<unsigned>(type.kind), type.length);
  if (type.resource != nullptr) {
    fmt::format_to(std::back_inserter(key), "@{}", resource_key(*type.resource).identity);
  }
  const auto append = [&](const TypeRef& part) {
    const std::optional<std::uint32_t> id = part == nullptr ? 0 : id_of(part);
    if (id) {
      fmt::format_to(std::back_inserter(key), ",{}", *id);
    }
    return id.has_value();
  };
  if (!append(type.element) || !append(type.other)) {
    return std::nullopt;
  }
  for (const Member& member : type.members) {
    fmt::format_to(std::back_inserter(key), ";{}", member.name);
    if (!append(member.type)) {
      return std::nullopt;
    }
  }
  return key;
}

Result<std::uint32_t> PayloadTable::id_of(const TypeRef& type) {
  if (type == nullptr) {
    return std::uint32_t{0};
  }
  if (const auto found = known_.find(type); found != known_.end()) {
    return found->second;
  }
  if (known_.size() >= kMaxTypes) {
    return fail(ErrorKind::ResourceLimit, "the component has more than {} types", kMaxTypes);
  }
  std::optional<Error> error;
  const auto key = key_of(*type, [&](const TypeRef& part) -> std::optional<std::uint32_t> {
    auto id = id_of(part);
    if (!id) {
      error = id.take_error();
      return std::nullopt;
    }
    return *id;
  });
  if (!key) {
    return *std::move(error);
  }
  const auto next = static_cast<std::uint32_t>(ids_.size() + 1);
  const std::uint32_t id = ids_.try_emplace(*key, next).first->second;
  known_.emplace(type, id);
  return id;
}

std::optional<std::uint32_t> PayloadTable::find_id(const TypeRef& type) const {
  if (const auto found = known_.find(type); found != known_.end()) {
    return found->second;
  }
  const auto key = key_of(*type, [&](const TypeRef& part) { return find_id(part); });
  const auto found = key ? ids_.find(*key) : ids_.end();
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

Result<const PayloadType*> PayloadTable::add(const TypeRef& element) {
  WHORL_TRY(const std::uint32_t id, id_of(element));
  if (const auto found = payload_of_.find(id); found != payload_of_.end()) {
    return found->second;
  }
  PayloadType payload;
  payload.type = element;
  if (element != nullptr) {
    FuncShape shape;
    shape.params.push_back({"value", element});
    WHORL_TRY(payload.owner, make_layout(shape, this));
    payload.layout = payload.owner->params->parts[0].type;
    payload.is_integer = is_integer(element->kind);
    payload.is_none_or_number =
        payload.is_integer || element->kind == TypeKind::F32 || element->kind == TypeKind::F64;
  }
  payloads_.push_back(std::move(payload));
  payload_of_.emplace(id, &payloads_.back());
  return &payloads_.back();
}

const PayloadType* PayloadTable::find(const TypeRef& element) const {
  const auto id = element == nullptr ? std::optional<std::uint32_t>(0) : find_id(element);
  const auto found = id ? payload_of_.find(*id) : payload_of_.end();
  return found == payload_of_.end() ? nullptr : found->second;
}

}  // namespace whorl::component
