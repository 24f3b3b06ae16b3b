/// Preparing an application: reading, checking, linking and compiling its components, once, before
/// anything is served.
///
/// @thread main, or the blocking pool: it reads files and compiles
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "component/component.hpp"
#include "engine/module.hpp"
#include "host/capability.hpp"
#include "host/variables/app_variables.hpp"
#include "loader/deferred_copies.hpp"
#include "log/guest_output.hpp"
#include "runtime/background_preparer.hpp"
#include "runtime/known_good.hpp"
#include "runtime/platform.hpp"
#include "runtime/service_slot.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace whorl::telemetry {
class GuestLog;
}

namespace whorl::runtime {

/// Prepared components, and those that are being prepared, by id.
using Services = std::unordered_map<std::string, std::shared_ptr<ServiceSlot>>;

/// What preparing waits for.
enum class Waiting : std::uint8_t {
  ForUnknown,  ///< what earlier starts had no trouble with is prepared behind
  ForAll,
};
enum class SignsOfLife : std::uint8_t { Given, None };

struct PrepareOptions {
  const Platform* platform = nullptr;
  const engine::ModuleCache* cache = nullptr;  ///< null: compile everything anew
  log::GuestOutput* output = nullptr;
  telemetry::GuestLog* exported_output = nullptr;  ///< null: output is not exported
  /// Configured for the application; what they granted lives as long as the services.
  std::span<const host::AppCapability* const> capabilities;
  /// Ids of components that are run as WASI commands.
  std::span<const std::string> commands;
  /// What the others must be able to do.
  EntryKind entry = EntryKind::HttpHandler;
  /// For templates in allowed hosts; null: hosts with templates are an error.
  const host::variables::AppVariables* variables = nullptr;
  Limits limits;
  /// Of components that have limits of their own, by id.
  std::map<std::string, Limits, std::less<>> limits_of{};
  component::LoadOptions load;
  /// Of files that are mounted; null: all are made.
  std::shared_ptr<loader::DeferredCopies> copies;
  /// Gets what can be done later: components that are known from earlier starts to be good, and
  /// the optimised code of big ones that begin on quick code. `platform` and `output` outlive it.
  /// Null: everything is prepared at once, and optimised.
  BackgroundPreparer* background = nullptr;
  Waiting waiting = Waiting::ForUnknown;
  /// On stderr, when it takes longer than people like to wait.
  SignsOfLife signs_of_life = SignsOfLife::Given;
};

/// Prepares the components named in `ids` (each once, however often it is named).
///
/// What takes time, reading and compiling, is left to `options.background` where that can be done;
/// what the settings of a component say is checked now for all of them.
/// @return errors: Spin's messages for files that are missing or not wasm, component::load's for
/// the
///         rest, with the component's id in front
[[nodiscard]] Result<Services> prepare_http_services(
    const app::LockedApp& app, const std::vector<std::string>& ids, const PrepareOptions& options
);

/// Reads, checks and compiles one component into `options.cache`, optimised, so that no start has
/// to. What the settings of the component say is not looked at; of the options `platform`, `cache`,
/// `commands`, `entry` and `load` count.
/// @return how long it took, next to nothing if the code was there; errors: as above
[[nodiscard]] Result<std::chrono::milliseconds> precompile(
    const app::Component& component, const PrepareOptions& options
);

}  // namespace whorl::runtime
