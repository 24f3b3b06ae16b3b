/// Signatures: what a C++ function type says about a component-level function.
///
/// @thread any. @spec CanonicalABI.md, "Flattening" (flatten_functype)
#pragma once

#include "component/abi.hpp"

#include <array>
#include <cstddef>
#include <tuple>
#include <type_traits>

namespace whorl::component {

/// How a parameter of a host method is held between lifting and the call.
template <class P>
struct Param {
  using Held = P;
  static P&& pass(P& held) noexcept { return std::move(held); }
};
template <std::derived_from<HostResource> R>
struct Param<R&> {
  using Held = R*;
  static R& pass(R* held) noexcept { return *held; }
};
template <std::derived_from<HostResource> R>
struct Param<R*> {
  using Held = OptionalBorrow<R>;
  static R* pass(OptionalBorrow<R> held) noexcept { return held.ptr; }
};
template <class P>
using Held = typename Param<P>::Held;

/// Flattening of a result; void is none.
template <class R>
using ResultAbi = PayloadAbi<R>;

/// A synchronous function of WIT type R(P…), where P are held types.
template <class R, class... P>
struct Signature {
  using Params = RecordLayout<P...>;
  using Lifted = std::tuple<P...>;
  using Output = ResultAbi<R>;

  static constexpr bool kSpilledParams = Params::kFlat.size() > kMaxFlatParams;
  static constexpr bool kSpilledResult = Output::kFlat.size() > kMaxFlatResults;
  static constexpr std::size_t kFlatParams = kSpilledParams ? 1 : Params::kFlat.size();
  static constexpr std::size_t kFlatResults = kSpilledResult ? 1 : Output::kFlat.size();
  static constexpr bool kParamsNeedMemory = kSpilledParams || Params::kTraits.memory;
  static constexpr bool kResultNeedsMemory = kSpilledResult || Output::kTraits.memory;

  [[nodiscard]] static constexpr auto flat_params() {
    if constexpr (kSpilledParams) {
      return FlatTypes<1>{engine::ValType::I32};
    } else {
      return Params::kFlat;
    }
  }
  [[nodiscard]] static constexpr auto flat_results() {
    if constexpr (kSpilledResult) {
      return FlatTypes<1>{engine::ValType::I32};
    } else {
      return Output::kFlat;
    }
  }
  /// Core type of the function imported by a guest: a result that spills goes where the last
  /// parameter points.
  [[nodiscard]] static engine::FuncType lowered_type() {
    engine::FuncType type = lifted_type();
    if (kSpilledResult) {
      type.params.push_back(engine::ValType::I32);
      type.results.clear();
    }
    return type;
  }
  /// Core type of the function exported by a guest: a result that spills is pointed to by the core
  /// result.
  [[nodiscard]] static engine::FuncType lifted_type() {
    constexpr auto params = flat_params();
    constexpr auto results = flat_results();
    return {{params.begin(), params.end()}, {results.begin(), results.end()}};
  }
  /// Component-level type.
  ///
  /// @param names  of the parameters, as many as there are
  [[nodiscard]] static FuncShape shape(std::span<const char* const> names) {
    FuncShape shape;
    shape.params = {Member{{}, Abi<P>::describe()}...};
    for (std::size_t i = 0; i < shape.params.size(); ++i) {
      shape.params[i].name = names[i];
    }
    shape.result = describe_payload<R>();
    return shape;
  }
};

/// The result of an exported function: from its core result, or from where that points.
template <class R>
[[nodiscard]] R lift_result(LiftContext& cx, const engine::RawVal* slots) {
  if constexpr (Abi<R>::kFlat.size() > kMaxFlatResults) {
    const std::uint8_t* at = cx.range(slots[0].u32, Abi<R>::kElemSize, Abi<R>::kAlignment);
    return at == nullptr ? R{} : Abi<R>::load(cx, at);
  } else {
    return Abi<R>::lift_flat(cx, slots);
  }
}

/// The arguments, from core values or from the memory they were spilled to. Left to right, so that
/// the first failure is the spec's.
template <class Sig>
struct LiftArguments;
template <class R, class... P>
struct LiftArguments<Signature<R, P...>> {
  using Sig = Signature<R, P...>;

  [[nodiscard]] static std::tuple<P...> lift(LiftContext& cx, const engine::RawVal* slots) {
    if constexpr (Sig::kSpilledParams) {
      using Layout = typename Sig::Params;
      const std::uint8_t* at = cx.range(slots[0].u32, Layout::kElemSize, Layout::kAlignment);
      return at == nullptr ? std::tuple<P...>{} : Abi<std::tuple<P...>>::load(cx, at);
    } else if constexpr (sizeof...(P) == 0) {
      return {};
    } else {
      return Abi<std::tuple<P...>>::lift_flat(cx, slots);
    }
  }
};

}  // namespace whorl::component
