#include "http/exchange.hpp"

#include "base/check.hpp"

namespace whorl::http {

void Exchange::respond(Response response) {
  WHORL_CHECK(!response_.has_value(), "an exchange is answered once");
  if (response.body == nullptr) {
    response.body = BodyPipe::empty();
  }
  if (client_gone_) {
    response.body->stop_reading();
  }
  response_.emplace(std::move(response));
  response_event_.notify();
}

void Exchange::abort(std::uint16_t status) {
  if (response_.has_value()) {
    response_->body->fail(ErrorKind::Internal);
    return;
  }
  respond({.status = status, .fields = {}, .body = nullptr});
}

void Exchange::set_client_gone() {
  if (client_gone_) {
    return;
  }
  client_gone_ = true;
  if (response_.has_value()) {
    response_->body->stop_reading();
  }
  client_gone_event_.notify();
}

}  // namespace whorl::http
