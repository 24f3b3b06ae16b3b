#include "http/exchange.hpp"

#include "base/check.hpp"
#include "telemetry/request_record.hpp"
#include "wire/http1/syntax.hpp"

#include <algorithm>

namespace whorl::http {

Exchange::Exchange() = default;

Exchange::Exchange(Request request) : request_(std::move(request)) {}

Exchange::~Exchange() {
  note_end();
}

void Exchange::complete_request() {
  is_whole_ = true;
  std::string_view rest = field_lines_;
  auto& lines = request_.fields.lines();
  lines.reserve(lines.size() + static_cast<std::size_t>(std::ranges::count(rest, '\n')));
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    WHORL_CHECK(end != 0 && end != std::string_view::npos, "field lines end in CRLF");
    // A name ends at the first colon, which no name has in it.
    const std::string_view line = rest.substr(0, end - 1);
    const std::size_t colon = line.find(':');
    WHORL_CHECK(colon != std::string_view::npos, "field lines were checked");
    lines.emplace_back(
        std::string(line.substr(0, colon)),
        std::string(wire::http1::trim_blanks(line.substr(colon + 1)))
    );
    rest.remove_prefix(end + 1);
  }
  std::string().swap(field_lines_);
  if (more_fields_ != nullptr) {
    std::exchange(more_fields_, nullptr)(request_);
  }
}

void Exchange::set_record(std::unique_ptr<telemetry::RequestRecord> record) noexcept {
  is_head_ = request_.method == "HEAD";
  record_ = std::move(record);
}

void Exchange::note_end() noexcept {
  using Ending = telemetry::RequestRecord::Ending;
  if (record_ == nullptr) {
    return;
  }
  if (!response_.has_value()) {
    record_->end_answer(0, 0, Ending::Gone);
    return;
  }
  const BodyPipe& body = *response_->body;
  record_->end_answer(
      response_->status,
      is_head_ ? 0 : body.total_written(),
      client_gone_     ? Ending::Gone
      : body.failure() ? Ending::Cut
                       : Ending::Whole
  );
}

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

Response Exchange::take_response() {
  Response taken = std::move(response_.value());
  response_->body = taken.body;
  return taken;
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
