/// Host functions made of free functions: host_function<&function, names>() for a function that is
/// given the Host object, or the resource, and adapts a call to what that has. For older versions
/// of an interface, over the implementation of the newest. @thread shard
#pragma once

#include "component/thunk.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

namespace whorl::component::detail {

template <class C, class R, class... P>
struct MethodTypes<HostResult<R> (*)(C&, Call&, P...)> {
  using Object = C;
  using Result = R;
  static constexpr bool kOnResource = std::derived_from<C, HostResource>;
  using Sig = std::conditional_t<
      kOnResource,
      Signature<R, Held<std::conditional_t<kOnResource, C, HostResource>&>, Held<P>...>,
      Signature<R, Held<P>...>>;
  template <auto kFunction>
  static HostResult<R> invoke(C& object, Call& call, typename Sig::Lifted& arguments) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return kFunction(
          object, call, Param<P>::pass(std::get<I + (kOnResource ? 1 : 0)>(arguments))...
      );
    }(std::index_sequence_for<P...>{});
  }
};

}  // namespace whorl::component::detail
