/// The command line: verbs, flags, messages and exit codes are Spin's.
///
/// The program's main hands its arguments here together with the one thing this room cannot do,
/// running an application. @thread the main thread, before any other is started
#pragma once

#include "app/locked_app.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "cli/edge_settings.hpp"
#include "cli/listen_address.hpp"
#include "component/inspect.hpp"
#include "host/runtime_config/runtime_config.hpp"
#include "host/variables/app_variables.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::loader {
class DeferredCopies;
}

namespace whorl::cli {

enum class StartupFormat : std::uint8_t { Plain, Json };
enum class Allocation : std::uint8_t { Pooling, OnDemand };
enum class CodeCache : std::uint8_t { Enabled, Disabled };
enum class Purpose : std::uint8_t {
  Serve,
  Precompile,  ///< only fill the cache of compiled code
};
enum class DebugInfo : std::uint8_t { Off, On };
enum class PortSearch : std::uint8_t { Off, FindFree };
enum class LogFiles : std::uint8_t { Append, Truncate };
enum class AccessLogFormat : std::uint8_t { Text, Json };

/// A number drawn for each instance; both ends belong to it.
template <class T>
struct DrawnFrom {
  T least{};
  T most{};
  friend bool operator==(const DrawnFrom&, const DrawnFrom&) = default;
};

/// How often instances of WASI 0.3 are used; absent: every request has one of its own.
struct InstanceReuse {
  std::optional<DrawnFrom<std::uint32_t>> events{};   ///< in all
  std::optional<DrawnFrom<std::uint32_t>> at_once{};  ///< at the same time
  DrawnFrom<std::chrono::milliseconds> idle{std::chrono::seconds(1), std::chrono::seconds(1)};
  std::optional<DrawnFrom<std::chrono::milliseconds>> request_timeout{};
};

/// How much one request may use. A zero duration lifts the limit.
struct RequestBudgets {
  std::chrono::milliseconds cpu{std::chrono::seconds{30}};              ///< guest computation
  std::chrono::milliseconds response_delay{std::chrono::seconds{600}};  ///< wall, to first byte
  /// Bytes each linear memory may grow to; absent: the engine's default.
  std::optional<std::uint64_t> instance_memory;
  /// Requests of one component under way at once; 0: as many as the host has instances; absent:
  /// as many as leave its neighbours some.
  std::optional<std::uint32_t> component_instances{};
  /// Requests of one component that may wait for others of it to end, where those are bounded.
  std::uint32_t queued_requests = 256;
  InstanceReuse reuse{};
};

/// What is recorded of requests, and where to. Everything is off unless it is asked for.
struct TelemetryRequest {
  std::string access_log{};  ///< a file, absolute; "-": the standard output; empty: none
  AccessLogFormat access_log_format = AccessLogFormat::Text;
  std::optional<ListenAddress> metrics_listen{};  ///< where metrics can be scraped
  bool has_guest_otel = false;                    ///< guests may import wasi:otel
};

/// An application with the values of its variables.
struct Runnable {
  std::shared_ptr<const app::LockedApp> app;  ///< with at least one trigger
  std::shared_ptr<const host::variables::AppVariables> variables;
  /// Of mounted files, to be made when their component is prepared; null: all are made.
  std::shared_ptr<loader::DeferredCopies> copies;
};

/// Gives the application that is run, as often as it is to be replaced. @thread the main thread
class AppSource {
 public:
  /// A descriptor that is readable when is_due() is to be asked; -1: never.
  [[nodiscard]] virtual int event_fd() const noexcept { return -1; }
  /// Takes note of what has happened. @return whether the application is to be replaced now
  [[nodiscard]] virtual bool is_due() { return false; }
  /// Reads everything anew: manifest, values of variables.
  [[nodiscard]] virtual Result<Runnable> load() = 0;
  /// What load() gave is served now, or, with an error, what was served before still is.
  virtual void on_reloaded(const Error* failure) = 0;
  /// Whether a version that cannot be served is waited out instead of ending the program.
  [[nodiscard]] virtual bool keeps_going() const noexcept { return false; }

 protected:
  ~AppSource() = default;
};

/// What `up` was asked to do, checked and with defaults applied.
struct UpRequest {
  Runnable runnable;            ///< what is run first; empty: what `source` loads once it is due
  AppSource* source = nullptr;  ///< what is run later; never null, outlives the request
  ListenAddress listen;         ///< the first address of `edge.listen`, or the default
  PortSearch port_search = PortSearch::Off;
  StartupFormat format = StartupFormat::Plain;
  /// Folder for state; absent: none. Relative to the working folder, as it is to be shown.
  std::optional<std::string> state_dir;
  /// Folder for guests' output; absent: their output goes to stderr only. As it is to be shown.
  std::optional<std::string> log_dir;
  LogFiles log_files = LogFiles::Append;
  /// What the operator's file says; null without one. `runtime_config_file` as it was given.
  std::shared_ptr<const host::runtime_config::RuntimeConfig> runtime_config{};
  std::string runtime_config_file{};
  /// Written to the `default` key-value store before anything is served.
  std::vector<std::pair<std::string, std::string>> key_values{};
  /// Run on databases before anything is served: a statement, or `@FILE[:LABEL]`.
  std::vector<std::string> sqlite_statements{};
  /// Components whose output is streamed to stderr; empty: all, unless `is_quiet`.
  std::vector<std::string> follow;
  bool is_quiet = false;
  Purpose purpose = Purpose::Serve;
  CodeCache code_cache = CodeCache::Enabled;
  std::string code_cache_dir;  ///< absolute; empty: the default one
  Allocation allocation = Allocation::Pooling;
  DebugInfo debug_info = DebugInfo::Off;
  /// Instances alive at once at most; absent: the engine's default.
  std::optional<std::uint32_t> max_instances;
  /// Bytes of a request's field lines; absent: the server's default.
  std::optional<std::uint64_t> max_head_bytes;
  EdgeSettings edge{};
  unsigned threads = 0;  ///< shards; 0: one per CPU the process may use
  RequestBudgets budgets;
  /// Of components that have their own, by id; whole, not what differs.
  std::map<std::string, RequestBudgets, std::less<>> component_budgets{};
  TelemetryRequest telemetry{};
};

/// Runs an application until it is told to stop.
class AppRunner {
 public:
  /// Says that run() will probably follow with such settings of the engine: what they need can
  /// begin. Nothing else of the request is known yet.
  virtual void expect(const UpRequest& /*request*/) {}
  /// Prints the start-up lines, serves (or does what else is asked for), and returns the process's
  /// exit code when it was told to stop. An error is printed by the caller, exit code 1.
  [[nodiscard]] virtual Result<int> run(const UpRequest& request) = 0;
  /// Inspects a component or core module against what this host offers.
  [[nodiscard]] virtual Result<component::Inspection> inspect(ByteView bytes) = 0;

 protected:
  ~AppRunner() = default;
};

/// The whole program: parses, acts, prints errors, and says the exit code (0; 1 failure; 2 wrong
/// usage). The log has been configured by the caller.
[[nodiscard]] int main(int argc, char** argv, AppRunner& runner);

}  // namespace whorl::cli
