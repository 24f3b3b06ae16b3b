#include "wasi/p3/handler.hpp"

#include "component/async_export.hpp"
#include "wasi/p3/http_message.hpp"
#include "wit/wasi_http_types_p3_abi.hpp"

#include <string>
#include <utility>

namespace whorl::wasi::p3 {
namespace {

using Answer = std::expected<component::Own<types::Response>, ErrorCode>;
using Handle = Answer(component::Own<types::Request>);

/// Sends what the handler returned.
/// @return why the client gets a 500 of ours instead; null if it does not
const char* respond(http::Exchange& exchange, Answer answer) {
  if (!answer) {
    exchange.abort(500);
    return "guest failed to produce a response";
  }
  if (exchange.has_response()) {
    return nullptr;  // the time was up, and the client has its answer
  }
  auto response = static_cast<Response&>(**answer).take_for_sending();
  if (!response) {
    exchange.abort(500);
    return response.error();
  }
  exchange.respond(*std::move(response));
  return nullptr;
}

}  // namespace

bool is_handler(const component::ExportedFunc& func) {
  return component::is_async_export<Handle>(func);
}

std::expected<void, engine::Trap> call_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const p2::Surroundings& around,
    LocalPtr<http::Exchange> exchange
) {
  component::Own<types::Request> request = std::make_unique<Request>(around, exchange);
  const char* failure = nullptr;
  auto called = component::call_async_export<Handle>(
      instance,
      store,
      func,
      [&failure, &exchange](Answer answer) { failure = respond(*exchange, std::move(answer)); },
      std::move(request)
  );
  if (called && failure != nullptr) {
    engine::Trap trap;
    trap.kind = engine::TrapKind::Other;
    trap.message = failure;
    return std::unexpected(std::move(trap));
  }
  return called;
}

std::expected<void, engine::Trap> post_handler(
    component::ComponentInstance& instance,
    engine::Store& store,
    const component::ExportedFunc& func,
    const p2::Surroundings& around,
    LocalPtr<http::Exchange> exchange,
    PostedExchange& posted
) {
  auto made = std::make_unique<Request>(around, exchange);
  // The guest may keep its handle for as long as the instance serves others.
  made->detach();
  component::Own<types::Request> request = std::move(made);
  return component::post_async_export<Handle>(
      instance,
      store,
      func,
      &posted,
      [exchange, &posted](Answer answer) {
        posted.on_answer(respond(*exchange, std::move(answer)));
      },
      [&posted]() noexcept { posted.on_exit(); },
      std::move(request)
  );
}

}  // namespace whorl::wasi::p3
