/// Recorder: what one shard notes of its requests, and hands to the access log and the exporter.
///
/// Work on the request path is counting and appending; whatever waits or encodes is done elsewhere,
/// on pieces that are handed over when they are large or old. @thread shard
#pragma once

#include "async/shard.hpp"
#include "async/timer.hpp"
#include "telemetry/access_line.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/encoded_span.hpp"
#include "telemetry/identity.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/open_span.hpp"
#include "telemetry/request_record.hpp"
#include "telemetry/sampler.hpp"
#include "telemetry/signals.hpp"
#include "telemetry/trace_budget.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::telemetry {

/// What is recorded, and where to. All of it outlives the recorders.
struct RecorderOptions {
  AccessLog* access_log = nullptr;  ///< null: none
  SignalSink* spans = nullptr;      ///< null: nothing is traced
  SignalSink* logs = nullptr;       ///< null: guests' output stays where it is
  Sampler sampler{};
  TraceBudget* budget = nullptr;  ///< of the process; null: traces have no bound
  std::size_t span_batch = 256;   ///< most spans that are handed over at once
};

class Recorder {
 public:
  /// How long lines and spans are kept before they are handed over.
  static constexpr std::chrono::milliseconds kInterval{100};

  /// @param shard  outlives the recorder
  Recorder(async::Shard& shard, const RecorderOptions& options);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  /// Whether begin() looks at what it is told; where only numbers are wanted it does not.
  [[nodiscard]] bool wants_facts() const noexcept {
    return options_.access_log != nullptr || is_tracing();
  }
  /// Notes that a request has begun. The record reports itself here when it is destroyed.
  [[nodiscard]] std::unique_ptr<RequestRecord> begin(const RequestFacts& facts);
  /// The handler of the request that has begun last has returned: what begins to work on that
  /// request from now on has let it wait.
  void note_handled() noexcept { begun_just_now_ = nullptr; }
  /// The time. A request that begins and is worked on at once is one look at the clock, which is
  /// at once what telemetry costs most: the first who asks within the handler's call is told when
  /// the request began, some tenths of a microsecond ago.
  [[nodiscard]] RequestRecord::Clock::time_point now_for(const RequestRecord& record) noexcept {
    return std::exchange(begun_just_now_, nullptr) == &record ? record.began_
                                                              : RequestRecord::Clock::now();
  }
  /// Notes that a component answers another one of the application. It is an event and part of the
  /// caller's trace, and no request of a client's: nothing is counted or logged of it.
  /// @param traceparent, tracestate  of the call
  [[nodiscard]] std::unique_ptr<RequestRecord> begin_chained(
      std::string_view traceparent, std::string_view tracestate
  );
  /// Notes that a message is handled: a trace of its own, and nothing else.
  /// @param channel  where it came from
  [[nodiscard]] std::unique_ptr<RequestRecord> begin_message(std::string_view channel);
  void finish(RequestRecord& record);
  /// Takes back the memory of a record that was destroyed.
  void take_back(void* memory) noexcept;

  [[nodiscard]] bool is_tracing() const noexcept { return options_.spans != nullptr; }
  [[nodiscard]] bool takes_logs() const noexcept { return options_.logs != nullptr; }
  [[nodiscard]] IdSource& ids() noexcept { return ids_; }
  /// The request whose guest runs now; null between them.
  [[nodiscard]] RequestRecord* current() const noexcept { return current_; }
  void set_current(RequestRecord* record) noexcept { current_ = record; }
  /// Begins a span of what the guest that runs now does; null when nothing is traced, or none runs.
  [[nodiscard]] std::shared_ptr<OpenSpan> open_span(std::string_view name, SpanKind kind);
  /// The same for what is not told to anybody outside: null also when its trace is not recorded, or
  /// the event has had its share. @param parent  of the same event; null: what the guest has open
  [[nodiscard]] std::unique_ptr<OpenSpan> open_host_span(
      std::string_view name, SpanKind kind, const OpenSpan* parent
  );
  void add(Span span);
  void add(LogRecord record);
  /// Hands everything over that was gathered. Also from another thread, once the shard's has ended.
  void flush();

  [[nodiscard]] const std::shared_ptr<ShardMetrics>& metrics() const noexcept { return metrics_; }

 private:
  class Alarm final : public async::Waiter {
   public:
    explicit Alarm(Recorder& recorder) noexcept : recorder_(recorder) {}
    void on_event() noexcept override { recorder_.flush(); }

   private:
    Recorder& recorder_;
  };

  /// Memory of a record. There is one for each request, of some ten lines of the cache: what the
  /// last one has left is warm.
  struct RecordMemory {
    alignas(RequestRecord) std::array<std::byte, sizeof(RequestRecord)> bytes;
  };
  static constexpr std::size_t kKeptRecords = 64;

  [[nodiscard]] std::unique_ptr<RequestRecord> make_record();
  void begin_trace(RequestRecord& record, const RequestFacts& facts);
  void sample(RequestRecord& record, const std::optional<SpanContext>& parent);
  void sample_late(RequestRecord& record);
  void keep_text(RequestRecord& record, const RequestFacts& facts);
  void count(const RequestRecord& record);
  void note_line(const RequestRecord& record);
  void render_lines();
  void write_spans(const RequestRecord& record);
  void describe(const RequestRecord& record);
  void add_work_span(const RequestRecord& record);
  void add_server_span(const RequestRecord& record);
  void add_message_span(const RequestRecord& record);
  void note_work(const RequestRecord& record, EncodedSpan& span);
  void add(const EncodedSpan& span);
  void look_at_clock() noexcept;
  [[nodiscard]] std::uint64_t since_epoch(RequestRecord::Clock::time_point time) const noexcept;
  [[nodiscard]] Span begin_span(std::string_view name, SpanKind kind);
  void hand_over_lines();
  void hand_over_spans();
  void hand_over_logs();
  void tell_left_out();
  void schedule();

  async::Shard& shard_;
  RecorderOptions options_;
  IdSource ids_;
  std::shared_ptr<ShardMetrics> metrics_ = std::make_shared<ShardMetrics>();
  ComponentStats& unanswered_;                     ///< of requests that no component answers
  const RequestRecord* begun_just_now_ = nullptr;  ///< its handler is called, and nobody has asked
  RequestRecord* current_ = nullptr;
  std::vector<std::unique_ptr<RecordMemory>> records_;  ///< of none now; has room for kKeptRecords
  AccessLines noted_;
  std::string lines_;             ///< rendered
  std::uint64_t line_count_ = 0;  ///< noted or rendered
  std::string encoded_;           ///< spans of requests
  std::uint32_t encoded_count_ = 0;
  std::string scratch_;  ///< attributes of the span that is written just now
  std::string events_;   ///< its events
  /// Traces that were left out since the budget was told; by TraceBudget::Kind.
  std::array<std::uint64_t, TraceBudget::kKinds> left_out_{};
  /// What is to be added to the steady clock for the time since 1970; looked at from time to time.
  std::int64_t epoch_offset_ns_ = 0;
  std::vector<Span> spans_;
  std::vector<LogRecord> logs_;
  async::Timer timer_;
  Alarm alarm_{*this};
};

}  // namespace whorl::telemetry
