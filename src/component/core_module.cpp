#include "component/core_module.hpp"

#include <algorithm>
#include <array>

namespace whorl::component {
namespace {

constexpr std::uint32_t kMaxItems = 1'000'000;
constexpr std::uint32_t kMaxNamedItems = 200'000;
/// More entries than any fix-up module has; longer element segments are not kept.
constexpr std::uint32_t kMaxKeptElements = 100'000;

/// Place of a section in the module, by its id; custom sections may stand anywhere.
constexpr std::array<std::uint8_t, 14> kSectionPlace = {
    0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6
};
constexpr std::array<std::string_view, 14> kSectionNames = {
    "custom",
    "type",
    "import",
    "function",
    "table",
    "memory",
    "global",
    "export",
    "start",
    "element",
    "code",
    "data",
    "data count",
    "tag"
};

}  // namespace

Result<CoreModule> CoreModule::scan(ByteView bytes, std::uint64_t base) {
  CoreModule out;
  out.bytes_ = bytes;
  out.base_ = base;
  Reader in(bytes, base);
  WHORL_TRY(const ByteView preamble, in.take(8, "a core module's preamble"));
  constexpr std::array<std::uint8_t, 8> kPreamble = {0, 'a', 's', 'm', 1, 0, 0, 0};
  if (!std::ranges::equal(preamble, kPreamble)) {
    return malformed(base, "expected the preamble of a core module of version 1");
  }
  std::uint8_t last = 0;
  while (!in.at_end()) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint8_t id, in.byte("a section"));
    if (id >= kSectionPlace.size()) {
      return malformed(start, "expected a core section, found id {}", id);
    }
    if (id != 0 && kSectionPlace[id] <= last) {
      return malformed(start, "the {} section is out of order or repeated", kSectionNames[id]);
    }
    last = id == 0 ? last : kSectionPlace[id];
    WHORL_TRY(const std::uint32_t size, in.u32("the size of a section"));
    WHORL_TRY(Reader body, in.part(size, "a core section"));
    WHORL_CHECKED(
        out.section(id, body).context("in the {} section of a core module", kSectionNames[id])
    );
  }
  return out;
}

Result<CoreModule> CoreModule::of_type(
    std::vector<CoreTypeDef> types,
    std::vector<CoreImport> imports,
    const std::vector<std::pair<std::string_view, CoreExternType>>& exports,
    std::uint64_t offset
) {
  CoreModule out;
  out.base_ = offset;
  out.types_ = std::move(types);
  out.imports_ = std::move(imports);
  for (const CoreImport& import : out.imports_) {
    WHORL_CHECKED(out.check_type_index(import.type, offset));
    const auto kind = static_cast<std::size_t>(import.type.kind);
    out.items_[kind].push_back(import.type);
    ++out.imported_[kind];
  }
  for (const auto& [name, type] : exports) {
    WHORL_CHECKED(out.check_type_index(type, offset));
    auto& items = out.items_[static_cast<std::size_t>(type.kind)];
    items.push_back(type);
    out.exports_.emplace(name, CoreExport{type.kind, static_cast<std::uint32_t>(items.size() - 1)});
    out.export_names_.push_back(name);
  }
  return out;
}

Result<> CoreModule::section(std::uint8_t id, Reader& in) {
  Result<> read;
  switch (id) {
    case 0:
      return custom(in);
    case 1:
      read = read_types(in);
      break;
    case 2:
      read = read_imports(in);
      break;
    case 3:
      read = read_funcs(in);
      break;
    case 4:
      read = read_tables(in);
      break;
    case 5:
      read = read_memories(in);
      break;
    case 6:
      read = read_globals(in);
      break;
    case 7:
      read = read_exports(in);
      break;
    case 8: {
      WHORL_TRY(start_, in.u32("the start function"));
      break;
    }
    case 9:
      read = read_elements(in);
      break;
    case 10: {
      WHORL_TRY(code_, in.take(in.remaining(), "code"));
      break;
    }
    case 11:
      read = read_data(in);
      break;
    case 12: {
      WHORL_CHECKED(in.u32("the number of data segments"));
      break;
    }
    default:
      read = read_tags(in);
      break;
  }
  WHORL_CHECKED(std::move(read));
  return in.expect_end("the section");
}

Result<> CoreModule::custom(Reader& in) {
  WHORL_TRY(const std::string_view section_name, in.name("the name of a custom section"));
  if (section_name.starts_with("component-type")) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const ByteView payload, in.take(in.remaining(), "a component-type section"));
    component_types_.push_back({section_name, payload, start});
  }
  if (section_name == "name") {
    // Debug information: a broken one is ignored. Subsection 0 is the module's name.
    Reader names = in;
    const auto id = names.byte("a subsection");
    const auto size = names.u32("the size of a subsection");
    if (id && *id == 0 && size) {
      if (const auto text = names.name("a module name")) {
        name_ = *text;
      }
    }
  }
  return {};
}

Result<> CoreModule::check_type_index(const CoreExternType& type, std::uint64_t offset) const {
  if (type.kind != CoreKind::Func && type.kind != CoreKind::Tag) {
    return {};
  }
  if (type.type >= types_.size() || !types_[type.type].is_func) {
    return malformed(offset, "type {} is not a function type of this module", type.type);
  }
  return {};
}

Result<> CoreModule::read_types(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("types", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_CHECKED(read_core_rec_type(in, types_));
  }
  return {};
}

Result<> CoreModule::read_imports(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("imports", kMaxNamedItems));
  imports_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    CoreImport import;
    const std::uint64_t start = in.offset();
    WHORL_TRY(import.module, in.name("the module of an import"));
    WHORL_TRY(import.name, in.name("the name of an import"));
    WHORL_TRY(import.type, read_core_extern_type(in));
    WHORL_CHECKED(check_type_index(import.type, start));
    const auto kind = static_cast<std::size_t>(import.type.kind);
    items_[kind].push_back(import.type);
    ++imported_[kind];
    imports_.push_back(import);
  }
  return {};
}

Result<> CoreModule::read_funcs(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("functions", kMaxItems));
  auto& funcs = items_[static_cast<std::size_t>(CoreKind::Func)];
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    CoreExternType func;
    WHORL_TRY(func.type, in.u32("a type index"));
    WHORL_CHECKED(check_type_index(func, start));
    funcs.push_back(func);
  }
  return {};
}

Result<> CoreModule::read_tables(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("tables", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool has_init = in.peek() == 0x40;
    if (has_init) {
      WHORL_CHECKED(in.take(2, "a table with an initial value"));
    }
    WHORL_TRY(const CoreExternType table, read_core_table_type(in));
    if (has_init) {
      WHORL_CHECKED(skip_const_expr(in));
    }
    items_[static_cast<std::size_t>(CoreKind::Table)].push_back(table);
  }
  return {};
}

Result<> CoreModule::read_memories(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("memories", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_TRY(const CoreExternType memory, read_core_memory_type(in));
    items_[static_cast<std::size_t>(CoreKind::Memory)].push_back(memory);
  }
  return {};
}

Result<> CoreModule::read_globals(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("globals", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_TRY(const CoreExternType global, read_core_global_type(in));
    WHORL_CHECKED(skip_const_expr(in));
    items_[static_cast<std::size_t>(CoreKind::Global)].push_back(global);
  }
  return {};
}

Result<> CoreModule::read_tags(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("tags", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_CHECKED(in.byte("a tag attribute"));
    CoreExternType tag;
    tag.kind = CoreKind::Tag;
    WHORL_TRY(tag.type, in.u32("a type index"));
    WHORL_CHECKED(check_type_index(tag, start));
    items_[static_cast<std::size_t>(CoreKind::Tag)].push_back(tag);
  }
  return {};
}

Result<> CoreModule::read_exports(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("exports", kMaxNamedItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::string_view export_name, in.name("the name of an export"));
    WHORL_TRY(const std::uint8_t kind, in.byte("the kind of an export"));
    if (kind > 4) {
      return malformed(start, "expected the kind of an export, found {:#04x}", kind);
    }
    CoreExport item{static_cast<CoreKind>(kind), 0};
    WHORL_TRY(item.index, in.u32("the index of an export"));
    if (item.index >= items_[kind].size()) {
      return malformed(
          start,
          "export \"{}\" is {} {}, but there are {}",
          printable(export_name),
          to_string(item.kind),
          item.index,
          items_[kind].size()
      );
    }
    if (!exports_.emplace(export_name, item).second) {
      return malformed(start, "two exports are called \"{}\"", printable(export_name));
    }
    export_names_.push_back(export_name);
  }
  return {};
}

namespace {

/// Reads `i32.const n` `end` exactly; any other constant expression is stepped over.
Result<std::optional<std::uint32_t>> read_offset(Reader& in) {
  Reader ahead = in;
  const auto op = ahead.byte("a constant expression");
  if (op && *op == 0x41) {
    const auto value = ahead.s32("a constant");
    const auto end = ahead.byte("a constant expression");
    if (value && end && *end == 0x0b) {
      in = ahead;
      return std::optional(static_cast<std::uint32_t>(*value));
    }
  }
  WHORL_CHECKED(skip_const_expr(in));
  return std::optional<std::uint32_t>();
}

/// Reads an element expression; the function when it is a plain `ref.func n`.
Result<std::optional<std::uint32_t>> read_element_expr(Reader& in) {
  Reader ahead = in;
  const auto op = ahead.byte("an element");
  if (op && *op == 0xd2) {
    const auto func = ahead.u32("a function index");
    const auto end = ahead.byte("an element");
    if (func && end && *end == 0x0b) {
      in = ahead;
      return std::optional(*func);
    }
  }
  WHORL_CHECKED(skip_const_expr(in));
  return std::optional<std::uint32_t>();
}

enum class ElementForm : std::uint8_t { Indices, Expressions };

Result<> read_element_items(Reader& in, ElementForm form, CoreElements& out) {
  WHORL_TRY(const std::uint32_t count, in.count("elements", 10 * kMaxItems));
  std::vector<std::uint32_t> funcs;
  bool plain = count <= kMaxKeptElements;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::optional<std::uint32_t> func;
    if (form == ElementForm::Indices) {
      WHORL_TRY(func, in.u32("a function index"));
    } else {
      WHORL_TRY(func, read_element_expr(in));
    }
    plain = plain && func.has_value();
    if (plain) {
      funcs.push_back(*func);
    }
  }
  if (plain) {
    out.funcs = std::move(funcs);
  }
  return {};
}

Result<CoreElements> read_element_segment(Reader& in) {
  const std::uint64_t start = in.offset();
  WHORL_TRY(const std::uint32_t flags, in.u32("the flags of an element segment"));
  if (flags > 7) {
    return malformed(start, "expected the flags of an element segment, found {:#x}", flags);
  }
  CoreElements out;
  out.is_active = (flags & 1) == 0;
  const bool has_index = out.is_active && (flags & 2) != 0;
  const auto form = (flags & 4) != 0 ? ElementForm::Expressions : ElementForm::Indices;
  if (has_index) {
    WHORL_TRY(out.table, in.u32("a table index"));
  }
  if (out.is_active) {
    WHORL_TRY(out.offset, read_offset(in));
  }
  if ((flags & 3) != 0) {
    if (form == ElementForm::Indices) {
      WHORL_CHECKED(in.byte("an element kind"));
    } else {
      WHORL_CHECKED(read_core_val_type(in));
    }
  }
  WHORL_CHECKED(read_element_items(in, form, out));
  return out;
}

}  // namespace

Result<> CoreModule::read_elements(Reader& in) {
  WHORL_TRY(const std::uint32_t count, in.count("element segments", kMaxItems));
  for (std::uint32_t i = 0; i < count; ++i) {
    WHORL_TRY(CoreElements segment, read_element_segment(in));
    elements_.push_back(std::move(segment));
  }
  return {};
}

Result<> CoreModule::read_data(Reader& in) {
  WHORL_TRY(data_segments_, in.count("data segments", kMaxItems));
  for (std::uint32_t i = 0; i < data_segments_; ++i) {
    const std::uint64_t start = in.offset();
    WHORL_TRY(const std::uint32_t flags, in.u32("the flags of a data segment"));
    if (flags > 2) {
      return malformed(start, "expected the flags of a data segment, found {:#x}", flags);
    }
    if (flags == 2) {
      WHORL_CHECKED(in.u32("a memory index"));
    }
    if (flags != 1) {
      has_active_data_ = true;
      WHORL_CHECKED(skip_const_expr(in));
    }
    WHORL_TRY(const std::uint32_t size, in.u32("the size of a data segment"));
    WHORL_CHECKED(in.take(size, "a data segment"));
  }
  return {};
}

const CoreExport* CoreModule::find_export(std::string_view name) const noexcept {
  const auto found = exports_.find(name);
  return found == exports_.end() ? nullptr : &found->second;
}

const CoreExternType* CoreModule::item(CoreKind kind, std::uint32_t index) const noexcept {
  const auto& items = items_[static_cast<std::size_t>(kind)];
  return index < items.size() ? &items[index] : nullptr;
}

const engine::FuncType* CoreModule::func_type(std::uint32_t func) const noexcept {
  const CoreExternType* type = item(CoreKind::Func, func);
  if (type == nullptr || !types_[type->type].is_exact) {
    return nullptr;
  }
  return &types_[type->type].func;
}

const engine::FuncType* CoreModule::export_type(std::string_view name) const noexcept {
  const CoreExport* found = find_export(name);
  return found != nullptr && found->kind == CoreKind::Func ? func_type(found->index) : nullptr;
}

bool CoreModule::has_active_segments() const noexcept {
  return has_active_data_ || std::ranges::any_of(elements_, &CoreElements::is_active);
}

}  // namespace whorl::component
