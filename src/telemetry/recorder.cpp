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
/// Encoded spans are handed over in pieces of this size, bytes: less than what an allocator would
/// fetch from the system each time.
constexpr std::size_t kEncodedBytes = 64 * 1024;
/// Buffers that are kept for records to come.
constexpr std::size_t kMaxSpare = 64;
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
/// @return empty for others
std::string_view known_method(std::string_view method) {
  static constexpr std::array<std::string_view, 9> kKnown{
      "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
  };
  const auto* found = std::ranges::find(kKnown, method);
  return found == kKnown.end() ? std::string_view() : *found;
}

/// Host and port of what a client said it wants, which is anybody's text.
void append_address(std::string& out, std::string_view text) {
  const auto [host, port] = split_port(text);
  if (!host.empty()) {
    append_attribute(out, "server.address", host.substr(0, kMaxAttribute));
  }
  if (port) {
    append_attribute(out, "server.port", *port);
  }
}

void append_client(std::string& out, std::string_view text) {
  const auto [host, port] = split_port(text);
  if (!host.empty()) {
    append_attribute(out, "client.address", host);
    append_attribute(out, "network.peer.address", host);
  }
  if (port) {
    append_attribute(out, "network.peer.port", *port);
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
      timer_(shard) {
  look_at_clock();
}

Recorder::~Recorder() = default;

void Recorder::look_at_clock() noexcept {
  const auto steady = RequestRecord::Clock::now().time_since_epoch();
  epoch_offset_ns_ = static_cast<std::int64_t>(now_ns()) - std::chrono::nanoseconds(steady).count();
}

std::uint64_t Recorder::since_epoch(RequestRecord::Clock::time_point time) const noexcept {
  return to_ns(time.time_since_epoch() + std::chrono::nanoseconds(epoch_offset_ns_));
}

std::unique_ptr<RequestRecord> Recorder::begin(const RequestFacts& facts) {
  auto record = std::make_unique<RequestRecord>(*this);
  record->began_ = RequestRecord::Clock::now();
  metrics_->requests_active.add(1);
  const bool is_logged = options_.access_log != nullptr;
  if (!is_logged && !is_tracing()) {
    return record;
  }
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, facts);
  if (is_logged) {
    record->method_ = cut(facts.method);
    record->path_ = without_query(facts.target).substr(0, kMaxText);
    record->client_ = facts.client;
    record->protocol_ = facts.protocol;
    record->authority_ = cut(facts.authority.substr(facts.authority.rfind('@') + 1));
    record->user_agent_ = cut(facts.user_agent);
    record->referer_ = without_secrets(facts.referer.substr(0, kMaxText));
  }
  if (is_tracing() && record->server_.is_sampled) {
    describe(*record, facts);
  }
  return record;
}

/// What is known of a request when it begins, of what its span says.
void Recorder::describe(RequestRecord& record, const RequestFacts& facts) {
  if (!spare_.empty()) {
    record.attributes_ = std::move(spare_.back());
    spare_.pop_back();
  }
  std::string& out = record.attributes_;
  record.span_method_ = known_method(facts.method);
  append_attribute(
      out, "http.request.method", record.span_method_.empty() ? "_OTHER" : record.span_method_
  );
  if (record.span_method_.empty()) {
    append_attribute(out, "http.request.method_original", facts.method.substr(0, kMaxAttribute));
  }
  append_attribute(out, "url.path", without_query(facts.target).substr(0, kMaxAttribute));
  append_attribute(out, "url.scheme", facts.scheme);
  append_attribute(out, "network.protocol.name", "http");
  if (const std::size_t slash = facts.protocol.find('/'); slash != std::string_view::npos) {
    append_attribute(out, "network.protocol.version", facts.protocol.substr(slash + 1));
  }
  append_address(out, facts.authority.substr(facts.authority.rfind('@') + 1));
  append_client(out, facts.client);
  if (!facts.user_agent.empty()) {
    append_attribute(out, "user_agent.original", facts.user_agent.substr(0, kMaxAttribute));
  }
}

void Recorder::begin_trace(RequestRecord& record, const RequestFacts& facts) {
  const auto parent = parse_traceparent(facts.traceparent);
  const TraceId trace = parent ? parent->trace : ids_.next_trace();
  if (parent || is_tracing()) {
    record.server_.trace = trace;
  }
  if (is_request_id(facts.request_id)) {
    record.request_id_ = facts.request_id;
  } else if (!record.server_.trace.is_valid()) {
    record.request_id_ = to_text(trace);
  }
  if (!is_tracing()) {
    return;
  }
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
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, {.traceparent = traceparent, .tracestate = tracestate});
  if (current_ != nullptr) {
    record->request_id_ = current_->request_id();
  }
  return record;
}

std::unique_ptr<RequestRecord> Recorder::begin_message(std::string_view channel) {
  auto record = std::make_unique<RequestRecord>(*this);
  record->origin_ = RequestRecord::Origin::Message;
  record->route_ = cut(channel);
  record->began_ = RequestRecord::Clock::now();
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, {});
  record->work_ = record->server_;  // one span: what the guest does is right below it
  return record;
}

void Recorder::finish(RequestRecord& record) {
  record.end_answer(0, 0, RequestRecord::Ending::Gone);
  if (record.origin_ != RequestRecord::Origin::Client) {
    // A message that nobody took is offered again.
    if (is_tracing() && record.server_.is_sampled && record.component_ != nullptr) {
      record.origin_ == RequestRecord::Origin::Message ? add_message_span(record)
                                                       : add_work_span(record);
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
    if (record.component_ != nullptr) {
      add_work_span(record);
    }
    add_server_span(record);
    if (spare_.size() < kMaxSpare) {
      record.attributes_.clear();
      spare_.push_back(std::move(record.attributes_));
    }
  }
}

void Recorder::count(const RequestRecord& record) {
  ComponentStats& stats = record.component_ != nullptr ? *record.component_ : unanswered_;
  const bool is_gone = record.ending_ == RequestRecord::Ending::Gone && record.status_ == 0;
  stats.requests[is_gone ? 0 : status_class(record.status_)].add();
  stats.duration.add(to_ns(record.ended_ - record.began_));
}

/// What the span of a component's work says of it.
void Recorder::note_work(const RequestRecord& record, EncodedSpan& span) {
  append_attribute(scratch_, "component_id", record.component_->component);
  if (!record.failure_.empty()) {
    span.status = SpanStatus::Failed;
    append_attribute(scratch_, "error.type", record.failure_);
    append_attribute(scratch_, "error.blame", "guest");
  }
  if (record.dropped_host_spans_ != 0) {
    append_attribute(
        scratch_, "whorl.dropped_spans", static_cast<std::int64_t>(record.dropped_host_spans_)
    );
  }
  for (const SpanEvent& event : record.events_) {
    append_event(events_, event);
  }
  span.dropped_events = record.dropped_events_;
  span.more_attributes = scratch_;
  span.events = events_;
}

void Recorder::add_work_span(const RequestRecord& record) {
  EncodedSpan work{
      .context = record.work_,
      // The request's own span, or that of who calls.
      .parent =
          record.origin_ == RequestRecord::Origin::Chained ? record.remote_ : record.server_.span,
      .trace_state = record.trace_state_,
      .name = record.is_wagi_ ? "execute_wagi_component " : "execute_wasm_component ",
      .name_rest = record.component_->component,
      .start_ns = record.began_ns_ + to_ns(record.work_began_ - record.began_),
      .end_ns = record.began_ns_ +
                to_ns(std::max(record.work_ended_, record.work_began_) - record.began_),
  };
  note_work(record, work);
  add(work);
}

void Recorder::add_message_span(const RequestRecord& record) {
  append_attribute(scratch_, "messaging.operation", "receive");
  append_attribute(scratch_, "messaging.system", "redis");
  append_attribute(scratch_, "messaging.destination.name", record.route_);
  const std::string channel = to_utf8(record.route_);
  EncodedSpan span{
      .context = record.server_,
      .name = channel,
      .name_rest = " receive",
      .kind = SpanKind::Consumer,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
  };
  note_work(record, span);
  if (record.status_ >= 500) {
    span.status = SpanStatus::Failed;
  }
  add(span);
}

void Recorder::add_server_span(const RequestRecord& record) {
  const std::string_view method = record.span_method_.empty() ? "HTTP" : record.span_method_;
  EncodedSpan server{
      .context = record.server_,
      .parent = record.remote_,
      .is_parent_remote = record.remote_.is_valid(),
      .trace_state = record.trace_state_,
      .name = method,
      .kind = SpanKind::Server,
      .start_ns = record.began_ns_,
      .end_ns = record.began_ns_ + to_ns(record.ended_ - record.began_),
      .attributes = record.attributes_,
  };
  std::string name;
  if (!record.route_.empty()) {
    append_attribute(scratch_, "http.route", record.route_);
    name.reserve(method.size() + 1 + record.route_.size());
    server.name = name.append(method).append(" ");
    server.name_rest = record.route_;
  }
  if (record.status_ != 0) {
    append_attribute(scratch_, "http.response.status_code", std::int64_t{record.status_});
  }
  if (record.status_ >= 500 || record.ending_ == RequestRecord::Ending::Cut) {
    server.status = SpanStatus::Failed;
    append_attribute(
        scratch_,
        "error.type",
        record.failure_.empty() ? std::to_string(record.status_) : record.failure_
    );
  }
  server.more_attributes = scratch_;
  add(server);
}

void Recorder::add(const EncodedSpan& span) {
  if (encoded_.capacity() < kEncodedBytes) {
    encoded_.reserve(kEncodedBytes + kEncodedBytes / 8);
  }
  append_span(encoded_, span);
  scratch_.clear();
  events_.clear();
  if (++encoded_count_ >= options_.span_batch || encoded_.size() >= kEncodedBytes) {
    hand_over_spans();
  } else {
    schedule();
  }
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
      // By the same clock as the event's own spans.
      .start_ns = current_->began_ns_ + to_ns(RequestRecord::Clock::now() - current_->began_),
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
  if (encoded_count_ != 0) {
    options_.spans->take_encoded(std::exchange(encoded_, {}), std::exchange(encoded_count_, 0));
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
  look_at_clock();
  hand_over_lines();
  hand_over_spans();
  hand_over_logs();
}

}  // namespace whorl::telemetry
