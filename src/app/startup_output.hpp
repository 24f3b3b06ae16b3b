/// The texts a starting application prints, to the byte what scripts written for Spin look for.
///
/// Pure functions: the trigger prints them, when it has bound its socket and knows the port.
/// @thread any
#pragma once

#include "app/http_trigger.hpp"
#include "app/locked_app.hpp"
#include "app/route.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::app {

enum class Colour : std::uint8_t { Never, Ansi };

/// One line of the list of routes.
struct RouteListing {
  std::string id;      ///< component, or trigger for a static response
  std::string prefix;  ///< the route without a wildcard mark; "" for `/` and `/...`
  bool is_wildcard = false;
  std::string description;  ///< empty: not shown
};

/// The public routes in order of precedence. `triggers` is what the table was built from.
[[nodiscard]] std::vector<RouteListing> list_routes(
    const LockedApp& app, std::span<const HttpTrigger> triggers, const RouteTable& table
);

/// stdout, plain format, from the empty line before "Serving" on. `base_url` without a trailing
/// slash ("http://127.0.0.1:3000").
[[nodiscard]] std::string startup_plain(
    std::string_view base_url, std::span<const RouteListing> routes, Colour colour
);
/// stdout, JSON format: one pretty-printed object and a line end.
[[nodiscard]] std::string startup_json(
    std::string_view base_url, std::span<const RouteListing> routes
);
/// stderr: where guest output goes, with line end. `directory` as it is to be shown.
[[nodiscard]] std::string logging_line(std::string_view directory);
/// stderr: the note about WAGI routes, with the empty line after it; empty without such routes.
[[nodiscard]] std::string wagi_warnings(std::span<const HttpTrigger> triggers, Colour colour);

/// Log lines for routes that were replaced and for routes under the reserved prefix; to be logged
/// at level error. Empty when there is nothing to report.
[[nodiscard]] std::vector<std::string> route_problems(const RouteTable& table);

}  // namespace whorl::app
