/// Calling wasi:http/incoming-handler: one request in, one response out.
#pragma once

#include "base/local_ptr.hpp"
#include "component/component.hpp"
#include "engine/store.hpp"
#include "http/exchange.hpp"
#include "wasi/p2/hosts.hpp"

#include <expected>
#include <memory>

namespace whorl::wasi::p2 {

/// What a guest's incoming-handler is given for an exchange.
[[nodiscard]] component::Own<wit::wasi_http_types::IncomingRequest> make_incoming_request(
    const Surroundings& around, LocalPtr<http::Exchange> exchange
);

/// Lets the guest answer the exchange. The answer goes out as the guest makes it. When the guest
/// returns without one, the answer is 500; when it traps, the exchange is left as it is, for the
/// caller to abort.
///
/// @param func   the export `handle`, of any version compatible with 0.2
/// @param hosts  the host objects of `instance`
/// @return       why the guest ended early, or why the answer is a 500 of ours. The message is one
///               for the operator's log.
/// @thread shard, on a fiber
[[nodiscard]] std::expected<void, engine::Trap> call_incoming_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    P2Hosts& hosts,
    LocalPtr<http::Exchange> exchange
);

}  // namespace whorl::wasi::p2
