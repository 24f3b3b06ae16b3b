#include "telemetry/recorder.hpp"

#include "telemetry/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace whorl::telemetry {
namespace {

/// Lines are handed over in pieces of this size, bytes.
constexpr std::size_t kPieceBytes = 32 * 1024;
/// Spans and log records are handed over in batches of this size.
constexpr std::size_t kBatch = 64;
/// Bytes of a text of a client's in a span or record.
constexpr std::size_t kMaxAttribute = 1024;

std::string cut(std::string_view text) {
  return std::string(text.substr(0, kMaxAttribute));
}

std::uint64_t to_ns(std::chrono::nanoseconds time) {
  return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

/// Host and port of "host:port", "[v6]:port", "host".
std::pair<std::string_view, std::optional<std::int64_t>> split_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) {
    return {text, std::nullopt};
  }
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) {
    return {text, std::nullopt};
  }
  return {text.substr(0, colon), port};
}

/// Methods that anybody has heard of; a span is not named by what a client makes up.
bool is_known_method(std::string_view method) {
  constexpr std::array<std::string_view, 9> kKnown{
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
  };
  return std::ranges::find(kKnown, method) != kKnown.end();
}

void add_address(
    Attributes& to, std::string_view host_key, std::string_view port_key, std::string_view text
) {
  const auto [host, port] = split_port(text);
  if (!host.empty()) {
    to.push_back({std::string(host_key), cut(host)});
  }
  if (port) {
    to.push_back({std::string(port_key), *port});
  }
}

}  // namespace

std::uint64_t now_ns() noexcept {
  return to_ns(std::chrono::system_clock::now().time_since_epoch());
}

Recorder::Recorder(async::Shard& shard, const RecorderOptions& options)
    : shard_(shard),
      options_(options),
      unanswered_(metrics_->of("")),
      line_(options.access_log != nullptr ? options.access_log->format() : AccessLogFormat::Text),
      timer_(shard) {}

Recorder::~Recorder() = default;

std::unique_ptr<RequestRecord> Recorder::begin(const RequestFacts& facts) {
  auto record = std::make_unique<RequestRecord>(*this);
  record->began_ = RequestRecord::Clock::now();
  metrics_->requests_active.add(1);
  const bool is_logged = options_.access_log != nullptr;
  if (!is_logged && !is_tracing()) {
    return record;
  }
  record->began_ns_ = now_ns();
  record->method_ = cut(facts.method);
  record->path_ = without_query(facts.target).substr(0, kMaxText);
  record->client_ = facts.client;
  record->protocol_ = facts.protocol;
  record->authority_ = cut(facts.authority.substr(facts.authority.rfind('@') + 1));
  record->user_agent_ = cut(facts.user_agent);
  if (is_logged) {
    record->referer_ = without_secrets(facts.referer.substr(0, kMaxText));
  }
  begin_trace(*record, facts);
  return record;
}

void Recorder::begin_trace(RequestRecord& record, const RequestFacts& facts) {
  const auto parent = parse_traceparent(facts.traceparent);
  const TraceId trace = parent ? parent->trace : ids_.next_trace();
  record.request_id_ =
      is_request_id(facts.request_id) ? std::string(facts.request_id) : to_text(trace);
  if (parent || is_tracing()) {
    record.server_.trace = trace;
  }
  if (!is_tracing()) {
    return;
  }
  record.scheme_ = facts.scheme;
  record.remote_ = parent ? parent->span : SpanId{};
  if (parent && is_tracestate(facts.tracestate)) {
    record.trace_state_ = facts.tracestate;
  }
  record.server_.is_sampled = options_.sampler.is_sampled(trace, parent);
  record.server_.span = ids_.next_span();
  record.work_ = record.server_;
  record.work_.span = ids_.next_span();
}

std::unique_ptr<RequestRecord> Recorder::begin_chained(
    std::string_view traceparent, std::string_view tracestate
) {
  auto record = std::make_unique<RequestRecord>(*this);
  record->origin_ = RequestRecord::Origin::Chained;
  record->began_ = RequestRecord::Clock::now();
  record->began_ns_ = now_ns();
  begin_trace(*record, {.traceparent = traceparent, .tracestate = tracestate});
  if (current_ != nullptr) {
    record->request_id_ = current_->request_id_;
  }
  return record;
}

std::unique_ptr<RequestRecord> Recorder::begin_message(std::string_view channel) {
  auto record = std::make_unique<RequestRecord>(*this);
  record->origin_ = RequestRecord::Origin::Message;
  record->route_ = cut(channel);
  record->began_ = RequestRecord::Clock::now();
  record->began_ns_ = now_ns();
  begin_trace(*record, {});
  return record;
}

void Recorder::finish(RequestRecord& record) {
  record.end_answer(0, 0, RequestRecord::Ending::Gone);
  if (record.origin_ != RequestRecord::Origin::Client) {
    // A message that nobody took is offered again.
    if (is_tracing() && record.server_.is_sampled && record.component_ != nullptr) {
      add_work_span(record);
      if (record.origin_ == RequestRecord::Origin::Message) {
        add_message_span(record);
      }
    }
    return;
  }
  metrics_->requests_active.add(-1);
  count(record);
  if (options_.access_log != nullptr) {
    line_.append(record, lines_);
    ++line_count_;
    if (lines_.size() >= kPieceBytes) {
      hand_over_lines();
    } else {
      schedule();
    }
  }
  if (is_tracing() && record.server_.is_sampled) {
    add_work_span(record);
    add_server_span(record);
  }
}

void Recorder::count(const RequestRecord& record) {
  ComponentStats& stats = record.component_ != nullptr ? *record.component_ : unanswered_;
  const bool is_gone = record.ending_ == RequestRecord::Ending::Gone && record.status_ == 0;
  stats.requests[is_gone ? 0 : status_class(record.status_)].add();
  stats.duration.add(to_ns(record.ended_ - record.began_));
}

void Recorder::add_work_span(RequestRecord& record) {
  if (record.component_ == nullptr) {
    return;
  }
  const auto at = [&](RequestRecord::Clock::time_point time) {
    return record.began_ns_ + to_ns(time - record.began_);
  };
  Span work{
      .context = record.work_,
      // The request's own span, or that of who calls.
      .parent =
          record.origin_ == RequestRecord::Origin::Chained ? record.remote_ : record.server_.span,
      .trace_state = record.trace_state_,
      .name = std::string(record.is_wagi_ ? "execute_wagi_component " : "execute_wasm_component ")
                  .append(record.component_->component),
      .start_ns = at(record.work_began_),
      .end_ns = at(std::max(record.work_ended_, record.work_began_)),
      .attributes = {{"component_id", record.component_->component}},
      .events = std::move(record.events_),
      .dropped_events = record.dropped_events_,
  };
  if (!record.failure_.empty()) {
    work.status = SpanStatus::Failed;
    work.attributes.push_back({"error.type", record.failure_});
    work.attributes.push_back({"error.blame", "guest"});
  }
  if (record.dropped_host_spans_ != 0) {
    work.attributes.push_back({"whorl.dropped_spans", std::int64_t{record.dropped_host_spans_}});
  }
  add(std::move(work));
}

void Recorder::add_message_span(RequestRecord& record) {
  Span span{
      .context = record.server_,
      .name = record.route_ + " receive",
      .kind = SpanKind::Consumer,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
      .attributes =
          {{"messaging.operation", "receive"},
           {"messaging.system", "redis"},
           {"messaging.destination.name", record.route_}},
  };
  if (!record.failure_.empty() || record.status_ >= 500) {
    span.status = SpanStatus::Failed;
    span.attributes.push_back({"error.type", record.failure_.empty() ? "refused" : record.failure_}
    );
  }
  add(std::move(span));
}

void Recorder::add_server_span(RequestRecord& record) {
  const bool is_known = is_known_method(record.method_);
  const std::string method = is_known ? record.method_ : "HTTP";
  Span server{
      .context = record.server_,
      .parent = record.remote_,
      .trace_state = record.trace_state_,
      .is_parent_remote = record.remote_.is_valid(),
      .name = record.route_.empty() ? method : method + " " + record.route_,
      .kind = SpanKind::Server,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
      .attributes =
          {
              {"http.request.method", is_known ? record.method_ : "_OTHER"},
              {"url.path", cut(record.path_)},
              {"url.scheme", record.scheme_},
              {"network.protocol.name", "http"},
          },
  };
  Attributes& more = server.attributes;
  if (!is_known) {
    more.push_back({"http.request.method_original", record.method_});
  }
  if (const std::size_t slash = record.protocol_.find('/'); slash != std::string::npos) {
    more.push_back({"network.protocol.version", record.protocol_.substr(slash + 1)});
  }
  if (!record.route_.empty()) {
    more.push_back({"http.route", record.route_});
  }
  add_address(more, "server.address", "server.port", record.authority_);
  add_address(more, "client.address", "client.port", record.client_);
  if (!record.user_agent_.empty()) {
    more.push_back({"user_agent.original", record.user_agent_});
  }
  if (record.status_ != 0) {
    more.push_back({"http.response.status_code", std::int64_t{record.status_}});
  }
  if (record.status_ >= 500 || record.ending_ == RequestRecord::Ending::Cut) {
    server.status = SpanStatus::Failed;
    more.push_back(
        {"error.type", record.failure_.empty() ? std::to_string(record.status_) : record.failure_}
    );
  }
  add(std::move(server));
}

Span Recorder::begin_span(std::string_view name, SpanKind kind) {
  SpanContext context = current_->parent_context();
  const SpanId parent = context.span;
  context.span = ids_.next_span();
  return {
      .context = context,
      .parent = parent,
      .trace_state = current_->trace_state(),
      .name = cut(name),
      .kind = kind,
      .start_ns = now_ns(),
  };
}

std::shared_ptr<OpenSpan> Recorder::open_span(std::string_view name, SpanKind kind) {
  if (!is_tracing() || current_ == nullptr) {
    return nullptr;
  }
  Span span = begin_span(name, kind);
  // The other side is told of it all the same.
  span.context.is_sampled = span.context.is_sampled && current_->take_host_span();
  return std::make_shared<OpenSpan>(*this, std::move(span));
}

std::unique_ptr<OpenSpan> Recorder::open_host_span(
    std::string_view name, SpanKind kind, const OpenSpan* parent
) {
  if (!is_tracing() || current_ == nullptr || !current_->context().is_sampled ||
      !current_->take_host_span()) {
    return nullptr;
  }
  Span span = begin_span(name, kind);
  if (parent != nullptr) {
    span.parent = parent->context().span;
  }
  return std::make_unique<OpenSpan>(*this, std::move(span));
}

void Recorder::add(Span span) {
  if (options_.spans == nullptr) {
    return;
  }
  spans_.push_back(std::move(span));
  if (spans_.size() >= kBatch) {
    hand_over_spans();
  } else {
    schedule();
  }
}

void Recorder::add(LogRecord record) {
  if (options_.logs == nullptr) {
    return;
  }
  logs_.push_back(std::move(record));
  if (logs_.size() >= kBatch) {
    hand_over_logs();
  } else {
    schedule();
  }
}

void Recorder::hand_over_lines() {
  if (line_count_ != 0) {
    options_.access_log->write(std::exchange(lines_, {}), std::exchange(line_count_, 0));
    lines_.reserve(kPieceBytes + 1024);
  }
}

void Recorder::hand_over_spans() {
  if (!spans_.empty()) {
    options_.spans->take_spans(std::exchange(spans_, {}));
  }
}

void Recorder::hand_over_logs() {
  if (!logs_.empty()) {
    options_.logs->take_logs(std::exchange(logs_, {}));
  }
}

void Recorder::schedule() {
  if (!alarm_.is_linked()) {
    timer_.event().add(alarm_);
    timer_.start(async::Deadline::after(kInterval));
  }
}

void Recorder::flush() {
  hand_over_lines();
  hand_over_spans();
  hand_over_logs();
}

}  // namespace whorl::telemetry
