#include "http/outbound.hpp"

#include "log/line_writer.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"
#include "log/terminal.hpp"
#include "telemetry/open_span.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/text.hpp"

#include <chrono>
#include <utility>

namespace whorl::http {
namespace {

constexpr std::string_view kLogTarget = "whorl::outbound";
constexpr std::string_view kSelfAlias = "self.alt";
constexpr std::string_view kSelfUrl = "http://self";

/// Each request that comes in has more fields than the one that was sent, what the trigger says of
/// it: one that is passed on for ever would have no end of them.
constexpr std::size_t kMaxInProcessFields = std::size_t{128} * 1024;

/// A component can be denied on every request: the operator is not to drown in it.
constinit log::RateLimit denial_reports{100, std::chrono::seconds(1)};

/// Brings the answer of an exchange within the process to who asked for it, and tells the answering
/// side when nobody wants it any more.
class InProcessCall final : public std::enable_shared_from_this<InProcessCall> {
 public:
  InProcessCall(std::shared_ptr<ClientExchange> asked, LocalPtr<Exchange> answering)
      : asked_(std::move(asked)), answering_(std::move(answering)) {}
  InProcessCall(const InProcessCall&) = delete;
  InProcessCall& operator=(const InProcessCall&) = delete;

  /// Keeps itself alive until there is an answer or nobody wants one.
  void start() {
    self_ = shared_from_this();
    answering_->response_event().add(on_change_);
    asked_->abandoned_event().add(on_abandoned_);
  }

 private:
  class Listener final : public async::Waiter {
   public:
    explicit Listener(InProcessCall& call) noexcept : call_(call) {}
    void on_event() noexcept override { call_.go_on(); }
    void stop() noexcept { unlink(); }

   private:
    InProcessCall& call_;
  };

  void go_on() noexcept {
    const std::shared_ptr<InProcessCall> keep = std::exchange(self_, nullptr);
    if (keep == nullptr) {
      return;
    }
    on_change_.stop();
    on_abandoned_.stop();
    if (asked_->is_abandoned()) {
      answering_->set_client_gone();
    } else {
      asked_->resolve(answering_->take_response());
    }
  }

  std::shared_ptr<ClientExchange> asked_;
  LocalPtr<Exchange> answering_;
  std::shared_ptr<InProcessCall> self_;
  Listener on_change_{*this};
  Listener on_abandoned_{*this};
};

std::string_view text_of(Scheme scheme) noexcept {
  return scheme == Scheme::Https ? "https" : "http";
}

/// `https://host`, with the port where the request names one.
std::string describe(const Request& request) {
  return fmt::format("{}://{}", text_of(request.scheme), request.authority);
}

/// Begins the span of a request that the guest running now makes, and tells the other side of it.
void begin_span(telemetry::Recorder& recorder, ClientExchange& exchange) {
  Request& request = exchange.request();
  auto span = recorder.open_span(request.method, telemetry::SpanKind::Client);
  if (span == nullptr) {
    return;
  }
  span->set("http.request.method", request.method);
  span->set("url.full", telemetry::without_secrets(describe(request) + request.path_and_query));
  if (const auto to = parse_destination(request.scheme, request.authority)) {
    span->set("server.address", to->host);
    span->set("server.port", std::int64_t{to->port});
  }
  request.fields.remove("traceparent");
  request.fields.append("traceparent", telemetry::to_traceparent(span->context()));
  if (!span->trace_state().empty()) {
    request.fields.remove("tracestate");
    request.fields.append("tracestate", span->trace_state());
  }
  exchange.set_span(std::move(span));
}

}  // namespace

void report_denied(std::string_view destination) {
  if (!denial_reports.admit()) {
    return;
  }
  const std::string shown = log::escape_controls(destination, log::LineBreaks::Escape);
  log::error(kLogTarget, "Outbound network destination not allowed: {}", shown);
  const std::string what =
      destination == kSelfUrl
          ? "A component tried to make an HTTP request to its own app but it does not have "
            "permission."
          : fmt::format(
                "A component tried to make an outbound network connection to disallowed "
                "destination '{}'.",
                shown
            );
  log::put_out(fmt::format(
      "Warning: {}\nTo allow this request, add 'allowed_outbound_hosts = [\"{}\"]' to the "
      "manifest component section.\n",
      what,
      shown
  ));
}

void Outbound::start_self(const AllowedHosts& grants, std::shared_ptr<ClientExchange> exchange) {
  if (!grants.allows_self()) {
    report_denied(kSelfUrl);
    exchange->resolve(std::unexpected(ClientError{ClientFailure::Denied, std::string(kSelfUrl)}));
    return;
  }
  exchange->request().scheme = self_.scheme;
  exchange->request().authority = self_.authority;
  client_.send(std::move(exchange));
}

std::expected<void, std::string> Outbound::start_in_process(
    std::string component_id, std::shared_ptr<ClientExchange> exchange
) {
  if (in_process_ == nullptr || !in_process_->has_component(component_id)) {
    return std::unexpected(fmt::format("unknown routing destination '{}'", component_id));
  }
  if (exchange->request().fields.total_bytes() > kMaxInProcessFields) {
    // As a server answers it on the wire.
    if (const auto& body = exchange->request().body) {
      body->stop_reading();
    }
    exchange->resolve(Response{.status = 431, .fields = {}, .body = BodyPipe::empty()});
    return {};
  }
  Request request = std::move(exchange->request());
  exchange->request().body = request.body;
  request.scheme = Scheme::Http;
  request.client_address = "0.0.0.0:0";
  if (request.body == nullptr) {
    request.body = BodyPipe::empty();
  }
  auto answering = make_local<Exchange>(std::move(request));
  if (recorder_ != nullptr && recorder_->is_tracing()) {
    const Fields& fields = answering->request().fields;
    answering->set_record(recorder_->begin_chained(
        fields.find("traceparent").value_or(""), fields.find("tracestate").value_or("")
    ));
  }
  std::make_shared<InProcessCall>(std::move(exchange), answering)->start();
  // Posted: the caller is on a fiber, and another guest is not run on its stack.
  client_.shard().post([hosts = in_process_, id = std::move(component_id), answering]() mutable {
    if (!answering->client_gone()) {
      hosts->serve(id, std::move(answering));
    }
  });
  return {};
}

std::expected<void, std::string> Outbound::start(
    const AllowedHosts& grants, std::shared_ptr<ClientExchange> exchange
) {
  Request& request = exchange->request();
  if (recorder_ != nullptr) {
    begin_span(*recorder_, *exchange);
  }
  if (request.authority.empty()) {
    start_self(grants, std::move(exchange));
    return {};
  }
  const auto to = parse_destination(request.scheme, request.authority);
  if (!to) {
    exchange->resolve(std::unexpected(
        ClientError{ClientFailure::InvalidUri, "the request's authority is no host"}
    ));
    return {};
  }
  if (to->host == kSelfAlias) {
    start_self(grants, std::move(exchange));
    return {};
  }
  if (!grants.allows(text_of(request.scheme), to->host, to->port)) {
    const std::string destination = describe(request);
    report_denied(destination);
    exchange->resolve(std::unexpected(ClientError{ClientFailure::Denied, destination}));
    return {};
  }
  if (to->host.ends_with(kInternalSuffix)) {
    // Ids are told apart by case: a host in the URL is taken as written.
    return start_in_process(
        request.authority.substr(0, to->host.size() - kInternalSuffix.size()), std::move(exchange)
    );
  }
  client_.send(std::move(exchange));
  return {};
}

}  // namespace whorl::http
