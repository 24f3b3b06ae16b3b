#include "component/test_builder.hpp"

namespace whorl::component::testing {
namespace {

Wasm leb(std::uint32_t value) {
  return Wasm().leb(value);
}

Wasm sized(const Wasm& content) {
  return leb(static_cast<std::uint32_t>(content.bytes().size())).add(content);
}

/// Its function type is (i32, i32, i32, i32) -> i32; alignment is a power of two.
Wasm realloc_code() {
  return {
      0x23, 0,    0x20, 2, 0x6a, 0x41, 1,    0x6b, 0x41, 0, 0x20, 2,
      0x6b, 0x71, 0x22, 2, 0x20, 3,    0x6a, 0x24, 0,  // next = (next + align - 1 & -align) + size
      0x20, 2,    0x20, 0, 0x20, 1,    0xfc, 0x0a, 0,    0, 0x20, 2
  };
}

}  // namespace

Wasm func_of(const std::vector<Wasm>& params, const Wasm& result) {
  Wasm out{0x40};
  Parts named;
  for (std::size_t i = 0; i < params.size(); ++i) {
    named.push_back(Wasm().name(std::string(1, static_cast<char>('a' + i))).add(params[i]));
  }
  out.add(vec(named));
  return result.bytes().empty() ? out.add({1, 0}) : out.byte(0).add(result);
}

std::uint32_t ComponentBuilder::type(const Wasm& definition) {
  sections_.push_back(section(7, vec({definition})));
  return types_++;
}

std::uint32_t ComponentBuilder::resource(int destructor) {
  Wasm out{0x3f, 0x7f};
  return type(destructor < 0 ? out.byte(0) : out.byte(1).byte(destructor));
}

std::uint32_t ComponentBuilder::module(const Bytes& bytes) {
  sections_.push_back(section(1, raw(bytes)));
  return modules_++;
}

std::uint32_t ComponentBuilder::component(const Bytes& bytes) {
  sections_.push_back(section(4, raw(bytes)));
  return components_++;
}

std::uint32_t ComponentBuilder::core_instance(
    std::uint32_t module, const std::vector<std::pair<std::string, std::uint32_t>>& arguments
) {
  Parts items;
  for (const auto& [name, index] : arguments) {
    items.push_back(Wasm().name(name).byte(0x12).leb(index));
  }
  sections_.push_back(section(2, vec({Wasm{0}.leb(module).add(vec(items))})));
  return core_instances_++;
}

std::uint32_t ComponentBuilder::core_bag(const std::vector<NamedCore>& items) {
  Parts parts;
  for (const NamedCore& item : items) {
    parts.push_back(Wasm().name(item.name).byte(item.kind).leb(item.index));
  }
  sections_.push_back(section(2, vec({Wasm{1}.add(vec(parts))})));
  return core_instances_++;
}

std::uint32_t ComponentBuilder::core_func(std::uint32_t instance, std::string_view name) {
  sections_.push_back(section(6, vec({alias_core_export(0, instance, name)})));
  return core_funcs_++;
}

std::uint32_t ComponentBuilder::core_memory(std::uint32_t instance, std::string_view name) {
  sections_.push_back(section(6, vec({alias_core_export(2, instance, name)})));
  return core_memories_++;
}

std::uint32_t ComponentBuilder::lift(
    std::uint32_t core_func, const Wasm& options, std::uint32_t type
) {
  sections_.push_back(section(8, vec({Wasm{0, 0}.leb(core_func).add(options).leb(type)})));
  return funcs_++;
}

std::uint32_t ComponentBuilder::lower(std::uint32_t func, const Wasm& options) {
  sections_.push_back(section(8, vec({Wasm{1, 0}.leb(func).add(options)})));
  return core_funcs_++;
}

std::uint32_t ComponentBuilder::builtin(int op, std::uint32_t type) {
  sections_.push_back(section(8, vec({Wasm{op}.leb(type)})));
  return core_funcs_++;
}

std::uint32_t ComponentBuilder::canon(const Wasm& definition) {
  sections_.push_back(section(8, vec({definition})));
  return core_funcs_++;
}

std::uint32_t ComponentBuilder::import_instance(std::string_view name, std::uint32_t type) {
  sections_.push_back(section(10, vec({testing::import_instance(name, type)})));
  return instances_++;
}

std::uint32_t ComponentBuilder::alias_func(std::uint32_t instance, std::string_view name) {
  sections_.push_back(section(6, vec({alias_export(1, instance, name)})));
  return funcs_++;
}

std::uint32_t ComponentBuilder::alias_type(std::uint32_t instance, std::string_view name) {
  sections_.push_back(section(6, vec({alias_export(3, instance, name)})));
  return types_++;
}

std::uint32_t ComponentBuilder::instance(
    std::uint32_t component, const std::vector<NamedItem>& arguments
) {
  Parts items;
  for (const NamedItem& item : arguments) {
    items.push_back(Wasm().name(item.name).byte(static_cast<int>(item.sort)).leb(item.index));
  }
  sections_.push_back(section(5, vec({Wasm{0}.leb(component).add(vec(items))})));
  return instances_++;
}

std::uint32_t ComponentBuilder::export_item(
    std::string_view name, ItemSort sort, std::uint32_t index
) {
  sections_.push_back(
      section(11, vec({Wasm{0}.name(name).byte(static_cast<int>(sort)).leb(index).byte(0)}))
  );
  switch (sort) {
    case ItemSort::Func:
      return funcs_++;
    case ItemSort::Type:
      return types_++;
    case ItemSort::Component:
      return components_++;
    case ItemSort::Instance:
      return instances_++;
  }
  return 0;
}

Bytes ComponentBuilder::bytes() const {
  return testing::component(sections_);
}

Bytes CoreBuilder::bytes() const {
  Parts types = {func_type({0x7f, 0x7f, 0x7f, 0x7f}, {0x7f})};
  Parts imports;
  Parts own;
  Parts exports;
  Parts code;
  for (const Func& func : funcs) {
    const auto type = static_cast<std::uint32_t>(types.size());
    types.push_back(func.type);
    if (func.is_import) {
      imports.push_back(func_import("", func.name, type));
      continue;
    }
    own.push_back(leb(type));
    const auto index = static_cast<std::uint32_t>(imports.size() + own.size() - 1);
    exports.push_back(core_export(func.name, 0, index));
    code.push_back(sized(Wasm{0}.add(func.code).byte(0x0b)));
  }
  if (own_memory) {
    exports.push_back(core_export("m", 2, 0));
    own.push_back(leb(0));
    exports.push_back(
        core_export("r", 0, static_cast<std::uint32_t>(imports.size() + own.size() - 1))
    );
    code.push_back(sized(Wasm{0}.add(realloc_code()).byte(0x0b)));
  } else {
    imports.push_back(Wasm().name("").name("m").add({2, 0, 1}));
  }
  Parts sections = {
      section(1, vec(types)),
      section(2, vec(imports)),
      section(3, vec(own)),
      section(5, own_memory ? vec({Wasm{0}.leb(pages)}) : Wasm{0}),
      section(6, vec({Wasm{0x7f, 1, 0x41, 0x80, 8, 0x0b}})),
      section(7, vec(exports)),
      section(10, vec(code)),
  };
  if (!data.empty()) {
    sections.push_back(section(
        11, Wasm{1, 0, 0x41, 16, 0x0b}.leb(static_cast<std::uint32_t>(data.size())).add(raw(data))
    ));
  }
  return testing::module(sections);
}

Wasm memory_options(std::uint32_t memory, std::uint32_t realloc) {
  return Wasm{2, 3}.leb(memory).byte(4).leb(realloc);
}

}  // namespace whorl::component::testing
