#include "component/flatten.hpp"

namespace whorl::component {
namespace {

using engine::ValType;

/// The type both can be stored in.
ValType join(ValType a, ValType b) noexcept {
  if (a == b) {
    return a;
  }
  const bool narrow =
      (a == ValType::I32 && b == ValType::F32) || (a == ValType::F32 && b == ValType::I32);
  return narrow ? ValType::I32 : ValType::I64;
}

}  // namespace

const Flattener::Flat* Flattener::type(const TypeRef& type) {
  auto known = flat_.find(type);
  if (known == flat_.end()) {
    std::optional<Flat> flat = compute(*type);
    if (flat && flat->size() > kMaxFlatParams) {
      flat.reset();
    }
    known = flat_.emplace(type, std::move(flat)).first;
  }
  return known->second ? &*known->second : nullptr;
}

std::optional<Flattener::Flat> Flattener::compute(const Type& of) {
  switch (of.kind) {
    case TypeKind::S64:
    case TypeKind::U64:
      return Flat{ValType::I64};
    case TypeKind::F32:
      return Flat{ValType::F32};
    case TypeKind::F64:
      return Flat{ValType::F64};
    case TypeKind::String:
    case TypeKind::List:
    case TypeKind::Map:
      return Flat{ValType::I32, ValType::I32};
    case TypeKind::Record:
    case TypeKind::Tuple:
      return sequence(of.members);
    case TypeKind::FixedList:
      return repeated(of);
    case TypeKind::Variant: {
      std::vector<TypeRef> cases;
      for (const Member& member : of.members) {
        cases.push_back(member.type);
      }
      return variant(cases);
    }
    case TypeKind::Option:
      return variant({nullptr, of.element});
    case TypeKind::Result:
      return variant({of.element, of.other});
    default:
      // Small numbers, char, flags (at most 32), enums, handles, streams, futures.
      return Flat{ValType::I32};
  }
}

std::optional<Flattener::Flat> Flattener::sequence(const std::vector<Member>& members) {
  Flat out;
  for (const Member& member : members) {
    const Flat* part = type(member.type);
    if (part == nullptr || out.size() + part->size() > kMaxFlatParams) {
      return std::nullopt;
    }
    out.insert(out.end(), part->begin(), part->end());
  }
  return out;
}

std::optional<Flattener::Flat> Flattener::repeated(const Type& of) {
  const Flat* part = type(of.element);
  if (part == nullptr || std::uint64_t{of.length} * part->size() > kMaxFlatParams) {
    return std::nullopt;
  }
  Flat out;
  for (std::uint32_t i = 0; i < of.length; ++i) {
    out.insert(out.end(), part->begin(), part->end());
  }
  return out;
}

std::optional<Flattener::Flat> Flattener::variant(const std::vector<TypeRef>& cases) {
  Flat out{ValType::I32};
  for (const TypeRef& payload : cases) {
    if (payload == nullptr) {
      continue;
    }
    const Flat* part = type(payload);
    if (part == nullptr || part->size() + 1 > kMaxFlatParams) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < part->size(); ++i) {
      if (i + 1 < out.size()) {
        out[i + 1] = join(out[i + 1], (*part)[i]);
      } else {
        out.push_back((*part)[i]);
      }
    }
  }
  return out;
}

bool Flattener::result_spills(const FuncShape& func) {
  if (func.result == nullptr) {
    return false;
  }
  const Flat* flat = type(func.result);
  return flat == nullptr || flat->size() > kMaxFlatResults;
}

engine::FuncType Flattener::func(const FuncShape& func, Direction direction) {
  engine::FuncType out;
  out.params = sequence(func.params).value_or(Flat{ValType::I32});
  if (func.result == nullptr) {
    return out;
  }
  if (!result_spills(func)) {
    out.results = *type(func.result);
  } else if (direction == Direction::Lift) {
    out.results = {ValType::I32};
  } else {
    out.params.push_back(ValType::I32);
  }
  return out;
}

Flattener::Contents Flattener::contents(const TypeRef& type) {
  if (type == nullptr) {
    return {};
  }
  const auto known = contents_.find(type);
  if (known != contents_.end()) {
    return known->second;
  }
  Contents out;
  const auto add = [&](const TypeRef& part) {
    const Contents inner = contents(part);
    out.strings = out.strings || inner.strings;
    out.pointers = out.pointers || inner.pointers;
  };
  // The elements of streams and futures are moved by later calls.
  if (type->kind != TypeKind::Stream && type->kind != TypeKind::Future) {
    for (const Member& member : type->members) {
      add(member.type);
    }
    add(type->element);
    add(type->other);
  }
  const bool is_string = type->kind == TypeKind::String;
  out.strings = out.strings || is_string;
  out.pointers =
      out.pointers || is_string || type->kind == TypeKind::List || type->kind == TypeKind::Map;
  contents_.emplace(type, out);
  return out;
}

AbiNeeds Flattener::needs(const FuncShape& func, Direction direction) {
  Contents params;
  for (const Member& param : func.params) {
    const Contents part = contents(param.type);
    params.strings = params.strings || part.strings;
    params.pointers = params.pointers || part.pointers;
  }
  const Contents result = contents(func.result);
  const bool params_spill = !sequence(func.params).has_value();
  AbiNeeds out;
  out.strings = params.strings || result.strings;
  out.memory = params.pointers || result.pointers || params_spill || result_spills(func);
  // What is put into the guest's memory by us needs room there: parameters of a lifted function,
  // results of a lowered one.
  out.realloc = direction == Direction::Lift ? params.pointers || params_spill : result.pointers;
  return out;
}

}  // namespace whorl::component
