#include "http/client_exchange.hpp"

#include "base/check.hpp"

namespace whorl::http {

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
