/// Observatory: what is recorded of the process, where the operator asked for it: access log,
/// metrics, exports.
///
/// Shards record into a telemetry::Recorder of their own; writing, summing and sending is done on a
/// thread beside them, which exists only when something is asked for. @thread main
#pragma once

#include "async/blocking_pool.hpp"
#include "async/shard.hpp"
#include "base/result.hpp"
#include "cli/cli.hpp"
#include "http/server.hpp"
#include "http/text_endpoint.hpp"
#include "otlp/exporter.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/guest_log.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/recorder_table.hpp"
#include "telemetry/trace_budget.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace whorl {

class Observatory {
 public:
  /// Opens what is asked for, by the command line and by the variables of OpenTelemetry.
  /// @param application  the name that is exported
  /// @return errors: those of files and addresses, which they name; those of otlp::read_settings()
  [[nodiscard]] static Result<std::unique_ptr<Observatory>> create(
      const cli::TelemetryRequest& request, const std::string& application
  );
  Observatory();
  Observatory(const Observatory&) = delete;
  Observatory& operator=(const Observatory&) = delete;
  ~Observatory();

  /// Where guests that record themselves find what make_recorder() makes; before that.
  /// @param table  outlives the shards
  void announce_in(telemetry::RecorderTable& table) noexcept;
  /// The recorder of a shard, which outlives it; null when nothing is recorded.
  [[nodiscard]] std::unique_ptr<telemetry::Recorder> make_recorder(async::Shard& shard);
  /// What guests print is to be given to this; null when it is not exported.
  [[nodiscard]] telemetry::GuestLog* guest_log() noexcept { return guest_log_.get(); }
  /// Lines about where metrics are, for the standard error; may be empty.
  [[nodiscard]] std::string startup_lines() const;
  /// From now on metrics can be scraped. Does nothing the second time.
  [[nodiscard]] Result<> start();
  /// When the shards have ended and their recorders were flushed: what was recorded gets where it
  /// belongs, if that is possible soon.
  void stop();

 private:
  struct MetricsServer;

  void export_to(otlp::Settings settings, const std::string& application);
  [[nodiscard]] telemetry::Totals totals();
  [[nodiscard]] std::string scrape();

  async::BlockingPool log_pool_{1};
  std::unique_ptr<telemetry::AccessLog> access_log_;
  std::unique_ptr<telemetry::TraceBudget> trace_budget_;  ///< null: traces have no bound
  telemetry::RecorderOptions options_;
  bool is_recording_ = false;
  std::mutex mutex_;
  /// Of all shards that ever were; under mutex_.
  std::vector<std::shared_ptr<telemetry::ShardMetrics>> metrics_;
  async::ShardSet thread_{1};  ///< beside the shards; started when it is needed
  bool is_started_ = false;
  std::unique_ptr<MetricsServer> metrics_server_;
  std::unique_ptr<otlp::Exporter> exporter_;  ///< null: nothing is exported
  std::unique_ptr<telemetry::GuestLog> guest_log_;
  telemetry::RecorderTable recorders_;  ///< the process's, once there is one
  telemetry::RecorderTable* table_ = nullptr;
  bool has_metrics_ = false;  ///< metrics are exported
};

}  // namespace whorl
