#include "otlp/exporter.hpp"

#include "async/timer.hpp"
#include "log/rate_limit.hpp"
#include "otlp/encode.hpp"
#include "otlp/queues.hpp"
#include "otlp/sender.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace whorl::otlp {
namespace {

constexpr std::string_view kLogTarget = "whorl::otlp";

/// Exports of guests that wait; one has 64 KiB at most.
constexpr std::uint64_t kMaxGuestMetrics = 64;

constinit log::RateLimit failure_reports{3, std::chrono::seconds(30)};

struct Tally {
  std::atomic<std::uint64_t> waiting{0};
  std::atomic<std::uint64_t> exported{0};
  std::atomic<std::uint64_t> dropped{0};
};

/// Calls a function of its owner when the time has come. @thread shard
template <class Owner>
class Alarm final : public async::Waiter {
 public:
  Alarm(async::Shard& shard, Owner& owner, void (Owner::*call)())
      : shard_(shard), owner_(owner), call_(call), timer_(shard) {}
  void start(std::chrono::milliseconds delay) {
    if (!is_linked()) {
      timer_.event().add(*this);
      timer_.start(async::Deadline::after(delay));
    }
  }
  void on_event() noexcept override {
    shard_.post([this] { (owner_.*call_)(); });
  }

 private:
  async::Shard& shard_;
  Owner& owner_;
  void (Owner::*call_)();
  async::Timer timer_;
};

/// What all channels of an exporter share.
struct Common {
  async::Shard& shard;
  http::Client client;
  Settings settings;
  /// Once set, everything is sent at once, and nothing after it.
  std::optional<async::Deadline> draining;
  std::move_only_function<void()> on_idle;
};

/// Says what became of a request, and counts it.
void account(
    Tally& tally,
    std::string_view signal,
    const Sender& sender,
    std::uint64_t items,
    const Delivery& delivery
) {
  const std::uint64_t lost = delivery.is_delivered ? std::min(delivery.rejected, items) : items;
  tally.exported.fetch_add(items - lost, std::memory_order_relaxed);
  tally.dropped.fetch_add(lost, std::memory_order_relaxed);
  if (lost != 0 || !delivery.why.empty()) {
    log::log_limited(
        failure_reports,
        log::Level::Warn,
        kLogTarget,
        "{} of {} {} did not get to {}: {}",
        lost,
        items,
        signal,
        sender.shown_url(),
        delivery.why
    );
  }
}

/// Spans or log records on their way.
template <class Queue>
class Channel {
 public:
  Channel(
      Common& common,
      Tally& tally,
      std::string_view signal,
      Endpoint endpoint,
      std::chrono::milliseconds delay,
      Queue queue
  )
      : common_(common),
        tally_(tally),
        signal_(signal),
        delay_(delay),
        queue_(std::move(queue)),
        sender_(
            common.shard,
            common.client,
            std::move(endpoint),
            [this](Delivery delivery) { on_end(delivery); }
        ),
        alarm_(common.shard, *this, &Channel::pump) {}

  template <class Items>
  void add(Items items) {
    if (const std::size_t dropped = queue_.add(std::move(items)); dropped != 0) {
      tally_.waiting.fetch_sub(dropped, std::memory_order_relaxed);
      tally_.dropped.fetch_add(dropped, std::memory_order_relaxed);
    }
    go_on();
  }
  void drain() {
    sender_.limit(*common_.draining);
    pump();
  }
  [[nodiscard]] bool is_idle() const noexcept { return queue_.size() == 0 && !sender_.is_busy(); }

 private:
  void go_on() {
    if (queue_.size() >= common_.settings.max_batch || common_.draining) {
      pump();
    } else if (queue_.size() != 0) {
      alarm_.start(delay_);
    }
  }
  void pump() {
    if (sender_.is_busy() || queue_.size() == 0) {
      return;
    }
    Batch batch = queue_.take(common_.settings);
    tally_.waiting.fetch_sub(batch.items, std::memory_order_relaxed);
    in_flight_ = batch.items;
    sender_.send(std::move(batch.body), common_.draining.value_or(async::Deadline::never()));
  }
  void on_end(const Delivery& delivery) {
    account(tally_, signal_, sender_, in_flight_, delivery);
    go_on();
    common_.on_idle();
  }

  Common& common_;
  Tally& tally_;
  std::string_view signal_;
  std::chrono::milliseconds delay_;
  Queue queue_;
  std::size_t in_flight_ = 0;
  Sender sender_;
  Alarm<Channel> alarm_;
};

/// The counters, from time to time, and what guests have gathered themselves.
class MetricsChannel {
 public:
  MetricsChannel(
      Common& common,
      Tally& tally,
      Endpoint endpoint,
      std::string application,
      std::move_only_function<telemetry::Totals()> totals
  )
      : common_(common),
        tally_(tally),
        application_(std::move(application)),
        totals_(std::move(totals)),
        start_ns_(telemetry::now_ns()),
        sender_(
            common.shard,
            common.client,
            std::move(endpoint),
            [this](const Delivery& delivery) { on_end(delivery); }
        ),
        alarm_(common.shard, *this, &MetricsChannel::on_time),
        guest_alarm_(common.shard, *this, &MetricsChannel::go_on) {}

  void start() { alarm_.start(common_.settings.metric_interval); }
  void add(std::string metrics) {
    of_guests_.push_back(std::move(metrics));
    if (common_.draining) {
      go_on();
    } else {
      guest_alarm_.start(common_.settings.log_delay);
    }
  }
  void drain() {
    sender_.limit(*common_.draining);
    is_due_ = true;
    go_on();
  }
  [[nodiscard]] bool is_idle() const noexcept {
    return !is_due_ && of_guests_.empty() && !sender_.is_busy();
  }

 private:
  void on_time() {
    is_due_ = true;
    go_on();
    start();
  }
  void go_on() {
    if (sender_.is_busy()) {
      return;
    }
    if (!is_due_) {
      send_of_guests();
      return;
    }
    is_due_ = false;
    in_flight_ = 1;
    sender_.send(
        encode_metrics(
            common_.settings.resource,
            totals_(),
            application_,
            {.start_ns = start_ns_, .now_ns = telemetry::now_ns()}
        ),
        common_.draining.value_or(async::Deadline::never())
    );
  }
  void send_of_guests() {
    if (of_guests_.empty()) {
      return;
    }
    const auto batch = std::exchange(of_guests_, {});
    tally_.waiting.fetch_sub(batch.size(), std::memory_order_relaxed);
    in_flight_ = batch.size();
    sender_.send(join_metrics(batch), common_.draining.value_or(async::Deadline::never()));
  }
  void on_end(const Delivery& delivery) {
    account(tally_, "requests of metrics", sender_, in_flight_, delivery);
    go_on();
    common_.on_idle();
  }

  Common& common_;
  Tally& tally_;
  std::string application_;
  std::move_only_function<telemetry::Totals()> totals_;
  std::uint64_t start_ns_;
  bool is_due_ = false;
  std::vector<std::string> of_guests_;
  std::uint64_t in_flight_ = 0;
  Sender sender_;
  Alarm<MetricsChannel> alarm_;
  Alarm<MetricsChannel> guest_alarm_;
};

}  // namespace

struct Exporter::State {
  State(async::Shard& shard, Settings settings)
      : common{
            .shard = shard,
            .client = http::Client(shard, {}),
            .settings = std::move(settings),
            .draining = {},
            .on_idle = [this] { note_idle(); }
        } {}

  [[nodiscard]] bool is_idle() const noexcept {
    return (!traces || traces->is_idle()) && (!logs || logs->is_idle()) &&
           (!metrics || metrics->is_idle());
  }
  void note_idle() {
    if (common.draining && is_idle()) {
      const std::lock_guard guard(mutex);
      is_drained = true;
      drained.notify_all();
    }
  }
  void drain(async::Deadline deadline) {
    common.draining = deadline;
    if (traces) {
      traces->drain();
    }
    if (logs) {
      logs->drain();
    }
    if (metrics) {
      metrics->drain();
    }
    note_idle();
  }

  /// Takes items over, if they have room. @thread any
  template <class Queue, class Items>
  void take(
      std::optional<Channel<Queue>>& channel, Tally& tally, Items items, std::uint64_t count
  ) noexcept {
    if (tally.waiting.fetch_add(count, std::memory_order_relaxed) + count >
        common.settings.max_queue) {
      tally.waiting.fetch_sub(count, std::memory_order_relaxed);
      tally.dropped.fetch_add(count, std::memory_order_relaxed);
      return;
    }
    common.shard.post([&channel, items = std::move(items)]() mutable {
      channel->add(std::move(items));
    });
  }

  Tally trace_tally;
  Tally log_tally;
  Tally metric_tally;
  Common common;
  std::optional<Channel<SpanQueue>> traces;
  std::optional<Channel<LogQueue>> logs;
  std::optional<MetricsChannel> metrics;
  std::mutex mutex;
  std::condition_variable drained;
  bool is_drained = false;  ///< under mutex
};

Exporter::Exporter(
    async::Shard& shard,
    Settings settings,
    std::string application,
    std::move_only_function<telemetry::Totals()> totals
)
    : state_(std::make_unique<State>(shard, std::move(settings))) {
  State& state = *state_;
  Settings& used = state.common.settings;
  if (used.traces) {
    state.traces.emplace(
        state.common,
        state.trace_tally,
        "spans",
        *used.traces,
        used.span_delay,
        SpanQueue(used.max_batch)
    );
  }
  if (used.logs) {
    state.logs.emplace(
        state.common, state.log_tally, "log records", *used.logs, used.log_delay, LogQueue()
    );
  }
  if (used.metrics) {
    state.metrics.emplace(
        state.common, state.metric_tally, *used.metrics, std::move(application), std::move(totals)
    );
  }
}

Exporter::~Exporter() = default;

void Exporter::start() {
  state_->common.shard.post([state = state_.get()] {
    if (state->metrics) {
      state->metrics->start();
    }
  });
}

void Exporter::take_spans(std::vector<telemetry::Span> spans) noexcept {
  if (state_->traces) {
    const std::uint64_t count = spans.size();
    state_->take(state_->traces, state_->trace_tally, std::move(spans), count);
  }
}

void Exporter::take_encoded(std::string spans, std::uint32_t count) noexcept {
  if (state_->traces) {
    SpanPiece piece{.bytes = std::move(spans), .count = count};
    state_->take(state_->traces, state_->trace_tally, std::move(piece), count);
  }
}

void Exporter::take_logs(std::vector<telemetry::LogRecord> logs) noexcept {
  if (state_->logs) {
    const std::uint64_t count = logs.size();
    state_->take(state_->logs, state_->log_tally, std::move(logs), count);
  }
}

bool Exporter::take_metrics(std::string metrics) noexcept {
  if (!state_->metrics) {
    return true;
  }
  Tally& tally = state_->metric_tally;
  if (tally.waiting.fetch_add(1, std::memory_order_relaxed) >= kMaxGuestMetrics) {
    tally.waiting.fetch_sub(1, std::memory_order_relaxed);
    tally.dropped.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  state_->common.shard.post([state = state_.get(), metrics = std::move(metrics)]() mutable {
    state->metrics->add(std::move(metrics));
  });
  return true;
}

void Exporter::drain(async::Deadline deadline) {
  state_->common.shard.post([state = state_.get(), deadline] { state->drain(deadline); });
  std::unique_lock guard(state_->mutex);
  state_->drained.wait_until(guard, deadline.time_point(), [this] { return state_->is_drained; });
}

std::array<Counts, 3> Exporter::counts() const noexcept {
  const auto of = [](std::string_view signal, const Tally& tally) {
    return Counts{
        .signal = signal,
        .exported = tally.exported.load(std::memory_order_relaxed),
        .dropped = tally.dropped.load(std::memory_order_relaxed)
    };
  };
  return {
      of("traces", state_->trace_tally),
      of("metrics", state_->metric_tally),
      of("logs", state_->log_tally)
  };
}

}  // namespace whorl::otlp
