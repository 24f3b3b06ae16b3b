#include "telemetry/recorder.hpp"

#include "telemetry/text.hpp"

#include <utility>

namespace whorl::telemetry {
namespace {

/// Lines are handed over in pieces of this size, bytes. Each wakes a thread and is written by a
/// call of its own: what that costs is shared by its lines.
constexpr std::size_t kPieceBytes = 256 * 1024;
/// Spans and log records are handed over in batches of this size.
constexpr std::size_t kBatch = 64;
/// Bytes of a text of a client's in a span or record.
constexpr std::size_t kMaxAttribute = 1024;

std::string cut(std::string_view text) {
  return std::string(text.substr(0, kMaxAttribute));
}

}  // namespace

std::uint64_t now_ns() noexcept {
  return to_ns(std::chrono::system_clock::now().time_since_epoch());
}

Recorder::Recorder(async::Shard& shard, const RecorderOptions& options)
    : shard_(shard),
      options_(options),
      unanswered_(metrics_->of("")),
      noted_(options.access_log != nullptr ? options.access_log->format() : AccessLogFormat::Text),
      timer_(shard) {
  records_.reserve(kKeptRecords);
  look_at_clock();
}

Recorder::~Recorder() = default;

std::unique_ptr<RequestRecord> Recorder::make_record() {
  std::unique_ptr<RecordMemory> memory;
  if (records_.empty()) [[unlikely]] {
    memory = std::make_unique_for_overwrite<RecordMemory>();
  } else {
    memory = std::move(records_.back());
    records_.pop_back();
  }
  return std::unique_ptr<RequestRecord>(new (memory.release()) RequestRecord(*this));
}

void Recorder::take_back(void* memory) noexcept {
  std::unique_ptr<RecordMemory> kept(static_cast<RecordMemory*>(memory));
  if (records_.size() < kKeptRecords) [[likely]] {
    records_.push_back(std::move(kept));
  }
}

void Recorder::look_at_clock() noexcept {
  const auto steady = RequestRecord::Clock::now().time_since_epoch();
  epoch_offset_ns_ = static_cast<std::int64_t>(now_ns()) - std::chrono::nanoseconds(steady).count();
}

std::uint64_t Recorder::since_epoch(RequestRecord::Clock::time_point time) const noexcept {
  return to_ns(time.time_since_epoch() + std::chrono::nanoseconds(epoch_offset_ns_));
}

std::unique_ptr<RequestRecord> Recorder::begin(const RequestFacts& facts) {
  auto record = make_record();
  record->began_ = RequestRecord::Clock::now();
  begun_just_now_ = record.get();
  metrics_->requests_active.add(1);
  if (!wants_facts()) {
    return record;
  }
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, facts);
  if (options_.access_log != nullptr || record->server_.is_sampled || record->left_out_) {
    keep_text(*record, facts);
  }
  return record;
}

void Recorder::keep_text(RequestRecord& record, const RequestFacts& facts) {
  record.keeps_text_ = true;
  record.text_.keep(facts, options_.access_log != nullptr);
}

void Recorder::begin_trace(RequestRecord& record, const RequestFacts& facts) {
  const auto parent =
      facts.traceparent.empty() ? std::nullopt : parse_traceparent(facts.traceparent);
  record.server_.trace = parent ? parent->trace : ids_.next_trace();
  record.shows_trace_ = parent || is_tracing();
  if (is_request_id(facts.request_id)) {
    record.rare().given_id = facts.request_id;
  }
  if (!is_tracing()) {
    return;
  }
  record.remote_ = parent ? parent->span : SpanId{};
  if (parent && is_tracestate(facts.tracestate)) {
    record.rare().trace_state = facts.tracestate;
  }
  sample(record, parent);
  record.server_.span = ids_.next_span();
  record.work_ = record.server_;
  record.work_.span = ids_.next_span();
}

/// Whether a trace is recorded, as far as that is known when it begins.
void Recorder::sample(RequestRecord& record, const std::optional<SpanContext>& parent) {
  bool is_sampled = options_.sampler.is_sampled(record.server_.trace, parent);
  if (options_.budget != nullptr && is_sampled) {
    const bool is_followed = parent && options_.sampler.is_parent_based;
    const auto kind = is_followed ? TraceBudget::Kind::Caller : TraceBudget::Kind::New;
    if (parent && record.origin_ == RequestRecord::Origin::Chained) {
      is_sampled = parent->is_sampled;  // decided in this very process
    } else if (!options_.budget->take(kind, to_ns(record.began_.time_since_epoch()))) {
      is_sampled = false;
      record.left_out_ = kind;
    }
  }
  record.server_.is_sampled = is_sampled;
}

/// What failed is worth a trace even where there was no room for one; only what the component calls
/// is not in it.
void Recorder::sample_late(RequestRecord& record) {
  const bool has_failed = record.status_ >= 500 || !record.failure().empty() ||
                          record.ending_ == RequestRecord::Ending::Cut;
  if (has_failed &&
      options_.budget->take(TraceBudget::Kind::Failed, to_ns(record.ended_.time_since_epoch()))) {
    record.server_.is_sampled = record.work_.is_sampled = true;
    if (record.work_ended_ == RequestRecord::Clock::time_point()) {
      record.work_ended_ = record.ended_;
    }
    return;
  }
  if (record.left_out_) {
    ++left_out_[static_cast<std::size_t>(*record.left_out_)];
    schedule();
  }
}

std::unique_ptr<RequestRecord> Recorder::begin_chained(
    std::string_view traceparent, std::string_view tracestate
) {
  auto record = make_record();
  begun_just_now_ = nullptr;
  record->origin_ = RequestRecord::Origin::Chained;
  record->began_ = RequestRecord::Clock::now();
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, {.traceparent = traceparent, .tracestate = tracestate});
  if (current_ != nullptr) {
    record->rare().given_id = current_->request_id();
  }
  return record;
}

std::unique_ptr<RequestRecord> Recorder::begin_message(std::string_view channel) {
  auto record = make_record();
  begun_just_now_ = nullptr;
  record->origin_ = RequestRecord::Origin::Message;
  record->began_ = RequestRecord::Clock::now();
  record->began_ns_ = since_epoch(record->began_);
  begin_trace(*record, {});
  record->keeps_text_ = true;
  record->set_route(channel.substr(0, kMaxAttribute));
  record->work_ = record->server_;  // one span: what the guest does is right below it
  return record;
}

void Recorder::finish(RequestRecord& record) {
  record.end_answer(0, 0, RequestRecord::Ending::Gone);
  const bool is_request = record.origin_ == RequestRecord::Origin::Client;
  if (is_request) {
    metrics_->requests_active.add(-1);
    count(record);
    if (options_.access_log != nullptr) {
      note_line(record);
    }
  }
  // A message that nobody took is offered again.
  if (is_tracing() && (is_request || record.component_ != nullptr)) {
    if (record.left_out_) {
      sample_late(record);
    }
    if (record.server_.is_sampled) {
      write_spans(record);
    }
  }
}

void Recorder::note_line(const RequestRecord& record) {
  noted_.add(record);
  ++line_count_;
  schedule();
  if (!noted_.are_many()) [[likely]] {
    return;
  }
  render_lines();
  if (lines_.size() >= kPieceBytes) {
    hand_over_lines();
  }
}

void Recorder::render_lines() {
  if (lines_.capacity() < kPieceBytes) [[unlikely]] {
    lines_.reserve(kPieceBytes + kPieceBytes / 2);
  }
  noted_.render(lines_);
}

void Recorder::count(const RequestRecord& record) {
  ComponentStats& stats = record.component_ != nullptr ? *record.component_ : unanswered_;
  const bool is_gone = record.ending_ == RequestRecord::Ending::Gone && record.status_ == 0;
  stats.requests[is_gone ? 0 : status_class(record.status_)].add();
  stats.duration.add(to_ns(record.ended_ - record.began_));
}

Span Recorder::begin_span(std::string_view name, SpanKind kind) {
  SpanContext context = current_->parent_context();
  const SpanId parent = context.span;
  context.span = ids_.next_span();
  return {
      .context = context,
      .parent = parent,
      .trace_state = std::string(current_->trace_state()),
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
    render_lines();
    options_.access_log->write(std::move(lines_), std::exchange(line_count_, 0));
    lines_ = options_.access_log->take_buffer();
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

void Recorder::tell_left_out() {
  for (const auto kind : {TraceBudget::Kind::New, TraceBudget::Kind::Caller}) {
    std::uint64_t& count = left_out_[static_cast<std::size_t>(kind)];
    if (count != 0) {
      options_.budget->note_left_out(kind, std::exchange(count, 0));
    }
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
  tell_left_out();
}

}  // namespace whorl::telemetry
