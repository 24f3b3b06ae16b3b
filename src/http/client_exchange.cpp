#include "http/client_exchange.hpp"

#include "base/check.hpp"
#include "telemetry/open_span.hpp"

#include <string_view>

namespace whorl::http {
namespace {

/// As the conventions of OpenTelemetry want it: few values, one per reason.
std::string_view error_type(ClientFailure failure) noexcept {
  switch (failure) {
    case ClientFailure::Denied:
      return "denied";
    case ClientFailure::InvalidUri:
      return "invalid_uri";
    case ClientFailure::UnsupportedScheme:
      return "unsupported_scheme";
    case ClientFailure::NameNotFound:
      return "name_not_found";
    case ClientFailure::AddressProhibited:
      return "address_prohibited";
    case ClientFailure::ConnectionRefused:
      return "connection_refused";
    case ClientFailure::ConnectionTimeout:
      return "connection_timeout";
    case ClientFailure::ConnectionFailed:
      return "connection_failed";
    case ClientFailure::ReadTimeout:
      return "read_timeout";
    case ClientFailure::ConnectionLimit:
      return "connection_limit";
    case ClientFailure::Tls:
      return "tls";
    case ClientFailure::HeadTooLong:
      return "head_too_long";
    case ClientFailure::Protocol:
      return "protocol";
    default:
      return "internal";
  }
}

void note_outcome(telemetry::OpenSpan& span, const ClientExchange::Outcome& outcome) {
  if (!outcome) {
    span.fail(error_type(outcome.error().failure), telemetry::Blame::Host);
  } else {
    span.set("http.response.status_code", std::int64_t{outcome->status});
    if (outcome->status >= 400) {
      span.fail(std::to_string(outcome->status), telemetry::Blame::Nobody);
    }
  }
  span.end();
}

}  // namespace

void ClientExchange::abandon() {
  if (abandoned_) {
    return;
  }
  abandoned_ = true;
  if (outcome_ && *outcome_) {
    (*outcome_)->body->stop_reading();
  }
  abandoned_event_.notify();
}

void ClientExchange::resolve(Outcome outcome) {
  WHORL_CHECK(!resolved_, "a request is resolved once");
  resolved_ = true;
  if (span_ != nullptr) {
    note_outcome(*span_, outcome);
    span_.reset();
  }
  if (outcome && outcome->body == nullptr) {
    outcome->body = BodyPipe::empty();
  }
  if (outcome && abandoned_) {
    outcome->body->stop_reading();
  }
  if (!outcome && request_.body != nullptr) {
    request_.body->stop_reading();
  }
  outcome_.emplace(std::move(outcome));
  resolved_event_.notify();
}

}  // namespace whorl::http
