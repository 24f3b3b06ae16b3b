#include "otlp/sender.hpp"

#include "base/check.hpp"
#include "otlp/encode.hpp"
#include "otlp/grpc.hpp"
#include "telemetry/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace whorl::otlp {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kLongestRetryAfter{60};

bool is_worth_retrying(http::ClientFailure failure) noexcept {
  using enum http::ClientFailure;
  switch (failure) {
    case NameNotFound:
    case ConnectionRefused:
    case ConnectionTimeout:
    case ConnectionFailed:
    case ReadTimeout:
    case ConnectionLimit:
    case Protocol:
      return true;
    default:
      return false;
  }
}

bool is_worth_retrying(std::uint16_t status) noexcept {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// Retry-After in seconds; its other form, a date, is not worth the trouble.
milliseconds retry_after(const http::Fields& fields) {
  const auto text = fields.find("retry-after");
  std::uint32_t seconds = 0;
  if (!text ||
      std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc()) {
    return milliseconds(0);
  }
  return std::min<milliseconds>(std::chrono::seconds(seconds), kLongestRetryAfter);
}

}  // namespace

Sender::Sender(
    async::Shard& shard,
    http::Client& client,
    Endpoint endpoint,
    std::move_only_function<void(Delivery)> on_end
)
    : shard_(shard),
      client_(client),
      endpoint_(std::move(endpoint)),
      shown_url_(telemetry::without_secrets(endpoint_.url.to_text())),
      on_end_(std::move(on_end)),
      timer_(shard) {}

Sender::~Sender() {
  if (exchange_ != nullptr) {
    exchange_->abandon();
  }
}

void Sender::send(std::string body, async::Deadline last) {
  WHORL_CHECK(!is_busy(), "one request at a time");
  body_ =
      endpoint_.transport == Transport::Grpc ? to_grpc_message(std::move(body)) : std::move(body);
  next_pause_ = kFirstPause;
  last_why_.clear();
  deadline_ = async::Deadline::after(endpoint_.timeout).earlier(last);
  attempt();
}

void Sender::limit(async::Deadline last) {
  deadline_ = deadline_.earlier(last);
  if (is_busy()) {
    wake();
  }
}

void Sender::wake() noexcept {
  // Events fire inside others' calls.
  if (!std::exchange(is_woken_, true)) {
    shard_.post([this] {
      is_woken_ = false;
      go_on();
    });
  }
}

void Sender::go_on() {
  switch (step_) {
    case Step::Idle:
      return;
    case Step::Waiting:
      if (exchange_->is_resolved()) {
        take_outcome();
        return;
      }
      break;
    case Step::Reading:
      read_answer();
      break;
    case Step::Pausing:
      if (timer_.has_fired()) {
        attempt();
        return;
      }
      break;
  }
  if (!is_busy()) {
    return;
  }
  if (deadline_.is_expired()) {
    end({.why = last_why_.empty() ? "it took too long" : last_why_});
  } else if (step_ != Step::Pausing) {
    on_timer_.listen(timer_.event());
    timer_.start(deadline_);
  }
}

http::Request Sender::make_request() const {
  http::Request request;
  request.method = "POST";
  request.scheme = endpoint_.url.is_tls ? http::Scheme::Https : http::Scheme::Http;
  request.authority = endpoint_.url.authority;
  request.path_and_query = endpoint_.url.path_and_query;
  if (endpoint_.transport == Transport::Grpc) {
    request.fields.append("content-type", "application/grpc");
    request.fields.append("te", "trailers");
    request.fields.append(
        "grpc-timeout",
        to_grpc_timeout(std::chrono::duration_cast<milliseconds>(deadline_.remaining()))
    );
  } else {
    request.fields.append("content-type", "application/x-protobuf");
  }
  request.fields.append("content-length", std::to_string(body_.size()));
  request.fields.append("user-agent", "whorl");
  for (const auto& [name, value] : endpoint_.headers) {
    if (http::is_token(name) && http::is_field_value(value)) {
      request.fields.append(name, value);
    }
  }
  request.body = make_local<http::BodyPipe>(std::max<std::size_t>(body_.size(), 1));
  request.body->write(as_bytes(body_));
  request.body->finish();
  return request;
}

void Sender::attempt() {
  step_ = Step::Waiting;
  const auto left = deadline_.remaining();
  exchange_ = std::make_shared<http::ClientExchange>(
      make_request(),
      http::ClientTimeouts{.connect = left, .first_byte = left, .between_bytes = left}
  );
  // What was sent twice is the receiver's to notice, as with every new try.
  exchange_->set_reuse(http::ConnectionReuse::Always);
  if (endpoint_.transport == Transport::Grpc) {
    exchange_->set_versions(http::HttpVersions::Http2Only);
  }
  on_exchange_.listen(exchange_->resolved_event());
  on_timer_.listen(timer_.event());
  timer_.start(deadline_);
  client_.send(exchange_);
}

void Sender::take_outcome() {
  auto outcome = exchange_->take_outcome();
  exchange_.reset();
  if (!outcome) {
    end({.why = "there was no answer"});
    return;
  }
  if (!*outcome) {
    const http::ClientError& error = outcome->error();
    if (is_worth_retrying(error.failure)) {
      pause(milliseconds(0), error.text);
    } else {
      end({.why = error.text});
    }
    return;
  }
  take_response(std::move(**outcome));
}

void Sender::take_response(http::Response response) {
  if (response.status >= 200 && response.status < 300) {
    step_ = Step::Reading;
    answer_.clear();
    head_ = std::move(response.fields);
    response_ = std::move(response.body);
    wake();
    return;
  }
  response.body->stop_reading();
  const std::string why = fmt::format("the answer was {}", response.status);
  if (is_worth_retrying(response.status)) {
    pause(retry_after(response.fields), why);
  } else {
    end({.why = why});
  }
}

/// Read to its end, so that the connection can be used again.
void Sender::read_answer() {
  response_->demand();
  const ByteView part = response_->readable();
  if (answer_.size() + part.size() > kMaxAnswer) {
    end({.is_delivered = true});
    return;
  }
  answer_ += as_text(part);
  response_->consume(part.size());
  if (!response_->is_ended() || !response_->readable().empty()) {
    on_body_.listen(response_->readable_event());
    if (!response_->readable().empty()) {
      wake();
    }
    return;
  }
  if (endpoint_.transport == Transport::Grpc) {
    take_grpc_answer();
  } else {
    take_answer();
  }
}

void Sender::take_answer() {
  Delivery delivery{.is_delivered = true};
  if (auto partial = otlp::read_answer(as_bytes(answer_))) {
    delivery.rejected = partial->rejected;
    delivery.why = std::move(partial->message);
  }
  end(std::move(delivery));
}

/// What came of a call stands behind its answer; where there is none, in the head.
void Sender::take_grpc_answer() {
  const std::unique_ptr<http::Fields> trailers = response_->take_trailers();
  const http::Fields& fields = trailers != nullptr ? *trailers : head_;
  const auto status = response_->failure() ? "" : fields.find("grpc-status").value_or("");
  const auto message = read_grpc_message(as_bytes(answer_));
  if (status == "0" && message) {
    answer_ = std::string(as_text(*message));
    take_answer();
  } else {
    fail_call(fields, status);
  }
}

void Sender::fail_call(const http::Fields& fields, std::string_view status) {
  if (status.empty() || status == "0") {
    // Cut, or the answer of something else than a collector.
    const bool is_cut = response_->failure().has_value();
    const std::string why = is_cut ? "the answer was cut" : "the answer is none of gRPC";
    response_.reset();
    is_cut ? pause(milliseconds(0), why) : end({.why = why});
    return;
  }
  std::string why =
      fmt::format("the call ended with status {}", shown_grpc_message(status.substr(0, 10)));
  if (const auto message = fields.find("grpc-message"); message && !message->empty()) {
    why += fmt::format(" ({})", shown_grpc_message(*message));
  }
  const auto again = retry_of_call(status, fields.find("grpc-status-details-bin").value_or(""));
  if (again) {
    response_.reset();
    pause(*again, std::move(why));
  } else {
    end({.why = std::move(why)});
  }
}

void Sender::pause(milliseconds asked, std::string why) {
  last_why_ = std::move(why);
  // Between half of it and all: clients that failed together do not come back together.
  const auto half = static_cast<std::uint64_t>(next_pause_.count() / 2);
  const milliseconds random(half + random_.next() % (half + 1));
  const milliseconds wait = std::max(asked, random);
  next_pause_ = std::min(next_pause_ * 2, kLongestPause);
  const auto resume = async::Deadline::after(wait);
  if (deadline_ <= resume) {
    end({.why = last_why_});
    return;
  }
  step_ = Step::Pausing;
  on_timer_.listen(timer_.event());
  timer_.start(resume);
}

void Sender::end(Delivery delivery) {
  on_exchange_.stop();
  on_body_.stop();
  on_timer_.stop();
  timer_.cancel();
  if (exchange_ != nullptr) {
    exchange_->abandon();
    exchange_.reset();
  }
  if (response_ != nullptr) {
    response_->stop_reading();
    response_.reset();
  }
  body_.clear();
  step_ = Step::Idle;
  on_end_(std::move(delivery));
}

}  // namespace whorl::otlp
