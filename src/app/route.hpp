/// Routes: pattern grammar, precedence, matching, and what a guest is told about the match.
///
/// A pattern is made of literal segments, named segments (`:name`, exactly one segment) and
/// optionally ends in a wildcard (`/...` or `/*`, the rest). Paths are compared as received: case
/// counts, nothing is percent-decoded, no dot segments are resolved.
/// @thread any, once built (immutable)
#pragma once

#include "app/http_trigger.hpp"
#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::app {

/// One parsed pattern.
class RoutePattern {
 public:
  struct Segment {
    enum class Kind : std::uint8_t { Literal, Named };
    Kind kind;
    std::string text;  ///< the literal, or the name without its colon
  };

  /// @return errors: InvalidInput (a named segment without a name)
  [[nodiscard]] static Result<RoutePattern> parse(std::string_view text);

  [[nodiscard]] const std::vector<Segment>& segments() const noexcept [[clang::lifetimebound]] {
    return segments_;
  }
  [[nodiscard]] bool has_wildcard() const noexcept { return has_wildcard_; }
  [[nodiscard]] bool is_literal() const noexcept;
  /// Negative when this pattern is tried before the other, position by position: literal before
  /// named before wildcard, the shorter first.
  [[nodiscard]] int compare(const RoutePattern& other) const noexcept;
  /// The values of the named segments and the wildcard's remainder; false when it doesn't match.
  /// The views are into `path`.
  [[nodiscard]] bool match(
      std::string_view path, std::vector<std::string_view>& named, std::string_view& remainder
  ) const;

 private:
  std::vector<Segment> segments_;
  bool has_wildcard_ = false;
};

/// A public route and what never changes about it.
struct Route {
  std::size_t trigger;  ///< index into the triggers the table was built from
  RoutePattern pattern;
  std::string raw;      ///< as written in the manifest
  std::string matched;  ///< value of spin-matched-route
  std::string prefix;   ///< value of spin-component-route: as written, without `/...`
  std::string base;     ///< start-up output: the prefix, without any wildcard mark
  std::vector<std::string> path_match_headers;  ///< "spin-path-match-<name>" per named segment
};

/// The result of routing one request. The views are into the path and the table.
struct RouteMatch {
  const Route* route = nullptr;
  std::string_view path_info;           ///< the wildcard's remainder, "" or beginning with a slash
  std::vector<std::string_view> named;  ///< values, in the order of route->path_match_headers
};

/// A route that another one of the same text has replaced.
struct DuplicateRoute {
  std::string loser;   ///< listing id
  std::string route;   ///< as written
  std::string winner;  ///< listing id
};

class RouteTable {
 public:
  /// Public triggers only; private ones are not routes.
  /// @return errors: InvalidInput (malformed pattern, named in the message)
  [[nodiscard]] static Result<RouteTable> build(std::span<const HttpTrigger> triggers);

  /// All routes that can be reached or are listed, in order of precedence.
  [[nodiscard]] const std::vector<Route>& routes() const noexcept [[clang::lifetimebound]] {
    return routes_;
  }
  [[nodiscard]] const std::vector<DuplicateRoute>& duplicates() const noexcept
      [[clang::lifetimebound]] {
    return duplicates_;
  }
  /// Finds the route for a path (without query), or a match whose `route` is null.
  [[nodiscard]] RouteMatch match(std::string_view path) const;

 private:
  std::vector<Route> routes_;
  std::vector<DuplicateRoute> duplicates_;
};

/// What the router must know of a request to describe it to a guest.
struct RequestFacts {
  std::string_view scheme;          ///< "http" or "https"
  std::string_view host;            ///< of the Host field; empty: "localhost" is reported
  std::string_view path_and_query;  ///< as received
  std::string_view client_address;  ///< "ip:port"
};

/// Values of one request's `spin-full-url`.
[[nodiscard]] std::string full_url(const RequestFacts& facts);
/// Matched and chained requests alike: the remainder of a path after a wildcard that matches all
/// of it, with exactly one leading slash.
[[nodiscard]] std::string_view whole_path_info(std::string_view path) noexcept;

/// Calls `sink(std::string_view name, std::string_view value)` for each header a matched request
/// gets beside those the client sent. The views are valid during the call.
template <class Sink>
void for_each_spin_header(const RouteMatch& match, const RequestFacts& facts, Sink&& sink) {
  const Route& route = *match.route;
  sink("spin-path-info", match.path_info);
  sink("spin-full-url", full_url(facts));
  sink("spin-matched-route", route.matched);
  sink("spin-base-path", "/");
  sink("spin-raw-component-route", route.raw);
  sink("spin-component-route", route.prefix);
  sink("spin-client-addr", facts.client_address);
  for (std::size_t i = 0; i < match.named.size(); ++i) {
    sink(route.path_match_headers[i], match.named[i]);
  }
}

}  // namespace whorl::app
