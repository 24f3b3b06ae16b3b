#include "component/denial.hpp"

#include "component/announced.hpp"
#include "component/component_writer.hpp"
#include "component/core_code.hpp"
#include "component/flatten.hpp"
#include "component/import_types.hpp"
#include "component/import_writer.hpp"
#include "component/interpret.hpp"
#include "component/type_search.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

namespace whorl::component {

using ir::Sort;

namespace {

constexpr std::uint32_t kPageBytes = 65'536;
/// All answers of one interface, bytes.
constexpr std::uint32_t kMaxAnswerBytes = 1U << 24;
// Globals: the next byte that realloc gives out, and the first that it ever did.
constexpr std::uint32_t kNextFree = 0;
constexpr std::uint32_t kFirstFree = 1;
constexpr const char* kMemoryName = "memory";
constexpr const char* kReallocName = "realloc";

/// The memory that answers are stored in, when the module is written: they are data of it.
class AnswerHeap final : public GuestHeap {
 public:
  [[nodiscard]] MutableByteView memory() override { return bytes_; }
  [[nodiscard]] HostResult<std::uint32_t> reallocate(
      std::uint32_t, std::uint32_t, std::uint32_t alignment, std::uint32_t size
  ) override {
    const std::size_t at = (bytes_.size() + alignment - 1) / alignment * alignment;
    if (at + size > kMaxAnswerBytes) {
      return trap("the answers of an interface are too long");
    }
    bytes_.resize(at + size);
    return static_cast<std::uint32_t>(at);
  }
  [[nodiscard]] const Bytes& bytes() const noexcept { return bytes_; }

 private:
  Bytes bytes_ = Bytes(16);  // address 0 stays unused
};

/// The core module behind an interface: its functions are "0", "1" and so on, and it imports the
/// drops of borrowed handles under the same names.
class RefusingModule {
 public:
  /// @param drops  by resource that is not the interface's own: the number of the import
  explicit RefusingModule(std::map<const ResourceType*, std::uint32_t> drops)
      : drops_(std::move(drops)) {}

  [[nodiscard]] Result<> add(
      const FuncShape& shape, std::string_view interface, std::string_view name
  ) {
    WHORL_TRY(const AnnouncedSite site, make_announced(shape, interface, name, Absence::Denied));
    funcs_.push_back({flattener_.func(shape, Direction::Lift), {}});
    Bytes& code = funcs_.back().code;
    std::optional<std::uint32_t> answer;
    if (site.answer != AnnouncedSite::Answer::Trap && drop_borrows(shape, *site.layout, code)) {
      WHORL_TRY(answer, store_answer(site));
    }
    if (!answer) {
      code = {kUnreachable};
      return {};
    }
    // The arguments are of no use any more.
    append_op(code, kGlobalGet, kFirstFree);
    append_op(code, kGlobalSet, kNextFree);
    append_const(code, kI32Const, *answer);
    return {};
  }

  [[nodiscard]] Bytes write() &&;

 private:
  struct Func {
    engine::FuncType type;
    Bytes code;
  };

  /// Handles lent for the call are given back, where they stand alone; false where they do not.
  [[nodiscard]] bool drop_borrows(const FuncShape& shape, const FuncLayout& layout, Bytes& code) {
    const bool spilled = layout.params->flat_count > kMaxFlatParams;
    std::unordered_set<const Type*> walked;
    for (std::size_t i = 0; i < shape.params.size(); ++i) {
      const TypeRef& type = shape.params[i].type;
      if (type->kind != TypeKind::Borrow) {
        if (holds_borrow(type, walked)) {
          return false;
        }
        continue;
      }
      const auto drop = drops_.find(type->resource.get());
      if (drop == drops_.end()) {
        continue;  // the interface's own: there is no handle
      }
      const TypeLayout::Part& part = layout.params->parts[i];
      append_op(code, kLocalGet, spilled ? 0 : part.flat_offset);
      if (spilled) {
        append_op(code, kI32Load, 2);
        append_leb(code, part.offset);
      }
      append_op(code, kCall, drop->second);
    }
    return true;
  }

  /// @return  the core value that the function gives
  [[nodiscard]] Result<std::uint32_t> store_answer(const AnnouncedSite& site) {
    const FuncLayout& layout = *site.layout;
    HandleTable nobodys;
    LowerContext cx(heap_, nobodys);
    std::optional<Value> answer = refusal_of(site);
    engine::RawVal slots[kMaxFlatParams + 1] = {};
    std::uint32_t out = 0;
    if (layout.result_spills()) {
      out = cx.allocate(layout.result->size, layout.result->alignment);
    }
    if (!cx.failed()) {
      lower_result(cx, layout, answer, slots, out);
    }
    if (cx.failed()) {
      return fail(ErrorKind::ResourceLimit, "{}", cx.take_trap().message);
    }
    return layout.result_spills() ? out : slots[0].u32;
  }

  std::map<const ResourceType*, std::uint32_t> drops_;
  Flattener flattener_;
  AnswerHeap heap_;
  std::vector<Func> funcs_;
};

Bytes RefusingModule::write() && {
  using engine::ValType;
  enum : std::uint8_t { kDropType, kReallocType, kFirstFuncType };
  const auto imports = static_cast<std::uint32_t>(drops_.size());
  const auto count = static_cast<std::uint32_t>(funcs_.size());
  const auto first_free = static_cast<std::uint32_t>(heap_.bytes().size());

  Bytes types;
  append_leb(types, kFirstFuncType + count);
  append_func_type(types, {{ValType::I32}, {}});
  append_func_type(types, {std::vector<ValType>(4, ValType::I32), {ValType::I32}});
  Bytes import_section;
  append_leb(import_section, imports);
  for (std::uint32_t i = 0; i < imports; ++i) {
    append_name(import_section, "");
    append_name(import_section, std::to_string(i));
    import_section.push_back(0x00);
    import_section.push_back(kDropType);
  }
  Bytes funcs;
  append_leb(funcs, count + 1);
  funcs.push_back(kReallocType);
  Bytes exports;
  append_leb(exports, count + 2);
  const auto add_export = [&](std::string_view name, std::uint8_t kind, std::uint32_t index) {
    append_name(exports, name);
    append_op(exports, kind, index);
  };
  add_export(kMemoryName, 0x02, 0);
  add_export(kReallocName, 0x00, imports);
  Bytes code;
  append_leb(code, count + 1);
  append_body(code, 1, kI64Type, bump_realloc_code());
  for (std::uint32_t i = 0; i < count; ++i) {
    append_func_type(types, funcs_[i].type);
    append_leb(funcs, kFirstFuncType + i);
    add_export(std::to_string(i), 0x00, imports + 1 + i);
    append_body(code, 0, kI32Type, funcs_[i].code);
  }
  Bytes memories = {1, 0x00};
  append_leb(memories, first_free / kPageBytes + 1);
  Bytes globals = {2};
  for (const std::uint8_t is_mutable : std::to_array<std::uint8_t>({1, 0})) {
    globals.insert(globals.end(), {kI32Type, is_mutable});
    append_const(globals, kI32Const, first_free);
    globals.push_back(kEnd);
  }
  Bytes data = {1, 0, kI32Const, 0, kEnd};
  append_leb(data, first_free);
  append_bytes(data, heap_.bytes());

  Bytes out(std::begin(kCorePreamble), std::end(kCorePreamble));
  append_section(out, 1, types);
  append_section(out, 2, import_section);
  append_section(out, 3, funcs);
  append_section(out, 5, memories);
  append_section(out, 6, globals);
  append_section(out, 7, exports);
  append_section(out, 10, code);
  append_section(out, 11, data);
  return out;
}

/// The component around it: the interface's entries, one by one.
class DenialWriter {
 public:
  DenialWriter(const ImportWorld& world, std::uint32_t import)
      : item_(world.imports[import]), index_(import), imports_(world, out_), types_(world) {}

  [[nodiscard]] Result<Denial> run() && {
    WHORL_TRY(known_, types_.of(index_));
    WHORL_CHECKED(import_types());
    WHORL_CHECKED(write_core());
    WHORL_CHECKED(write_exports());
    return Denial{out_.bytes(), imports_.written()};
  }

 private:
  /// Types of other interfaces first, and the drops of what may be borrowed of them.
  [[nodiscard]] Result<> import_types() {
    std::uint32_t number = 0;
    for (const ImportedEntry& entry : item_.body) {
      const auto* exported = std::get_if<ir::Export>(&entry);
      if (exported != nullptr && exported->type->sort != Sort::Type) {
        continue;
      }
      if (const auto* place = std::get_if<TypePlace>(&entry)) {
        WHORL_TRY(const std::uint32_t type, imports_.type(*place));
        imported_.emplace(number, type);
        const ResourceType* resource = (*known_)[number].resource.get();
        const auto next = static_cast<std::uint32_t>(drops_.size());
        if (resource != nullptr && drops_.emplace(resource, next).second) {
          drop_funcs_.push_back({{}, {Sort::CoreFunc, out_.resource_drop(type)}});
        }
      }
      ++number;
    }
    return {};
  }

  [[nodiscard]] Result<> write_core() {
    RefusingModule module(drops_);
    for (const ImportedEntry& entry : item_.body) {
      const auto* exported = std::get_if<ir::Export>(&entry);
      if (exported != nullptr && exported->type->sort == Sort::Func) {
        const FuncShape* shape = (*known_)[exported->type->index].func.get();
        if (shape == nullptr) {
          return fail(ErrorKind::InvalidInput, "the type of a function is not one");
        }
        WHORL_CHECKED(module.add(*shape, item_.interface(), exported->name));
      }
    }
    const std::uint32_t made = out_.module(std::move(module).write());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < drop_funcs_.size(); ++i) {
      names.push_back(std::to_string(i));
    }
    for (std::size_t i = 0; i < drop_funcs_.size(); ++i) {
      drop_funcs_[i].name = names[i];
    }
    std::vector<ir::NamedIndex> arguments;
    if (!drop_funcs_.empty()) {
      arguments.push_back({"", {Sort::CoreInstance, out_.core_bag(drop_funcs_)}});
    }
    core_ = out_.core_instance(made, arguments);
    memory_ = out_.core_alias(Sort::CoreMemory, core_, kMemoryName);
    realloc_ = out_.core_alias(Sort::CoreFunc, core_, kReallocName);
    return {};
  }

  [[nodiscard]] Result<> write_exports() {
    std::vector<std::uint32_t> numbers;  ///< type indices, by number of the entry
    std::uint32_t functions = 0;
    for (const ImportedEntry& entry : item_.body) {
      if (const auto* definition = std::get_if<ir::TypeDefinition>(&entry)) {
        ir::TypeDefinition moved = *definition;
        for_each_type(moved, [&](std::uint32_t& use) { use = numbers[use]; });
        Bytes bytes;
        append_type(bytes, moved);
        numbers.push_back(out_.type(bytes));
      } else if (std::holds_alternative<TypePlace>(entry)) {
        numbers.push_back(imported_.at(static_cast<std::uint32_t>(numbers.size())));
      } else if (const auto& exported = std::get<ir::Export>(entry);
                 exported.type->sort == Sort::Type) {
        const std::uint32_t type = exported.type->bound == ir::ExternType::Bound::SubResource
                                       ? out_.resource()
                                       : numbers[exported.type->index];
        numbers.push_back(out_.export_item(exported.name, {}, {Sort::Type, type}));
      } else {
        const std::uint32_t func =
            out_.core_alias(Sort::CoreFunc, core_, std::to_string(functions++));
        const std::uint32_t lifted =
            out_.lift({func, memory_, realloc_, numbers[exported.type->index]});
        out_.export_item(exported.name, {}, {Sort::Func, lifted});
      }
    }
    return {};
  }

  const ImportedItem& item_;
  std::uint32_t index_;
  ComponentWriter out_;
  ImportWriter imports_;
  ImportTypes types_;
  const std::vector<EntryType>* known_ = nullptr;
  std::map<std::uint32_t, std::uint32_t> imported_;  ///< type index, by number of the entry
  std::map<const ResourceType*, std::uint32_t> drops_;
  std::vector<ir::NamedIndex> drop_funcs_;
  std::uint32_t core_ = 0;
  std::uint32_t memory_ = 0;
  std::uint32_t realloc_ = 0;
};

}  // namespace

Result<Denial> write_denial(const ImportWorld& world, std::uint32_t import) {
  return DenialWriter(world, import).run();
}

}  // namespace whorl::component
