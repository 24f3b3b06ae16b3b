/// Caller: for whom a host function waits, and how what it waited for becomes an answer.
#pragma once

#include "async/parkable.hpp"
#include "async/shard.hpp"
#include "base/result.hpp"
#include "component/host.hpp"

#include <cstddef>
#include <expected>
#include <type_traits>
#include <utility>

namespace whorl::host {

/// Where completions are delivered, and what is parked meanwhile. @thread shard
struct Caller {
  async::Shard& shard;
  async::Parkable& fiber;
};

/// @return a trap when the guest may not wait here: in a start function
[[nodiscard]] component::HostResult<Caller> caller_of(component::Call& call);

/// Work for a guest that goes on over many values: others of the shard have their turn between some
/// of them. On the guest's fiber. @thread shard
class ManyValues {
 public:
  explicit ManyValues(component::Call& call) noexcept : store_(call.store) {}
  /// Before each.
  /// @return false where the guest is being ended: component::being_ended()
  [[nodiscard]] bool go_on() { return ++count_ % kAtOnce != 0 || store_.give_way_if_due(); }

 private:
  static constexpr std::size_t kAtOnce = 1024;
  engine::Store& store_;
  std::size_t count_ = 0;
};

/// Waits for something on behalf of a guest.
///
/// @param body       (Caller) -> Result<T>; parks the fiber
/// @param to_error   (const Error&) -> E: how the interface says it
/// @return           the interface's answer; a trap when the guest is being ended
template <class Body, class ToError>
[[nodiscard]] auto answer(component::Call& call, Body&& body, ToError&& to_error) {
  using T = typename std::invoke_result_t<Body, Caller>::Value;
  using E = std::invoke_result_t<ToError, const Error&>;
  using Answer = std::expected<T, E>;
  using Out = component::HostResult<Answer>;
  auto caller = caller_of(call);
  if (!caller) {
    return Out(std::unexpect, std::move(caller.error()));
  }
  auto result = body(*caller);
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return Out(std::in_place);
    } else {
      return Out(std::in_place, *std::move(result));
    }
  }
  if (caller->fiber.cancelled()) {
    // The store has its reason already (engine.md K2); this text is for the case that it has none.
    return Out(component::trap("the guest was ended while it waited"));
  }
  return Out(std::in_place, std::unexpect, to_error(result.error()));
}

}  // namespace whorl::host
