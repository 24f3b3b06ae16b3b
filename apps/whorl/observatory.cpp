#include "observatory.hpp"

#include "process_values.hpp"

#include "log/line_writer.hpp"
#include "log/log.hpp"
#include "net/listener.hpp"
#include "telemetry/prometheus.hpp"

#include <fmt/format.h>

#include <atomic>
#include <utility>

namespace whorl {
namespace {

/// What is still to be written when the program ends may take so long.
constexpr std::chrono::milliseconds kFlushTime{2000};
/// Scrapers are few; more connections are somebody else's.
constexpr std::size_t kMaxScrapers = 64;

http::ServerOptions scrape_options() {
  http::ServerOptions options;
  options.max_connections = kMaxScrapers;
  options.max_body_bytes = 0;
  return options;
}

/// The exporter's counters, those of one name together.
void append_counts(
    const std::array<otlp::Counts, 3>& counts, std::vector<telemetry::ProcessValue>& values
) {
  static constexpr std::array<std::string_view, 3> kLabels{
      "signal=\"traces\"", "signal=\"metrics\"", "signal=\"logs\""
  };
  const auto append = [&](std::string_view name, std::string_view help, auto member) {
    for (std::size_t i = 0; i < counts.size(); ++i) {
      values.push_back(
          {name,
           help,
           telemetry::ProcessValue::Kind::Counter,
           kLabels[i],
           static_cast<double>(counts[i].*member)}
      );
    }
  };
  append(
      "whorl_otlp_exported_total",
      "Spans, requests of metrics and log records that were exported.",
      &otlp::Counts::exported
  );
  append(
      "whorl_otlp_dropped_total",
      "Spans, requests of metrics and log records that were given up.",
      &otlp::Counts::dropped
  );
}

void append_left_out(
    const telemetry::TraceBudget& budget, std::vector<telemetry::ProcessValue>& values
) {
  using Kind = telemetry::TraceBudget::Kind;
  const auto append = [&](std::string_view label, Kind kind) {
    values.push_back(
        {"whorl_traces_left_out_total",
         "Traces that were not recorded since there were too many: that begin here, and callers'.",
         telemetry::ProcessValue::Kind::Counter,
         label,
         static_cast<double>(budget.left_out(kind))}
    );
  };
  append("of=\"new\"", Kind::New);
  append("of=\"caller\"", Kind::Caller);
}

}  // namespace

/// Answers scrapes on the thread beside the shards.
struct Observatory::MetricsServer {
  MetricsServer(async::Shard& shard, Observatory& observatory, net::Listeners bound)
      : address(bound.address),
        endpoint(
            "/metrics",
            std::string(telemetry::kPrometheusType),
            [&observatory] { return observatory.scrape(); }
        ),
        server(shard, endpoint, scrape_options()) {
    server.listen(std::move(bound.sockets[0]));
  }

  net::SocketAddress address;
  http::TextEndpoint endpoint;
  http::Server server;
};

Observatory::Observatory() = default;

Observatory::~Observatory() {
  telemetry::publish(nullptr);
  thread_.stop();
  thread_.join();
}

Result<std::unique_ptr<Observatory>> Observatory::create(
    const cli::TelemetryRequest& request, const std::string& application
) {
  auto made = std::make_unique<Observatory>();
  Observatory& self = *made;
  if (!request.access_log.empty()) {
    const auto format = request.access_log_format == cli::AccessLogFormat::Json
                            ? telemetry::AccessLogFormat::Json
                            : telemetry::AccessLogFormat::Text;
    WHORL_TRY(
        self.access_log_, telemetry::AccessLog::open(request.access_log, format, self.log_pool_)
    );
    self.options_.access_log = self.access_log_.get();
    self.is_recording_ = true;
  }
  if (request.metrics_listen) {
    WHORL_TRY(
        const auto address,
        net::SocketAddress::from_ip(request.metrics_listen->ip, request.metrics_listen->port)
    );
    auto bound = net::listen_on(address, 1);
    if (!bound) {
      return bound.take_error().context("cannot serve metrics");
    }
    self.metrics_server_ =
        std::make_unique<MetricsServer>(self.thread_[0], self, *std::move(bound));
    self.is_recording_ = true;
  }
  WHORL_TRY(auto settings, otlp::read_settings(otlp::environment_of_process()));
  for (const std::string& warning : settings.warnings) {
    log::warn("whorl::otlp", "{}", warning);
  }
  if (settings.is_on()) {
    self.export_to(std::move(settings), application);
  }
  return made;
}

void Observatory::export_to(otlp::Settings settings, const std::string& application) {
  is_recording_ = true;
  options_.sampler = settings.sampler;
  options_.span_batch = std::min(options_.span_batch, settings.max_batch);
  const bool has_spans = settings.traces.has_value();
  if (has_spans && settings.sampler.per_second) {
    trace_budget_ = std::make_unique<telemetry::TraceBudget>(*settings.sampler.per_second);
    options_.budget = trace_budget_.get();
  }
  const bool has_logs = settings.logs.has_value();
  has_metrics_ = settings.metrics.has_value();
  const bool has_events = has_spans && settings.has_output_events;
  exporter_ = std::make_unique<otlp::Exporter>(
      thread_[0], std::move(settings), application, [this] { return totals(); }
  );
  options_.spans = has_spans ? exporter_.get() : nullptr;
  options_.logs = has_logs ? exporter_.get() : nullptr;
  if (has_logs || has_events) {
    guest_log_ = std::make_unique<telemetry::GuestLog>(has_events);
  }
}

void Observatory::announce_in(telemetry::RecorderTable& table) noexcept {
  table_ = &table;
  if (exporter_ == nullptr) {
    log::warn(
        "whorl::otlp",
        "--experimental-wasi-otel is given, but no OTEL_EXPORTER_OTLP_ENDPOINT: what guests record "
        "goes nowhere"
    );
  } else if (has_metrics_) {
    table.set_metrics(*exporter_);
  }
}

std::unique_ptr<telemetry::Recorder> Observatory::make_recorder(async::Shard& shard) {
  if (!is_recording_) {
    return nullptr;
  }
  auto recorder = std::make_unique<telemetry::Recorder>(shard, options_);
  const std::lock_guard guard(mutex_);
  metrics_.push_back(recorder->metrics());
  if (guest_log_ != nullptr) {
    guest_log_->set_recorder(shard, recorder.get());
  }
  if (table_ != nullptr) {
    table_->set(shard, *recorder);
  }
  recorders_.set(shard, *recorder);
  telemetry::publish(&recorders_);
  return recorder;
}

std::string Observatory::startup_lines() const {
  return metrics_server_ == nullptr
             ? std::string()
             : fmt::format(
                   "Serving metrics on http://{}/metrics\n", metrics_server_->address.to_string()
               );
}

Result<> Observatory::start() {
  if (is_started_ || (metrics_server_ == nullptr && exporter_ == nullptr)) {
    return {};
  }
  is_started_ = true;
  WHORL_CHECKED(thread_.start());
  if (exporter_ != nullptr) {
    exporter_->start();
  }
  return {};
}

void Observatory::stop() {
  if (access_log_ != nullptr) {
    access_log_->flush(async::Deadline::after(kFlushTime));
  }
  if (exporter_ != nullptr) {
    exporter_->drain(async::Deadline::after(kFlushTime));
  }
}

telemetry::Totals Observatory::totals() {
  std::vector<std::shared_ptr<telemetry::ShardMetrics>> shards;
  {
    const std::lock_guard guard(mutex_);
    shards = metrics_;
  }
  return telemetry::collect(shards);
}

std::string Observatory::scrape() {
  auto values = process_values();
  values.push_back(
      {"whorl_log_dropped_lines_total",
       "Lines of the log that found no room since nobody read the standard error.",
       telemetry::ProcessValue::Kind::Counter,
       {},
       static_cast<double>(log::dropped_lines())}
  );
  if (access_log_ != nullptr) {
    using Kind = telemetry::ProcessValue::Kind;
    values.push_back(
        {"whorl_access_log_lines_total",
         "Lines of the access log that were written.",
         Kind::Counter,
         {},
         static_cast<double>(access_log_->written_lines())}
    );
    values.push_back(
        {"whorl_access_log_dropped_lines_total",
         "Lines of the access log that found no room or could not be written.",
         Kind::Counter,
         {},
         static_cast<double>(access_log_->dropped_lines())}
    );
  }
  if (exporter_ != nullptr) {
    append_counts(exporter_->counts(), values);
  }
  if (trace_budget_ != nullptr) {
    append_left_out(*trace_budget_, values);
  }
  return telemetry::to_prometheus(totals(), values);
}

}  // namespace whorl
