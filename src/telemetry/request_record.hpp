/// RequestRecord: what is noted of one request from its head to its end.
///
/// Made by a shard's Recorder, carried by the request's exchange, filled in by router and runtime
/// on the way, and given back to the recorder when nobody works on the request any more. @thread
/// shard
#pragma once

#include "telemetry/identity.hpp"
#include "telemetry/kept_text.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/signals.hpp"
#include "telemetry/trace_budget.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <new>  // lint: allow(new) of the tag below
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::telemetry {

class Recorder;

class RequestRecord {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMaxEvents = 128;
  /// Spans of what the guest calls, for one event.
  static constexpr std::uint32_t kMaxHostSpans = 1000;
  /// Which instance answered.
  enum class Instance : std::uint8_t { None, Kept, Started };
  /// Where the event came from.
  enum class Origin : std::uint8_t {
    Client,   ///< a request of HTTP
    Chained,  ///< a call of another component's
    Message,  ///< of a Redis channel, which is kept for the route
  };
  /// How the answer ended.
  enum class Ending : std::uint8_t {
    Whole,  ///< as the handler gave it
    Cut,    ///< the handler broke it off
    Gone,   ///< the client had gone before its end
  };

  explicit RequestRecord(Recorder& recorder) noexcept : recorder_(recorder) {}
  RequestRecord(const RequestRecord&) = delete;
  RequestRecord& operator=(const RequestRecord&) = delete;
  /// Tells the recorder, which writes and counts.
  ~RequestRecord();
  /// The memory is the recorder's, which has given it.
  static void operator delete(  // lint: allow(delete) for unique_ptr
      RequestRecord* record,
      std::destroying_delete_t
  ) noexcept;

  // --- along the way -----------------------------------------------------------------------------
  /// The router's decision; "" where none matched. @param route  as metrics and spans show it
  void set_route(std::string_view route) {
    if (keeps_text_) {
      text_.set_route(route);
    }
  }
  [[nodiscard]] bool is_message() const noexcept { return origin_ == Origin::Message; }
  /// The component is a command, and its span is called accordingly.
  void set_wagi() noexcept { is_wagi_ = true; }
  /// @param component  outlives the record
  /// @param now        the time, for callers that know it already
  void begin_component(
      ComponentStats& component, Instance instance, Clock::time_point now = Clock::now()
  ) noexcept {
    component_ = &component;
    instance_ = instance;
    work_began_ = now;
  }
  /// The guest has ended. @param failure  why, if it failed: a short name, "trap"
  void end_component(
      std::chrono::nanoseconds cpu, std::uint64_t memory_bytes, std::string_view failure
  );
  /// The answer has ended, for the connection: later calls change nothing.
  void end_answer(std::uint16_t status, std::uint64_t body_bytes, Ending ending);

  // --- reading -----------------------------------------------------------------------------------
  /// The client's or, where it gave none, that of the trace; empty when nothing is noted of it.
  [[nodiscard]] std::string request_id() const {
    return given_id().empty() && server_.trace.is_valid() ? to_text(server_.trace)
                                                          : std::string(given_id());
  }
  [[nodiscard]] Recorder& recorder() const noexcept { return recorder_; }
  /// The span of the component's work, the parent of all that happens there; not valid, and not
  /// sampled, when nothing is traced.
  [[nodiscard]] const SpanContext& context() const noexcept { return work_; }
  /// The span under which the host's own begin: the component's, or the one that the guest itself
  /// has open.
  [[nodiscard]] const SpanContext& parent_context() const noexcept {
    return guest_span_.span.is_valid() ? guest_span_ : work_;
  }
  /// Something that happened within the component's span; more than a span may have are counted
  /// only.
  void add_event(SpanEvent event);
  /// The guest has a span of its own open, or, with an invalid one, none any more.
  void set_guest_span(const SpanContext& context) noexcept { guest_span_ = context; }
  [[nodiscard]] std::string_view trace_state() const noexcept {
    return rare_ != nullptr ? std::string_view(rare_->trace_state) : std::string_view();
  }
  /// Whether one more span of what the guest calls may be recorded; counts it.
  [[nodiscard]] bool take_host_span() noexcept {
    if (host_spans_ < kMaxHostSpans) {
      ++host_spans_;
      return true;
    }
    ++dropped_host_spans_;
    return false;
  }

 private:
  friend class Recorder;
  friend class AccessLines;

  /// What most requests have nothing of.
  struct Rare {
    std::string given_id;
    std::string trace_state;
    std::string failure;
    std::vector<SpanEvent> events;
    std::uint32_t dropped_events = 0;
  };
  [[nodiscard]] Rare& rare() {
    if (rare_ == nullptr) {
      rare_ = std::make_unique<Rare>();
    }
    return *rare_;
  }
  /// The client's request id.
  [[nodiscard]] std::string_view given_id() const noexcept {
    return rare_ != nullptr ? std::string_view(rare_->given_id) : std::string_view();
  }
  /// Why the guest failed; empty if it did not.
  [[nodiscard]] std::string_view failure() const noexcept {
    return rare_ != nullptr ? std::string_view(rare_->failure) : std::string_view();
  }

  Recorder& recorder_;
  Clock::time_point began_{};
  Clock::time_point ended_{};
  std::uint64_t began_ns_ = 0;  ///< since 1970
  ComponentStats* component_ = nullptr;
  Clock::time_point work_began_{};
  Clock::time_point work_ended_{};  ///< looked at only where a span may be made of it
  std::chrono::nanoseconds cpu_{0};
  std::uint64_t memory_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::uint16_t status_ = 0;
  Instance instance_ = Instance::None;
  Ending ending_ = Ending::Whole;
  Origin origin_ = Origin::Client;
  bool has_ended_ = false;
  bool is_wagi_ = false;
  bool keeps_text_ = false;   ///< a line or span may be made of it
  bool shows_trace_ = false;  ///< the trace's identity is the caller's, or a collector's
  /// Its trace is not recorded since there were too many, unless it fails.
  std::optional<TraceBudget::Kind> left_out_;
  SpanContext server_;  ///< the request's span; its trace is set where there is a request id
  SpanId remote_;       ///< the client's span, its parent
  SpanContext work_;    ///< the component's span
  SpanContext guest_span_;
  std::uint32_t host_spans_ = 0;
  std::uint32_t dropped_host_spans_ = 0;
  std::unique_ptr<Rare> rare_;
  KeptText text_;
};

}  // namespace whorl::telemetry
