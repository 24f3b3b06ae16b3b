/// Calling wasi:http/handler: one request in, one response out, and what the guest does after it.
#pragma once

#include "base/local_ptr.hpp"
#include "component/component.hpp"
#include "engine/store.hpp"
#include "http/exchange.hpp"
#include "wasi/p2/surroundings.hpp"

#include <expected>
#include <memory>

namespace whorl::wasi::p3 {

/// Whether an export called `handle` takes and returns what call_handler() says; to be asked when
/// it is found.
[[nodiscard]] bool is_handler(const component::ExportedFunc& func);

/// Lets the guest answer the exchange. The answer goes out when the guest gives it, which may be
/// long before its task ends; its body flows as the guest writes it. When the guest traps, the
/// exchange is left as it is, for the caller to abort.
///
/// @param func    the export `handle`, of 0.3.0 or the release candidate
/// @param around  of the host objects of `instance`; outlives the call
/// @return        when the task and what it started are over: why the guest ended early, or why the
///                answer is a 500 of ours. The message is one for the operator's log.
/// @thread shard, on a fiber
[[nodiscard]] std::expected<void, engine::Trap> call_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const p2::Surroundings& around,
    LocalPtr<http::Exchange> exchange
);

/// One of several exchanges that an instance answers at the same time. @thread shard
class PostedExchange {
 public:
  /// The guest has answered. @param failure  why the client got a 500 of ours instead; null if it
  /// did not
  virtual void on_answer(const char* failure) noexcept = 0;
  /// Its task is over, well or not. Nothing is called after this.
  virtual void on_exit() noexcept = 0;

 protected:
  ~PostedExchange() = default;
};

/// Lets the guest answer the exchange beside others, by the run that is open for the instance. When
/// the guest traps, the exchange is left as it is.
///
/// @param posted  outlives the task; what the guest does for it runs for it (post_async_export())
/// @return        why it does not begin; then `posted` is told nothing
/// @thread shard, off the fibers too
[[nodiscard]] std::expected<void, engine::Trap> post_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const p2::Surroundings& around,
    LocalPtr<http::Exchange> exchange,
    PostedExchange& posted
);

}  // namespace whorl::wasi::p3
