#include "http/observed_handler.hpp"

#include "wire/http1/syntax.hpp"

#include <cstring>
#include <utility>

namespace whorl::http {
namespace {

using telemetry::RequestFacts;

/// Notes a field if it is one that is wanted, and the first of its name. Most are told by their
/// length to be none.
void note_field(std::string_view name, std::string_view value, RequestFacts& facts) {
  // Mostly it is spelled as usual, which is compared without a call.
  const auto note =
      [&]<std::size_t kSize>(const char(&usual)[kSize], const char(&lower)[kSize], auto& place) {
        if (place.empty() && (std::memcmp(name.data(), usual, kSize - 1) == 0 ||
                              wire::http1::equals_lower(name, {lower, kSize - 1}))) {
          place = value;
        }
      };
  switch (name.size()) {
    case 7:
      note("Referer", "referer", facts.referer);
      break;
    case 10:
      note("User-Agent", "user-agent", facts.user_agent);
      note("Tracestate", "tracestate", facts.tracestate);
      break;
    case 11:
      note("Traceparent", "traceparent", facts.traceparent);
      break;
    case 12:
      note("X-Request-Id", "x-request-id", facts.request_id);
      break;
    default:
      break;
  }
}

/// Looks at the fields as they came: making them is left to who wants them all.
RequestFacts facts_of(const Exchange& exchange) {
  const Request& request = exchange.request_so_far();
  RequestFacts facts{
      .method = request.method,
      .target = request.path_and_query,
      .protocol = request.protocol,
      .scheme = request.scheme == Scheme::Https ? "https" : "http",
      .authority = request.authority,
      .client = request.client_address,
  };
  for (const Field& field : request.fields.lines()) {
    note_field(field.name, field.value, facts);
  }
  for (const wire::http1::FieldView& field : exchange.fields_in_sight()) {
    note_field(field.name, field.value, facts);
  }
  return facts;
}

}  // namespace

void ObservedHandler::handle(LocalPtr<Exchange> exchange) {
  exchange->set_record(
      recorder_.wants_facts() ? recorder_.begin(facts_of(*exchange)) : recorder_.begin({})
  );
  next_.handle(std::move(exchange));
  recorder_.note_handled();
}

}  // namespace whorl::http
