/// Routes: pattern grammar, precedence, matching, and what a guest is told about the match.
///
/// A pattern is made of segments between slashes and optionally ends in a wildcard (`/...` or `/*`,
/// the rest). A segment is literal text, or a name (`:name`, exactly one segment), or both joined
/// by dots (`:name.json`, `v.:name`). Paths are compared as received: case counts, nothing is
/// percent-decoded, no dot segments are resolved; slashes at either end don't count, except in what
/// a wildcard matched.
/// @thread any, once built (immutable)
#pragma once

#include "app/http_trigger.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::app {

/// One parsed pattern.
class RoutePattern {
 public:
  /// @return errors: InvalidInput (a name or wildcard that isn't one)
  [[nodiscard]] static Result<RoutePattern> parse(std::string_view text);

  /// The names in the order of their segments.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept [[clang::lifetimebound]] {
    return names_;
  }
  [[nodiscard]] bool has_wildcard() const noexcept { return has_wildcard_; }
  /// The one path it matches, without slashes at the ends; only for a pattern without names and
  /// without wildcard.
  [[nodiscard]] const std::string* literal_path() const noexcept;
  /// Whether this pattern is to be tried before the other: position by position literal before name
  /// before wildcard, then the shorter.
  [[nodiscard]] bool precedes(const RoutePattern& other) const noexcept;
  /// Matches a path without slashes at its ends.
  /// @param values  receives the values of the names; views into `path`
  /// @param rest    receives what the wildcard matched; a view into `path`, possibly its end
  [[nodiscard]] bool match(
      std::string_view path, std::vector<std::string_view>& values, std::string_view& rest
  ) const;

 private:
  /// What a path is compared with, in order.
  struct Step {
    enum class Kind : std::uint8_t { Text, Name, Slash, Wildcard };
    Kind kind;
    std::string text;  ///< of Kind::Text
  };
  [[nodiscard]] Result<void> add_segment(std::string_view segment);

  std::vector<Step> steps_;
  std::vector<std::uint8_t> ranks_;  ///< what precedes() compares
  std::vector<std::string> names_;
  std::size_t joining_dots_ = 0;
  std::string literal_;
  bool has_wildcard_ = false;
};

/// A public route and what never changes about it.
struct Route {
  std::size_t trigger = 0;  ///< index into the triggers the table was built from
  RoutePattern pattern;
  std::string raw;      ///< as written in the manifest
  std::string matched;  ///< spin-matched-route: one leading slash, one trailing slash less
  std::string prefix;   ///< spin-component-route: as written, without `/...`
  std::string shown;    ///< start-up output: `matched` without a wildcard mark; "" for the root
  /// "spin-path-match-<name>" per name; empty for one that a later name of the same text hides, or
  /// that cannot be a field name.
  std::vector<std::string> path_match_headers;
};

/// Whether requests for it are answered by the runtime itself, so that it is never reached.
[[nodiscard]] bool is_reserved(const Route& route) noexcept;

/// The result of routing one request. The views are into the path and the table.
struct RouteMatch {
  const Route* route = nullptr;          ///< null: no route
  std::string_view path_info;            ///< the wildcard's remainder, "" or beginning with a slash
  std::vector<std::string_view> values;  ///< in the order of route->path_match_headers
};

/// A route that another one of the same text has replaced.
struct DuplicateRoute {
  std::string loser;   ///< listing id
  std::string route;   ///< as shown
  std::string winner;  ///< listing id
};

/// The routes of an application.
class RouteTable {
 public:
  /// Public triggers only; private ones are not routes. Of several routes with the same text the
  /// last counts; of different texts that mean the same the first does.
  /// @return errors: InvalidInput (malformed pattern, named in the message)
  [[nodiscard]] static Result<RouteTable> build(std::span<const HttpTrigger> triggers);

  /// In order of precedence.
  [[nodiscard]] const std::vector<Route>& routes() const noexcept [[clang::lifetimebound]] {
    return routes_;
  }
  [[nodiscard]] const std::vector<DuplicateRoute>& duplicates() const noexcept
      [[clang::lifetimebound]] {
    return duplicates_;
  }
  /// Finds the route for a path (without query).
  [[nodiscard]] RouteMatch match(std::string_view path) const [[clang::lifetimebound]];

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  std::vector<Route> routes_;
  std::vector<DuplicateRoute> duplicates_;
  /// Literal routes by path: such a route precedes all others that match the same path.
  std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> literals_;
  std::vector<std::size_t> others_;  ///< in order of precedence
};

/// What the router must know of a request to describe it to a guest.
struct RequestFacts {
  std::string_view scheme;          ///< "http" or "https"
  std::string_view host;            ///< of the Host field; empty: "localhost" is reported
  std::string_view path_and_query;  ///< as received
  std::string_view client_address;  ///< "ip:port"
};

/// Value of `spin-full-url`.
[[nodiscard]] std::string full_url(const RequestFacts& facts);

/// Calls `sink(std::string_view name, std::string_view value)` for each header a matched request
/// gets beside those the client sent. The views are valid during the call.
template <class Sink>
void for_each_spin_header(const RouteMatch& match, const RequestFacts& facts, Sink&& sink) {
  const Route& route = *match.route;
  const std::string url = full_url(facts);
  sink(std::string_view("spin-path-info"), match.path_info);
  sink(std::string_view("spin-full-url"), std::string_view(url));
  sink(std::string_view("spin-matched-route"), std::string_view(route.matched));
  sink(std::string_view("spin-base-path"), std::string_view("/"));
  sink(std::string_view("spin-raw-component-route"), std::string_view(route.raw));
  sink(std::string_view("spin-component-route"), std::string_view(route.prefix));
  sink(std::string_view("spin-client-addr"), facts.client_address);
  for (std::size_t i = 0; i < match.values.size(); ++i) {
    if (!route.path_match_headers[i].empty()) {
      sink(std::string_view(route.path_match_headers[i]), match.values[i]);
    }
  }
}

}  // namespace whorl::app
