#include "http/observed_handler.hpp"

#include <array>
#include <utility>

namespace whorl::http {
namespace {

telemetry::RequestFacts facts_of(const Request& request) {
  telemetry::RequestFacts facts{
      .method = request.method,
      .target = request.path_and_query,
      .protocol = request.protocol,
      .scheme = request.scheme == Scheme::Https ? "https" : "http",
      .authority = request.authority,
      .client = request.client_address,
      .user_agent = {},
      .referer = {},
      .request_id = {},
      .traceparent = {},
      .tracestate = {},
  };
  using Place = std::pair<std::string_view, std::string_view telemetry::RequestFacts::*>;
  static constexpr std::array kWanted{
      Place{"user-agent", &telemetry::RequestFacts::user_agent},
      Place{"referer", &telemetry::RequestFacts::referer},
      Place{"x-request-id", &telemetry::RequestFacts::request_id},
      Place{"traceparent", &telemetry::RequestFacts::traceparent},
      Place{"tracestate", &telemetry::RequestFacts::tracestate},
  };
  for (const Field& field : request.fields.lines()) {
    for (const auto& [name, member] : kWanted) {
      if (field.name.size() == name.size() && (facts.*member).empty() &&
          equals_ignoring_case(field.name, name)) {
        facts.*member = field.value;
      }
    }
  }
  return facts;
}

}  // namespace

void ObservedHandler::handle(std::shared_ptr<Exchange> exchange) {
  exchange->set_record(recorder_.begin(facts_of(exchange->request())));
  next_.handle(std::move(exchange));
}

}  // namespace whorl::http
