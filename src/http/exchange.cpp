#include "http/exchange.hpp"

#include "base/check.hpp"
#include "telemetry/request_record.hpp"
#include "wire/http1/syntax.hpp"

#include <vector>

namespace whorl::http {
namespace {

/// Room for those of most requests, with what the trigger adds.
constexpr std::size_t kUsualFields = 16;

}  // namespace

Exchange::Exchange() = default;

Exchange::Exchange(Request request) : request_(std::move(request)) {}

Exchange::~Exchange() {
  note_end();
}

void Exchange::give_fields(FieldSink& sink) {
  is_whole_ = true;
  const std::string lines = std::exchange(field_lines_, {});
  std::string_view rest = lines;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    WHORL_CHECK(end != 0 && end != std::string_view::npos, "field lines end in CRLF");
    // A name ends at the first colon, which no name has in it.
    const std::string_view line = rest.substr(0, end - 1);
    const std::size_t colon = line.find(':');
    WHORL_CHECK(colon != std::string_view::npos, "field lines were checked");
    sink.add(line.substr(0, colon), wire::http1::trim_blanks(line.substr(colon + 1)));
    rest.remove_prefix(end + 1);
  }
  if (more_fields_ != nullptr) {
    std::exchange(more_fields_, nullptr)(sink);
  }
}

void Exchange::complete_request() {
  class Adder final : public FieldSink {
   public:
    explicit Adder(std::vector<Field>& lines) noexcept : lines_(lines) {}
    void add(std::string_view name, std::string_view value) override {
      lines_.emplace_back(std::string(name), std::string(value));
    }

   private:
    std::vector<Field>& lines_;
  };
  auto& lines = request_.fields.lines();
  lines.reserve(lines.size() + kUsualFields);
  Adder adder(lines);
  give_fields(adder);
}

bool Exchange::pass_fields(FieldSink& sink) {
  if (is_whole_ || !request_.fields.empty()) {
    return false;
  }
  give_fields(sink);
  return true;
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
