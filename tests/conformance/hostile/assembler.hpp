/// Puts hostile components together from a few words: a core module, its functions, how they are
/// lifted. @thread any (values)
#pragma once

#include "base/bytes.hpp"
#include "component/test_wasm.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::hostile {

using component::testing::Parts;
using component::testing::Wasm;

inline constexpr int kI32 = 0x7f;
inline constexpr int kI64 = 0x7e;
inline constexpr int kF32 = 0x7d;
inline constexpr int kF64 = 0x7c;

// --- code --------------------------------------------------------------------------------------

/// Instructions, one after the other.
class Code {
 public:
  Code& op(std::initializer_list<int> bytes);
  Code& i32(std::uint32_t value);  ///< i32.const
  Code& i64(std::uint64_t value);
  Code& get(std::uint32_t local);
  Code& set(std::uint32_t local);
  Code& call(std::uint32_t func);
  Code& drop() { return op({0x1a}); }
  Code& unreachable() { return op({0x00}); }
  Code& add(const Code& other);
  /// Stores the value at an address in memory 0.
  Code& store32(std::uint32_t address, std::uint32_t value);
  /// An endless loop.
  Code& spin() { return op({0x03, 0x40, 0x0c, 0x00, 0x0b}); }
  [[nodiscard]] const Wasm& bytes() const noexcept { return code_; }

 private:
  Wasm code_;
};

struct Func {
  std::vector<int> params;
  std::vector<int> results;
  Code code;
  std::string export_name = {};
  std::vector<int> locals = {};
};

/// A core module. Functions are numbered with the imported ones first.
struct Module {
  struct Import {
    std::string module;
    std::string name;
    std::vector<int> params;
    std::vector<int> results;
  };
  std::vector<Import> imports;
  std::vector<Func> funcs;
  std::optional<std::uint32_t> start;
  std::uint32_t pages = 1;
  std::uint32_t max_pages = 0;  ///< 0: no limit of its own
  bool has_memory = true;       ///< exported as "memory"
  bool imports_memory = false;  ///< of "libc", instead of one of its own
  struct Data {
    std::uint32_t address;
    Bytes bytes;
  };
  std::vector<Data> data;

  [[nodiscard]] Bytes bytes() const;
};

/// A realloc that hands out ever higher addresses, grows memory when it must, and aligns what it
/// gives. Uses the first page below `bottom` for nothing.
[[nodiscard]] Func bump_realloc(std::uint32_t bottom = 0x8000);

// --- components --------------------------------------------------------------------------------

/// A component under construction: sections in order, indices counted.
class Component {
 public:
  /// Adds a value type written as in WIT: "list<u8>", "record{a: u8, b: string}", "variant{a,
  /// b(u32)}", "enum{a, b}", "flags{a}", "own<N>" and "borrow<N>" with a type index. Types that
  /// need a name get one and are exported under it.
  [[nodiscard]] Wasm type(std::string_view wit);
  /// A function type; parameters are called p0, p1, …
  std::uint32_t func_type(const std::vector<std::string>& params, std::string_view result);

  std::uint32_t core_module(const Bytes& bytes);
  std::uint32_t nested(const Bytes& component);
  /// Instantiates a core module with bags of core functions by name.
  struct Bag {
    std::string name;
    std::vector<std::pair<std::string, std::uint32_t>> funcs = {};  ///< core functions
    std::optional<std::uint32_t> instance = {};                     ///< a whole one instead
    std::vector<std::pair<std::string, std::uint32_t>> tables = {};
  };
  std::uint32_t core_instance(std::uint32_t module, const std::vector<Bag>& bags = {});
  std::uint32_t alias_core_func(std::uint32_t instance, std::string_view name);
  std::uint32_t alias_memory(std::uint32_t instance, std::string_view name = "memory");
  std::uint32_t alias_table(std::uint32_t instance, std::string_view name);
  std::uint32_t alias_func(std::uint32_t instance, std::string_view name);
  std::uint32_t alias_core_module(std::uint32_t instance, std::string_view name);
  std::uint32_t alias_type(std::uint32_t instance, std::string_view name);

  /// Canonical options; memory and so on by index.
  struct Options {
    std::optional<std::uint32_t> memory = {};
    std::optional<std::uint32_t> realloc = {};
    std::optional<std::uint32_t> post_return = {};
    int encoding = 0;  ///< 0 utf8, 1 utf16, 2 latin1+utf16
  };
  std::uint32_t lift(std::uint32_t core_func, std::uint32_t type, const Options& options);
  std::uint32_t lower(std::uint32_t func, const Options& options);
  /// A resource type with representation i32. @return type index
  std::uint32_t resource(std::optional<std::uint32_t> destructor);
  std::uint32_t resource_new(std::uint32_t type);
  std::uint32_t resource_drop(std::uint32_t type);
  std::uint32_t resource_rep(std::uint32_t type);

  struct Argument {
    std::string name;
    int sort;  ///< 1 func, 3 type, 4 component, 5 instance
    std::uint32_t index;
  };
  std::uint32_t instance(std::uint32_t component, const std::vector<Argument>& arguments);
  /// An instance that is a bag of what is there.
  std::uint32_t instance_of(const std::vector<Argument>& items);
  std::uint32_t import_func(std::string_view name, std::uint32_t type);
  /// Counts an instance that was imported by raw(). @return its index
  std::uint32_t imported_instance() { return instances_++; }
  /// An imported resource type. @return type index
  std::uint32_t import_resource(std::string_view name);
  void export_func(std::string_view name, std::uint32_t func);
  void export_instance(std::string_view name, std::uint32_t instance);
  void export_core_module(std::string_view name, std::uint32_t module);
  /// @return type index of what was exported
  std::uint32_t export_type(std::string_view name, std::uint32_t type);
  /// A type definition as it stands.
  std::uint32_t define(const Wasm& definition) { return add_type(definition); }
  /// A section as it stands.
  void raw(int id, const Wasm& body);

  [[nodiscard]] Bytes bytes() const;

 private:
  class TypeParser;
  std::uint32_t add_type(const Wasm& definition);
  std::uint32_t canon(const Wasm& definition);
  [[nodiscard]] static Wasm options_of(const Options& options);

  Parts sections_;
  std::uint32_t types_ = 0;
  std::uint32_t funcs_ = 0;
  std::uint32_t instances_ = 0;
  std::uint32_t components_ = 0;
  std::uint32_t core_modules_ = 0;
  std::uint32_t core_instances_ = 0;
  std::uint32_t core_funcs_ = 0;
  std::uint32_t core_memories_ = 0;
  std::uint32_t core_tables_ = 0;
  std::uint32_t names_ = 0;
};

}  // namespace whorl::hostile
