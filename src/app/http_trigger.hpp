/// The settings of HTTP triggers, read out of a LockedApp.
///
/// Errors of these settings are Spin's, which reads them when the trigger starts and not with the
/// manifest: they come after the start-up lines on stderr. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::app {

/// An answer that is written in the manifest; no component runs.
struct StaticResponse {
  std::uint16_t status = 200;  ///< as written; values HTTP has no meaning for are not refused
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// The CGI-like executor: the component is a WASI command.
struct WagiExecutor {
  std::string argv = "${SCRIPT_NAME} ${ARGS}";
  std::optional<std::string> entrypoint;  ///< deprecated; only "_start" is accepted
};

/// One `[[trigger.http]]`.
struct HttpTrigger {
  enum class Visibility : std::uint8_t { Public, Private };

  std::string id;
  std::string component;                          ///< empty when there is a static response
  std::optional<StaticResponse> static_response;  ///< exactly one of this and `component`
  std::string route;                              ///< as written; empty when private
  Visibility visibility = Visibility::Public;
  std::optional<WagiExecutor> wagi;  ///< absent: the HTTP executor

  /// What the start-up output and messages call it: the component, or the trigger's own id.
  [[nodiscard]] const std::string& listing_id() const noexcept [[clang::lifetimebound]] {
    return static_response ? id : component;
  }
};

/// Checks the application-wide settings of HTTP triggers. Spin does so before anything else is
/// printed, so the command line calls it, not the trigger.
/// @return errors: InvalidInput (`base`, an unknown key)
[[nodiscard]] Result<void> check_http_globals(const LockedApp& app);

/// Reads all triggers of type "http", in the manifest's order.
/// @return errors: InvalidInput (wrong shape, neither or both of component and static_response),
///         NotFound (no such component). The caller logs "Trigger executor failed" beside them.
[[nodiscard]] Result<std::vector<HttpTrigger>> http_triggers(const LockedApp& app);

}  // namespace whorl::app
