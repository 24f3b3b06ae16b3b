#include "component/test_wasm.hpp"

#include "component/component.hpp"
#include "component/thunk.hpp"

#include <array>

namespace whorl::component::testing {

Wasm::Wasm(std::initializer_list<int> bytes) {
  for (const int value : bytes) {
    byte(value);
  }
}

Wasm& Wasm::byte(int value) {
  bytes_.push_back(static_cast<std::uint8_t>(value));
  return *this;
}

Wasm& Wasm::leb(std::uint32_t value) {
  while (value >= 0x80) {
    byte(static_cast<int>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  return byte(static_cast<int>(value));
}

Wasm& Wasm::name(std::string_view text) {
  leb(static_cast<std::uint32_t>(text.size()));
  for (const char c : text) {
    byte(static_cast<unsigned char>(c));
  }
  return *this;
}

Wasm& Wasm::add(const Wasm& other) {
  bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
  return *this;
}

Wasm vec(const Parts& items) {
  Wasm out;
  out.leb(static_cast<std::uint32_t>(items.size()));
  for (const Wasm& item : items) {
    out.add(item);
  }
  return out;
}

Wasm section(int id, const Wasm& body) {
  Wasm out;
  out.byte(id).leb(static_cast<std::uint32_t>(body.bytes().size())).add(body);
  return out;
}

Wasm raw(ByteView bytes) {
  Wasm out;
  for (const std::uint8_t value : bytes) {
    out.byte(value);
  }
  return out;
}

namespace {

Bytes with_preamble(const Wasm& preamble, const Parts& sections) {
  Wasm out = preamble;
  for (const Wasm& part : sections) {
    out.add(part);
  }
  return out.bytes();
}

Wasm types(std::initializer_list<int> codes) {
  Wasm out;
  out.leb(static_cast<std::uint32_t>(codes.size())).add(Wasm(codes));
  return out;
}

}  // namespace

Bytes module(const Parts& sections) {
  return with_preamble({0, 'a', 's', 'm', 1, 0, 0, 0}, sections);
}

Bytes component(const Parts& sections) {
  return with_preamble({0, 'a', 's', 'm', 0x0d, 0, 1, 0}, sections);
}

Wasm func_type(std::initializer_list<int> params, std::initializer_list<int> results) {
  Wasm out{0x60};
  return out.add(types(params)).add(types(results));
}

Wasm func_import(std::string_view module, std::string_view name, std::uint32_t type) {
  Wasm out;
  return out.name(module).name(name).byte(0).leb(type);
}

Wasm core_export(std::string_view name, int kind, std::uint32_t index) {
  Wasm out;
  return out.name(name).byte(kind).leb(index);
}

Wasm body(std::initializer_list<int> code) {
  Wasm out;
  out.leb(static_cast<std::uint32_t>(code.size() + 2)).byte(0);
  return out.add(Wasm(code)).byte(0x0b);
}

Bytes shim_module(std::uint32_t n) {
  Parts funcs;
  Parts exports;
  Parts bodies;
  for (std::uint32_t i = 0; i < n; ++i) {
    funcs.push_back({0});
    exports.push_back(core_export(std::to_string(i), 0, i));
    bodies.push_back(body({0x20, 0, 0x20, 1, 0x41, static_cast<int>(i), 0x11, 0, 0}));
  }
  exports.push_back(core_export("$imports", 1, 0));
  Wasm table{1, 0x70, 1};
  table.leb(n).leb(n);
  return module({
      section(1, vec({func_type({0x7f, 0x7f}, {})})),
      section(3, vec(funcs)),
      section(4, table),
      section(7, vec(exports)),
      section(10, vec(bodies)),
  });
}

Bytes fixup_module(std::uint32_t n, WithStart start) {
  Parts imports;
  Wasm elements{1, 0, 0x41, 0, 0x0b};
  elements.leb(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    imports.push_back(func_import("", std::to_string(i), 0));
    elements.leb(i);
  }
  if (start == WithStart::Yes) {
    imports.push_back(func_import("main", "init", 1));
  }
  Wasm table;
  table.name("").name("$imports").byte(1).byte(0x70).byte(1).leb(n).leb(n);
  imports.push_back(table);
  Parts sections = {
      section(1, vec({func_type({0x7f, 0x7f}, {}), func_type({}, {})})),
      section(2, vec(imports)),
  };
  if (start == WithStart::Yes) {
    sections.push_back(section(8, Wasm().leb(n)));
  }
  sections.push_back(section(9, elements));
  return module(sections);
}

Wasm import_instance(std::string_view name, std::uint32_t type) {
  Wasm out{0};
  return out.name(name).byte(5).leb(type);
}

Wasm export_func(std::string_view name, std::uint32_t type) {
  Wasm out{4, 0};
  return out.name(name).byte(1).leb(type);
}

Wasm alias_core_export(int sort, std::uint32_t instance, std::string_view name) {
  Wasm out{0, sort, 1};
  return out.leb(instance).name(name);
}

Wasm alias_export(int sort, std::uint32_t instance, std::string_view name) {
  Wasm out{sort, 0};
  return out.leb(instance).name(name);
}

namespace {

class Thing final : public HostResource {
 public:
  explicit Thing(Log& log) : log_(log) { ++log_.things; }
  ~Thing() override { --log_.things; }

 private:
  Log& log_;
};

constexpr ResourceTag kThing{"test:host/log", "thing"};

ResourceRef thing_type() {
  static const ResourceRef kType =
      std::make_shared<const ResourceType>(ResourceType{"thing", &kThing});
  return kType;
}

TypeRef make_type(TypeKind kind, ResourceRef resource = nullptr) {
  auto type = std::make_shared<Type>();
  type->kind = kind;
  type->resource = std::move(resource);
  return type;
}

Log& log_of(const CallSite& site, engine::Store& store) {
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  return *static_cast<Log*>(instance.host(site.host_slot));
}

engine::HostStatus log_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  const engine::Memory* memory = instance.memory(site.memory_slot);
  if (memory == nullptr) {
    return store.set_trap(engine::TrapKind::HostTrap, "no memory yet");
  }
  const ByteView bytes = store.bytes_of(*memory);
  const std::uint64_t end = std::uint64_t{slots[0].u32} + slots[1].u32;
  if (end > bytes.size()) {
    return store.set_trap(engine::TrapKind::HostTrap, "out of bounds");
  }
  log_of(site, store).lines.emplace_back(as_text(bytes.subspan(slots[0].u32, slots[1].u32)));
  return engine::HostStatus::Return;
}

engine::HostStatus make_thunk(void* env, engine::Store& store, engine::RawVal* slots) {
  const auto& site = *static_cast<const CallSite*>(env);
  auto& instance = *static_cast<ComponentInstance*>(store.host_data());
  auto handle = instance.handles(site.component_index)
                    .add(kThing, std::make_unique<Thing>(log_of(site, store)));
  slots[0].u32 = handle.value_or(0);
  return engine::HostStatus::Return;
}

engine::HostStatus value_thunk(void*, engine::Store&, engine::RawVal* slots) {
  slots[0].u32 = 42;
  return engine::HostStatus::Return;
}

}  // namespace

const HostInterface& log_interface() {
  static constexpr std::array<HostFunction, 3> kFunctions = {{
      {"log",
       [] { return FuncShape{{{"text", make_type(TypeKind::String)}}, nullptr, false}; },
       [] { return engine::FuncType{{engine::ValType::I32, engine::ValType::I32}, {}}; },
       &log_thunk},
      {"[static]thing.make",
       [] { return FuncShape{{}, make_type(TypeKind::Own, thing_type()), false}; },
       [] { return engine::FuncType{{}, {engine::ValType::I32}}; },
       &make_thunk},
      {"[method]thing.value",
       [] {
         return FuncShape{
             {{"self", make_type(TypeKind::Borrow, thing_type())}}, make_type(TypeKind::U32), false
         };
       },
       [] { return engine::FuncType{{engine::ValType::I32}, {engine::ValType::I32}}; },
       &value_thunk},
  }};
  static constexpr std::array<HostResourceDesc, 1> kResources = {{{&kThing, &thing_type}}};
  static constexpr HostInterface kInterface{"test:host/log", "1.2.0", kFunctions, kResources};
  return kInterface;
}

HostRegistry& test_registry() {
  static HostRegistry registry = [] {
    HostRegistry made;
    made.add(log_interface());
    return made;
  }();
  return registry;
}

}  // namespace whorl::component::testing
