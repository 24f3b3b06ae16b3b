/// For tests: components put together definition by definition; each call adds one and returns its
/// index.
#pragma once

#include "component/test_wasm.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::component::testing {

/// Codes of value types, core and component ones.
inline constexpr int kCoreI32 = 0x7f;
inline constexpr int kCoreI64 = 0x7e;
inline constexpr int kU8 = 0x7d;
inline constexpr int kU32 = 0x79;
inline constexpr int kU64 = 0x77;
inline constexpr int kStringType = 0x73;

/// Sorts of items as they stand in component binaries.
enum class ItemSort : std::uint8_t { Func = 1, Type = 3, Component = 4, Instance = 5 };

struct NamedItem {
  std::string name;
  ItemSort sort = ItemSort::Func;
  std::uint32_t index = 0;
};
struct NamedCore {
  std::string name;
  int kind = 0;  ///< 0 function, 1 table, 2 memory, 3 global
  std::uint32_t index = 0;
};

/// A function type: parameters are called "a", "b" and so on.
[[nodiscard]] Wasm func_of(const std::vector<Wasm>& params, const Wasm& result = {});

class ComponentBuilder {
 public:
  std::uint32_t type(const Wasm& definition);
  /// A resource; without a destructor if it is negative.
  std::uint32_t resource(int destructor = -1);
  std::uint32_t module(const Bytes& bytes);
  std::uint32_t component(const Bytes& bytes);
  std::uint32_t core_instance(
      std::uint32_t module, const std::vector<std::pair<std::string, std::uint32_t>>& arguments = {}
  );
  std::uint32_t core_bag(const std::vector<NamedCore>& items);
  std::uint32_t core_func(std::uint32_t instance, std::string_view name);
  std::uint32_t core_memory(std::uint32_t instance, std::string_view name);
  std::uint32_t lift(std::uint32_t core_func, const Wasm& options, std::uint32_t type);
  std::uint32_t lower(std::uint32_t func, const Wasm& options);
  /// resource.new (2), resource.drop (3), resource.rep (4).
  std::uint32_t builtin(int op, std::uint32_t type);
  /// Any canonical definition that makes a core function.
  std::uint32_t canon(const Wasm& definition);
  std::uint32_t import_instance(std::string_view name, std::uint32_t type);
  std::uint32_t alias_func(std::uint32_t instance, std::string_view name);
  std::uint32_t alias_type(std::uint32_t instance, std::string_view name);
  std::uint32_t instance(std::uint32_t component, const std::vector<NamedItem>& arguments = {});
  /// @return the index the exported item has from now on
  std::uint32_t export_item(std::string_view name, ItemSort sort, std::uint32_t index);

  [[nodiscard]] Bytes bytes() const;

 private:
  Parts sections_;
  std::uint32_t types_ = 0;
  std::uint32_t modules_ = 0;
  std::uint32_t components_ = 0;
  std::uint32_t core_instances_ = 0;
  std::uint32_t core_funcs_ = 0;
  std::uint32_t core_memories_ = 0;
  std::uint32_t funcs_ = 0;
  std::uint32_t instances_ = 0;
};

/// A core module: imported functions, then its own, with a memory "m" of one page and a bump
/// allocator "r" from address 1024 on.
struct CoreBuilder {
  struct Func {
    std::string name;  ///< of the import (module "") or export
    Wasm type;
    Wasm code;  ///< body without its end; an import has none
    bool is_import = false;
  };
  std::vector<Func> funcs;  ///< imports first
  Bytes data;               ///< at address 16
  bool own_memory = true;   ///< else "m" is imported, and there is no "r"
  std::uint32_t pages = 1;  ///< of its own memory
  [[nodiscard]] Bytes bytes() const;
};

/// Canonical options: memory and realloc.
[[nodiscard]] Wasm memory_options(std::uint32_t memory, std::uint32_t realloc);

}  // namespace whorl::component::testing
