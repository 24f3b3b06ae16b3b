/// The canonical ABI driven by types at run time: lifts core values and memory into Values and
/// lowers Values again. The twin of what component/abi.hpp generates from C++ types; used where
/// types are only known when a component is loaded: calls between components, calls by name.
///
/// make_layout() computes once, at load, what the type says; calls only follow it. Functions are
/// named as in definitions.py. Failures are those of LiftContext and LowerContext: sticky, with
/// harmless values after them. A Value that does not fit its type fails too.
/// @thread shard; layouts any (immutable). @spec CanonicalABI.md "Loading", "Storing", "Flat
/// Lifting", "Flat Lowering", "Lifting and Lowering Values"
#pragma once

#include "base/result.hpp"
#include "component/abi_context.hpp"
#include "component/flatten.hpp"
#include "component/payloads.hpp"
#include "component/value.hpp"
#include "engine/types.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace whorl::component {

/// More core values than this go through memory, when an asynchronous function is lowered.
inline constexpr std::size_t kMaxFlatAsyncParams = 4;

/// Where the values of a type are, in memory and among core values.
struct TypeLayout {
  /// A field of a record or tuple; the payload of a case.
  struct Part {
    const TypeLayout* type = nullptr;  ///< null: a case without payload
    std::uint32_t offset = 0;          ///< bytes from the start
    std::uint32_t flat_offset = 0;     ///< core values from the start
  };

  TypeKind kind = TypeKind::Bool;
  bool is_scalar = false;              ///< lists of it are ScalarLists
  std::uint8_t discriminant_size = 0;  ///< Variant, Option, Result
  std::uint32_t alignment = 1;
  std::uint32_t size = 0;
  std::uint32_t flat_count = 0;  ///< core values; kMaxFlatParams + 1 stands for any greater number
  /// Core values, while they are at most kMaxFlatParams.
  std::array<engine::ValType, kMaxFlatParams> flat{};
  std::vector<Part> parts;              ///< Record, Tuple; Variant, Option, Result: by case
  const TypeLayout* element = nullptr;  ///< List, FixedList; Map: the pair
  std::uint32_t length = 0;             ///< FixedList; Enum: number of cases
  std::uint32_t mask = 0;               ///< Flags: bits with a label
  ResourceRef resource;                 ///< Own, Borrow
  /// Stream, Future; null where they are only described, and can't be passed.
  const PayloadType* payload = nullptr;
};

/// What calls of a function follow. Immutable, shared by all that call it.
struct FuncLayout {
  const TypeLayout* params = nullptr;  ///< a tuple
  const TypeLayout* result = nullptr;  ///< null: none
  bool params_borrow = false;          ///< some parameter holds a borrow

  /// Core parameters of the lowered or lifted function, without a pointer to its result.
  [[nodiscard]] std::uint32_t flat_params(std::size_t max_flat = kMaxFlatParams) const noexcept {
    return params->flat_count > max_flat ? 1 : params->flat_count;
  }
  /// Whether the result goes through memory.
  [[nodiscard]] bool result_spills(std::size_t max_flat = kMaxFlatResults) const noexcept {
    return result != nullptr && result->flat_count > max_flat;
  }

  std::deque<TypeLayout> types;      ///< owns what the pointers lead to
  std::vector<TypeRef> shape_types;  ///< keeps the types alive that were laid out
};

/// Lays out a function's types.
///
/// @param payloads  where the types of streams and futures are kept; outlives the layout. Null
/// where
///                  there is none: values of such types can't be passed then
/// @return          InvalidInput for types whose values would be too large; ResourceLimit
[[nodiscard]] Result<std::shared_ptr<const FuncLayout>> make_layout(
    const FuncShape& func, PayloadTable* payloads = nullptr
);

// --- one value -----------------------------------------------------------------------------------

/// @param at  element of the context's memory: aligned, with type.size bytes
[[nodiscard]] Value load(LiftContext& cx, const std::uint8_t* at, const TypeLayout& type);
/// @param slots  type.flat_count core values
[[nodiscard]] Value lift_flat(LiftContext& cx, const engine::RawVal* slots, const TypeLayout& type);
/// @param value  is moved from
/// @param offset  accepted or allocated: aligned, with type.size bytes
void store(LowerContext& cx, Value& value, const TypeLayout& type, std::uint32_t offset);
/// @param slots  type.flat_count core values
void lower_flat(LowerContext& cx, Value& value, const TypeLayout& type, engine::RawVal* slots);

// --- lists of values -----------------------------------------------------------------------------

/// The values of a tuple, from core values or, if there are more than max_flat, from where the
/// first one points.
[[nodiscard]] std::vector<Value> lift_flat_values(
    LiftContext& cx, std::size_t max_flat, const engine::RawVal* slots, const TypeLayout& tuple
);
/// Lowers the values of a tuple.
///
/// @param values     are moved from
/// @param out_param  where the guest wants values that do not fit into max_flat; without it memory
///                   is allocated and its address is slots[0]
void lower_flat_values(
    LowerContext& cx,
    std::size_t max_flat,
    std::span<Value> values,
    const TypeLayout& tuple,
    engine::RawVal* slots,
    std::optional<std::uint32_t> out_param = {}
);

// --- functions -----------------------------------------------------------------------------------

[[nodiscard]] std::vector<Value> lift_params(
    LiftContext& cx,
    const FuncLayout& func,
    const engine::RawVal* slots,
    std::size_t max_flat = kMaxFlatParams
);
void lower_params(
    LowerContext& cx,
    const FuncLayout& func,
    std::span<Value> values,
    engine::RawVal* slots,
    std::size_t max_flat = kMaxFlatParams
);
/// Empty if the function has no result, or after a failure.
[[nodiscard]] std::optional<Value> lift_result(
    LiftContext& cx,
    const FuncLayout& func,
    const engine::RawVal* slots,
    std::size_t max_flat = kMaxFlatResults
);
/// Lowers the result of a function for the guest that called it.
///
/// @param value      empty if the function has no result
/// @param out_param  the pointer that the caller gave; used only if the result spills
void lower_result(
    LowerContext& cx,
    const FuncLayout& func,
    std::optional<Value>& value,
    engine::RawVal* slots,
    std::uint32_t out_param,
    std::size_t max_flat = kMaxFlatResults
);

}  // namespace whorl::component
