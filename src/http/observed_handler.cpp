#include "http/observed_handler.hpp"

#include "wire/http1/syntax.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::http {
namespace {

using telemetry::RequestFacts;

constexpr char kLowerCase = 0x20;

/// Most fields are told by their first letter to be none that is noted.
bool may_be_wanted(char first) noexcept {
  const int letter = first | kLowerCase;
  return letter == 'u' || letter == 'r' || letter == 'x' || letter == 't';
}

/// Notes a field if it is one that is wanted, and the first of its name.
void note_field(std::string_view name, std::string_view value, RequestFacts& facts) {
  using Place = std::pair<std::string_view, std::string_view RequestFacts::*>;
  static constexpr std::array kWanted{
      Place{"user-agent", &RequestFacts::user_agent},
      Place{"referer", &RequestFacts::referer},
      Place{"x-request-id", &RequestFacts::request_id},
      Place{"traceparent", &RequestFacts::traceparent},
      Place{"tracestate", &RequestFacts::tracestate},
  };
  for (const auto& [wanted, member] : kWanted) {
    if (name.size() == wanted.size() && (facts.*member).empty() &&
        equals_ignoring_case(name, wanted)) {
      facts.*member = value;
    }
  }
}

/// The same for a line as it came, without its line feed.
void note_line(std::string_view line, RequestFacts& facts) {
  if (line.empty() || !may_be_wanted(line.front())) {
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return;
  }
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  note_field(line.substr(0, colon), wire::http1::trim_blanks(line.substr(colon + 1)), facts);
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
  for (std::string_view rest = exchange.field_lines_so_far(); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
    note_line(rest.substr(0, end), facts);
    rest.remove_prefix(end + 1);
  }
  return facts;
}

}  // namespace

void ObservedHandler::handle(std::shared_ptr<Exchange> exchange) {
  exchange->set_record(
      recorder_.wants_facts() ? recorder_.begin(facts_of(*exchange)) : recorder_.begin({})
  );
  next_.handle(std::move(exchange));
}

}  // namespace whorl::http
