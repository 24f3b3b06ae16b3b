#include "app/startup_output.hpp"

#include "app/json.hpp"

#include <fmt/format.h>

#include <unordered_map>

namespace whorl::app {
namespace {

constexpr std::string_view kBoldGreen = "\x1b[1;32m";
constexpr std::string_view kBoldYellow = "\x1b[1;33m";
constexpr std::string_view kEnd = "\x1b[0m";
/// Where Spin collects comments on WAGI; scripts may look for the line.
constexpr std::string_view kWagiIssue = "https://github.com/spinframework/spin/issues/3520";

std::string coloured(std::string_view text, std::string_view code, Colour colour) {
  return colour == Colour::Ansi ? fmt::format("{}{}{}", code, text, kEnd) : std::string(text);
}

}  // namespace

std::vector<RouteListing> list_routes(
    const LockedApp& app, std::span<const HttpTrigger> triggers, const RouteTable& table
) {
  std::unordered_map<std::string_view, const std::string*> descriptions;
  for (const Component& component : app.components) {
    descriptions.try_emplace(component.id, &component.description);
  }
  std::vector<RouteListing> out;
  for (const Route& route : table.routes()) {
    const HttpTrigger& trigger = triggers[route.trigger];
    const auto description = descriptions.find(trigger.component);
    out.push_back(
        {.id = trigger.listing_id(),
         .prefix = route.shown,
         .is_wildcard = route.pattern.has_wildcard(),
         .description = description == descriptions.end() ? std::string() : *description->second}
    );
  }
  return out;
}

std::string startup_plain(
    std::string_view base_url, std::span<const RouteListing> routes, Colour colour
) {
  std::string out = fmt::format(
      "\n{} {}\nAvailable Routes:\n", coloured("Serving", kBoldGreen, colour), base_url
  );
  for (const RouteListing& route : routes) {
    out += fmt::format(
        "  {}: {}{}{}\n", route.id, base_url, route.prefix, route.is_wildcard ? " (wildcard)" : ""
    );
    if (!route.description.empty()) {
      out += fmt::format("    {}\n", route.description);
    }
  }
  return out;
}

std::string startup_json(std::string_view base_url, std::span<const RouteListing> routes) {
  std::string out = fmt::format("{{\n  \"base_url\": {},\n  \"routes\": [", json_string(base_url));
  for (const RouteListing& route : routes) {
    out += &route == routes.data() ? "\n    {\n" : ",\n    {\n";
    out += fmt::format("      \"id\": {},\n", json_string(route.id));
    out += fmt::format(
        "      \"route\": {},\n", json_string(route.prefix.empty() ? "/" : route.prefix)
    );
    out += fmt::format("      \"wildcard\": {}", route.is_wildcard);
    if (!route.description.empty()) {
      out += fmt::format(",\n      \"description\": {}", json_string(route.description));
    }
    out += "\n    }";
  }
  out += routes.empty() ? "]\n}\n" : "\n  ]\n}\n";
  return out;
}

std::string logging_line(std::string_view directory) {
  return fmt::format(
      "Logging component stdio to \"{}{}\"\n", directory, directory.ends_with('/') ? "" : "/"
  );
}

std::string wagi_warnings(std::span<const HttpTrigger> triggers, Colour colour) {
  const std::string warning = coloured("Warning", kBoldYellow, colour) + ":";
  std::string out;
  for (const HttpTrigger& trigger : triggers) {
    if (trigger.wagi) {
      const bool is_private = trigger.visibility == HttpTrigger::Visibility::Private;
      out += fmt::format(
          "{} HTTP {} {} uses the WAGI executor.\n",
          warning,
          is_private ? "private endpoint for" : "route",
          is_private ? trigger.component : trigger.route
      );
    }
  }
  if (!out.empty()) {
    out += fmt::format(
        "{} WAGI will be deprecated in a future version of Spin.\n"
        "To provide feedback, please visit {}.\n\n",
        warning,
        kWagiIssue
    );
  }
  return out;
}

std::vector<std::string> route_problems(const RouteTable& table) {
  std::vector<std::string> out;
  bool has_reserved = false;
  for (const Route& route : table.routes()) {
    has_reserved = has_reserved || is_reserved(route);
  }
  if (!table.duplicates().empty()) {
    out.emplace_back("The following component routes are duplicates and will never be used:");
  }
  for (const DuplicateRoute& duplicate : table.duplicates()) {
    out.push_back(fmt::format(
        "  {}: {} (duplicate of {})", duplicate.loser, duplicate.route, duplicate.winner
    ));
  }
  if (has_reserved) {
    out.emplace_back(
        "Routes under /.well-known/spin/ are handled by the Spin runtime and will never be reached"
    );
  }
  return out;
}

}  // namespace whorl::app
