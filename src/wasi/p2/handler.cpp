#include "wasi/p2/handler.hpp"

#include "component/export_call.hpp"
#include "wasi/p2/http_incoming.hpp"
#include "wit/wasi_http_types_abi.hpp"

namespace whorl::wasi::p2 {

namespace types = wit::wasi_http_types;

component::Own<types::IncomingRequest> make_incoming_request(
    const Surroundings& around, LocalPtr<http::Exchange> exchange
) {
  return std::make_unique<IncomingRequest>(around, std::move(exchange));
}

std::expected<void, engine::Trap> call_incoming_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    P2Hosts& hosts,
    LocalPtr<http::Exchange> exchange
) {
  using Handle =
      void(component::Own<types::IncomingRequest>, component::Own<types::ResponseOutparam>);
  auto state = make_local<ResponseState>(exchange);
  component::Own<types::ResponseOutparam> out = std::make_unique<ResponseOutparam>(state);
  auto request = make_incoming_request(hosts.surroundings(), std::move(exchange));
  auto called =
      component::call_export<Handle>(instance, store, func, std::move(request), std::move(out));
  if (!called) {
    return called;
  }
  if (const char* failure = state->conclude(); failure != nullptr) {
    engine::Trap trap;
    trap.kind = engine::TrapKind::Other;
    trap.message = failure;
    return std::unexpected(std::move(trap));
  }
  return {};
}

}  // namespace whorl::wasi::p2
