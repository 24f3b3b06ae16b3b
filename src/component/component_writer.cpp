#include "component/component_writer.hpp"

#include "component/core_code.hpp"
#include "component/wasm_writer.hpp"

namespace whorl::component {

using ir::Sort;
using ir::TypeDefinition;

namespace {

/// Component sections.
enum Section : std::uint8_t {
  kModuleSection = 1,
  kCoreInstanceSection = 2,
  kComponentSection = 4,
  kInstanceSection = 5,
  kAliasSection = 6,
  kTypeSection = 7,
  kCanonSection = 8,
  kImportSection = 10,
  kExportSection = 11,
};

void append_value(Bytes& out, const ir::ValType& type) {
  if (!type.is_primitive) {
    append_sleb(out, type.index);
  } else if (type.primitive == TypeKind::ErrorContext) {
    out.push_back(0x64);
  } else {
    // bool is 0x7f, string 0x73, in the order of TypeKind.
    out.push_back(static_cast<std::uint8_t>(0x7f - static_cast<unsigned>(type.primitive)));
  }
}

void append_optional(Bytes& out, const std::optional<ir::ValType>& type) {
  out.push_back(type ? 1 : 0);
  if (type) {
    append_value(out, *type);
  }
}

/// Fields and parameters.
void append_labelled(Bytes& out, const std::vector<ir::Member>& members) {
  append_leb(out, members.size());
  for (const ir::Member& member : members) {
    append_name(out, member.name);
    append_value(out, *member.type);
  }
}

void append_cases(Bytes& out, const std::vector<ir::Member>& cases) {
  append_leb(out, cases.size());
  for (const ir::Member& member : cases) {
    append_name(out, member.name);
    append_optional(out, member.type);
    out.push_back(0);
  }
}

void append_labels(Bytes& out, const std::vector<ir::Member>& labels) {
  append_leb(out, labels.size());
  for (const ir::Member& label : labels) {
    append_name(out, label.name);
  }
}

void append_func(Bytes& out, const TypeDefinition& type) {
  out.push_back(type.is_async ? 0x43 : 0x40);
  append_labelled(out, type.members);
  if (type.element) {
    out.push_back(0);
    append_value(out, *type.element);
  } else {
    out.push_back(1);
    out.push_back(0);
  }
}

void append_value_type(Bytes& out, const TypeDefinition& type) {
  switch (type.value) {
    case TypeKind::Record:
      out.push_back(0x72);
      return append_labelled(out, type.members);
    case TypeKind::Variant:
      out.push_back(0x71);
      return append_cases(out, type.members);
    case TypeKind::Tuple:
      out.push_back(0x6f);
      append_leb(out, type.members.size());
      for (const ir::Member& member : type.members) {
        append_value(out, *member.type);
      }
      return;
    case TypeKind::Flags:
    case TypeKind::Enum:
      out.push_back(type.value == TypeKind::Flags ? 0x6e : 0x6d);
      return append_labels(out, type.members);
    case TypeKind::List:
    case TypeKind::Option:
      out.push_back(type.value == TypeKind::List ? 0x70 : 0x6b);
      return append_value(out, *type.element);
    case TypeKind::FixedList:
      out.push_back(0x67);
      append_value(out, *type.element);
      return append_leb(out, type.length);
    case TypeKind::Map:
      out.push_back(0x63);
      append_value(out, *type.element);
      return append_value(out, *type.other);
    case TypeKind::Result:
      out.push_back(0x6a);
      append_optional(out, type.element);
      return append_optional(out, type.other);
    case TypeKind::Own:
    case TypeKind::Borrow:
      out.push_back(type.value == TypeKind::Own ? 0x69 : 0x68);
      return append_leb(out, type.resource);
    case TypeKind::Stream:
    case TypeKind::Future:
      out.push_back(type.value == TypeKind::Stream ? 0x66 : 0x65);
      return append_optional(out, type.element);
    default:
      return append_value(out, {true, type.value, 0});
  }
}

void append_sort(Bytes& out, Sort sort) {
  switch (sort) {
    case Sort::CoreModule:
      out.push_back(0x00);
      out.push_back(0x11);
      return;
    case Sort::Func:
      return out.push_back(0x01);
    case Sort::Type:
      return out.push_back(0x03);
    case Sort::Component:
      return out.push_back(0x04);
    default:
      return out.push_back(0x05);
  }
}

/// Functions, memories and core instances.
std::uint8_t core_sort(Sort sort) noexcept {
  return sort == Sort::CoreInstance ? 0x12 : static_cast<std::uint8_t>(sort);
}

}  // namespace

void append_type(Bytes& out, const TypeDefinition& type) {
  if (type.kind == TypeDefinition::Kind::Func) {
    return append_func(out, type);
  }
  append_value_type(out, type);
}

void append_extern_name(Bytes& out, std::string_view name, std::string_view implements) {
  out.push_back(implements.empty() ? 0x00 : 0x02);
  append_name(out, name);
  if (!implements.empty()) {
    out.push_back(1);
    out.push_back(0x00);
    append_name(out, implements);
  }
}

void append_extern_type(Bytes& out, const ir::ExternType& type) {
  append_sort(out, type.sort);
  if (type.sort == Sort::Type) {
    const bool is_resource = type.bound == ir::ExternType::Bound::SubResource;
    out.push_back(is_resource ? 1 : 0);
    if (is_resource) {
      return;
    }
  }
  append_leb(out, type.index);
}

ComponentWriter::ComponentWriter() : bytes_{0, 'a', 's', 'm', 0x0d, 0, 1, 0} {}

std::uint32_t ComponentWriter::add(std::uint8_t section, ByteView definition, Sort sort) {
  if (section == kModuleSection || section == kComponentSection) {
    append_section(bytes_, section, definition);
  } else {
    Bytes one = {1};
    append_bytes(one, definition);
    append_section(bytes_, section, one);
  }
  return counts_[static_cast<std::size_t>(sort)]++;
}

std::uint32_t ComponentWriter::type(ByteView definition) {
  return add(kTypeSection, definition, Sort::Type);
}

std::uint32_t ComponentWriter::resource() {
  constexpr std::array<std::uint8_t, 3> kI32WithoutDestructor = {0x3f, kI32Type, 0};
  return type(kI32WithoutDestructor);
}

std::uint32_t ComponentWriter::import(
    std::string_view name, std::string_view implements, const ir::ExternType& type
) {
  Bytes out;
  append_extern_name(out, name, implements);
  append_extern_type(out, type);
  return add(kImportSection, out, type.sort);
}

std::uint32_t ComponentWriter::module(ByteView bytes) {
  return add(kModuleSection, bytes, Sort::CoreModule);
}

std::uint32_t ComponentWriter::component(ByteView bytes) {
  return add(kComponentSection, bytes, Sort::Component);
}

std::uint32_t ComponentWriter::core_instance(
    std::uint32_t module, std::span<const ir::NamedIndex> arguments
) {
  Bytes out = {0};
  append_leb(out, module);
  append_leb(out, arguments.size());
  for (const ir::NamedIndex& argument : arguments) {
    append_name(out, argument.name);
    out.push_back(core_sort(Sort::CoreInstance));
    append_leb(out, argument.item.index);
  }
  return add(kCoreInstanceSection, out, Sort::CoreInstance);
}

std::uint32_t ComponentWriter::core_bag(std::span<const ir::NamedIndex> items) {
  Bytes out = {1};
  append_leb(out, items.size());
  for (const ir::NamedIndex& item : items) {
    append_name(out, item.name);
    out.push_back(core_sort(item.item.sort));
    append_leb(out, item.item.index);
  }
  return add(kCoreInstanceSection, out, Sort::CoreInstance);
}

std::uint32_t ComponentWriter::instance(
    std::uint32_t component, std::span<const ir::NamedIndex> arguments
) {
  Bytes out = {0};
  append_leb(out, component);
  append_leb(out, arguments.size());
  for (const ir::NamedIndex& argument : arguments) {
    append_name(out, argument.name);
    append_sort(out, argument.item.sort);
    append_leb(out, argument.item.index);
  }
  return add(kInstanceSection, out, Sort::Instance);
}

std::uint32_t ComponentWriter::alias(Sort sort, std::uint32_t instance, std::string_view name) {
  Bytes out;
  append_sort(out, sort);
  out.push_back(0x00);
  append_leb(out, instance);
  append_name(out, name);
  return add(kAliasSection, out, sort);
}

std::uint32_t ComponentWriter::core_alias(
    Sort sort, std::uint32_t instance, std::string_view name
) {
  Bytes out = {0x00, core_sort(sort), 0x01};
  append_leb(out, instance);
  append_name(out, name);
  return add(kAliasSection, out, sort);
}

std::uint32_t ComponentWriter::resource_drop(std::uint32_t type) {
  Bytes out = {static_cast<std::uint8_t>(ir::CanonOp::ResourceDrop)};
  append_leb(out, type);
  return add(kCanonSection, out, Sort::CoreFunc);
}

std::uint32_t ComponentWriter::lift(const Lift& lift) {
  Bytes out = {0x00, 0x00};
  append_leb(out, lift.func);
  append_leb(out, 2);
  append_op(out, 0x03, lift.memory);
  append_op(out, 0x04, lift.realloc);
  append_leb(out, lift.type);
  return add(kCanonSection, out, Sort::Func);
}

std::uint32_t ComponentWriter::export_item(
    std::string_view name, std::string_view implements, ir::SortIndex item
) {
  Bytes out;
  append_extern_name(out, name, implements);
  append_sort(out, item.sort);
  append_leb(out, item.index);
  out.push_back(0);
  return add(kExportSection, out, item.sort);
}

}  // namespace whorl::component
