/// How component-level functions look as core functions, and what their values need.
///
/// The dynamic twin of what component/abi.hpp computes from C++ types; used to check the guest's
/// declarations, not on the path of a call. @thread any
/// @spec CanonicalABI.md "Flattening"
#pragma once

#include "component/types.hpp"
#include "engine/types.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace whorl::component {

inline constexpr std::size_t kMaxFlatParams = 16;
inline constexpr std::size_t kMaxFlatResults = 1;

/// Lift: a core export seen as a component function. Lower: a component function imported by core.
enum class Direction : std::uint8_t { Lift, Lower };

/// What a lift or lower of a function needs.
struct AbiNeeds {
  bool memory = false;
  bool realloc = false;
  bool strings = false;
};

/// Flattens types and remembers what it learned of each, so that shared parts of large graphs are
/// walked once. It keeps the types it has seen, so that an address always means the same type.
class Flattener {
 public:
  using Flat = std::vector<engine::ValType>;

  /// The core type of a synchronous lift or lower.
  [[nodiscard]] engine::FuncType func(const FuncShape& func, Direction direction);
  [[nodiscard]] AbiNeeds needs(const FuncShape& func, Direction direction);
  /// The core values of one type; null if there are more than kMaxFlatParams.
  [[nodiscard]] const Flat* type(const TypeRef& type);

 private:
  /// Whether values of a type hold pointers into memory.
  struct Contents {
    bool strings = false;
    bool pointers = false;
  };
  [[nodiscard]] std::optional<Flat> compute(const Type& of);
  [[nodiscard]] std::optional<Flat> sequence(const std::vector<Member>& members);
  [[nodiscard]] std::optional<Flat> repeated(const Type& of);
  [[nodiscard]] std::optional<Flat> variant(const std::vector<TypeRef>& cases);
  [[nodiscard]] bool result_spills(const FuncShape& func);
  [[nodiscard]] Contents contents(const TypeRef& type);

  std::unordered_map<TypeRef, std::optional<Flat>> flat_;
  std::unordered_map<TypeRef, Contents> contents_;
};

}  // namespace whorl::component
