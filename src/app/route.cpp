#include "app/route.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace whorl::app {
namespace {

// Values of RoutePattern::ranks_: the smaller is tried first.
constexpr std::uint8_t kTextRank = 0;
constexpr std::uint8_t kNameRank = 1;
constexpr std::uint8_t kWildcardRank = 2;
constexpr std::uint8_t kSeparatorRank = 3;

constexpr std::string_view kDots = "/...";
constexpr std::string_view kStar = "/*";
/// Far longer than any path that is asked for; bounds the work a pattern can cause.
constexpr std::size_t kMaxPatternBytes = 8192;
constexpr std::string_view kReservedPrefix = "/.well-known/spin/";

std::string_view without_outer_slashes(std::string_view path) {
  const auto begin = path.find_first_not_of('/');
  if (begin == std::string_view::npos) {
    return {};
  }
  return path.substr(begin, path.find_last_not_of('/') - begin + 1);
}

/// One leading slash added if missing, one trailing slash taken away.
std::string normalised(std::string_view route) {
  std::string out = route.starts_with('/') ? std::string(route) : fmt::format("/{}", route);
  if (out.ends_with('/')) {
    out.pop_back();
  }
  return out;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) {
    return false;
  }
  text.remove_suffix(suffix.size());
  return true;
}

/// Takes the text up to the next separator off the front; false when nothing is left.
bool next_part(std::optional<std::string_view>& rest, char separator, std::string_view& part) {
  if (!rest) {
    return false;
  }
  const auto end = rest->find(separator);
  part = rest->substr(0, end);
  rest = end == std::string_view::npos ? std::nullopt : std::optional(rest->substr(end + 1));
  return true;
}

/// RFC 9110 §5.6.2; a name that is none cannot stand in a header.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || kMarks.contains(c);
  });
}

std::string header_for(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return is_token(text) ? "spin-path-match-" + text : std::string();
}

std::vector<std::string> headers_for(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool is_hidden =
        std::find(names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end(), names[i]) !=
        names.end();
    out.push_back(is_hidden ? std::string() : header_for(names[i]));
  }
  return out;
}

Result<Route> make_route(const HttpTrigger& trigger, std::size_t index) {
  Route route;
  route.trigger = index;
  route.raw = trigger.route;
  route.matched = normalised(trigger.route);
  auto pattern = RoutePattern::parse(route.matched);
  if (!pattern) {
    return fail(
        ErrorKind::InvalidInput,
        "Error parsing route {} associated with component {}: {}",
        route.matched,
        trigger.listing_id(),
        pattern.error().message()
    );
  }
  route.pattern = *std::move(pattern);
  std::string_view prefix = route.raw;
  take_suffix(prefix, kDots);
  route.prefix = prefix;
  std::string_view shown = route.matched;
  if (!take_suffix(shown, kDots)) {
    take_suffix(shown, kStar);
  }
  route.shown = shown;
  route.path_match_headers = headers_for(route.pattern.names());
  return route;
}

}  // namespace

Result<RoutePattern> RoutePattern::parse(std::string_view text) {
  if (text.size() > kMaxPatternBytes) {
    return fail(ErrorKind::ResourceLimit, "the pattern is longer than {} bytes", kMaxPatternBytes);
  }
  RoutePattern pattern;
  if (take_suffix(text, kDots) || take_suffix(text, kStar)) {
    pattern.has_wildcard_ = true;
  }
  std::optional<std::string_view> rest = without_outer_slashes(text);
  for (std::string_view segment; next_part(rest, '/', segment);) {
    if (!segment.empty()) {
      WHORL_CHECKED(pattern.add_segment(segment));
    }
  }
  if (pattern.has_wildcard_) {
    if (!pattern.steps_.empty()) {
      pattern.steps_.push_back({Step::Kind::Slash, {}});
      pattern.ranks_.push_back(kSeparatorRank);
    }
    pattern.steps_.push_back({Step::Kind::Wildcard, {}});
    pattern.ranks_.push_back(kWildcardRank);
  }
  for (const Step& step : pattern.steps_) {
    pattern.literal_ += step.kind == Step::Kind::Slash ? "/" : step.text;
  }
  return pattern;
}

/// A segment is its parts between dots, of which those that begin with a colon are names.
Result<void> RoutePattern::add_segment(std::string_view segment) {
  if (!steps_.empty()) {
    steps_.push_back({Step::Kind::Slash, {}});
    ranks_.push_back(kSeparatorRank);
  }
  const std::size_t begin = steps_.size();
  const auto add_text = [&](std::string_view text) {
    if (steps_.size() > begin && steps_.back().kind == Step::Kind::Text) {
      steps_.back().text += text;
    } else {
      steps_.push_back({Step::Kind::Text, std::string(text)});
    }
  };
  std::optional<std::string_view> rest = segment;
  bool is_first = true;
  for (std::string_view part; next_part(rest, '.', part); is_first = false) {
    if (!is_first) {
      if (steps_.size() == begin || steps_.back().kind == Step::Kind::Name) {
        ranks_.push_back(kSeparatorRank);
        ++joining_dots_;
      }
      add_text(".");
    }
    if (part == ":") {
      return fail(ErrorKind::InvalidInput, "params must be named");
    }
    if (part.size() > 1 && part.starts_with('*')) {
      return fail(
          ErrorKind::InvalidInput, "a wildcard has no name: write `*` instead of `{}`", part
      );
    }
    if (part.starts_with(':')) {
      names_.emplace_back(part.substr(1));
      steps_.push_back({Step::Kind::Name, {}});
      ranks_.push_back(kNameRank);
    } else if (!part.empty()) {
      add_text(part);
      ranks_.push_back(kTextRank);
    }
  }
  return {};
}

const std::string* RoutePattern::literal_path() const noexcept {
  return has_wildcard_ || !names_.empty() ? nullptr : &literal_;
}

bool RoutePattern::precedes(const RoutePattern& other) const noexcept {
  const std::size_t common = std::min(ranks_.size(), other.ranks_.size());
  for (std::size_t i = 0; i < common; ++i) {
    if (ranks_[i] != other.ranks_[i]) {
      return ranks_[i] < other.ranks_[i];
    }
  }
  if (joining_dots_ != other.joining_dots_) {
    return joining_dots_ > other.joining_dots_;
  }
  return ranks_.size() < other.ranks_.size();
}

bool RoutePattern::match(
    std::string_view path, std::vector<std::string_view>& values, std::string_view& rest
) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    const bool is_joined = i + 1 < steps_.size() && steps_[i + 1].kind == Step::Kind::Text;
    switch (step.kind) {
      case Step::Kind::Text:
        if (!path.starts_with(step.text)) {
          return false;
        }
        path.remove_prefix(step.text.size());
        break;
      case Step::Kind::Name: {
        // A name may match nothing between two slashes, but not after the end of the path.
        if (path.empty()) {
          return false;
        }
        const auto end = path.find_first_of(is_joined ? "./" : "/");
        values.push_back(path.substr(0, end));
        path.remove_prefix(values.back().size());
        break;
      }
      case Step::Kind::Slash:
        if (path.starts_with('/')) {
          path.remove_prefix(1);
        } else if (!path.empty() || steps_[i + 1].kind != Step::Kind::Wildcard) {
          return false;
        }
        break;
      case Step::Kind::Wildcard:
        rest = path;
        return true;
    }
  }
  return path.empty();
}

Result<RouteTable> RouteTable::build(std::span<const HttpTrigger> triggers) {
  RouteTable table;
  std::unordered_map<std::string_view, std::size_t> by_text;
  // The triggers that count, at the place where their text came first.
  std::vector<std::size_t> effective;
  for (std::size_t i = 0; i < triggers.size(); ++i) {
    const HttpTrigger& trigger = triggers[i];
    if (trigger.visibility == HttpTrigger::Visibility::Private) {
      continue;
    }
    const auto [place, is_new] = by_text.try_emplace(trigger.route, effective.size());
    if (is_new) {
      effective.push_back(i);
      continue;
    }
    const std::size_t loser = std::exchange(effective[place->second], i);
    const std::string shown = normalised(trigger.route);
    table.duplicates_.push_back(
        {triggers[loser].listing_id(), shown.empty() ? "/" : shown, trigger.listing_id()}
    );
  }
  std::vector<Route> unsorted;
  std::vector<std::size_t> order;
  for (const std::size_t index : effective) {
    WHORL_TRY(Route route, make_route(triggers[index], index));
    order.push_back(unsorted.size());
    unsorted.push_back(std::move(route));
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const RoutePattern& left = unsorted[a].pattern;
    const RoutePattern& right = unsorted[b].pattern;
    return left.precedes(right) || (!right.precedes(left) && a < b);
  });
  for (const std::size_t index : order) {
    table.routes_.push_back(std::move(unsorted[index]));
  }
  for (std::size_t i = 0; i < table.routes_.size(); ++i) {
    if (const std::string* path = table.routes_[i].pattern.literal_path()) {
      table.literals_.try_emplace(*path, i);
    } else {
      table.others_.push_back(i);
    }
  }
  return table;
}

namespace {

/// The wildcard's remainder with its leading slash, and with the path's trailing one. Both stand in
/// the path around `rest`; only an asterisk-form target has none before it.
std::string_view path_info_of(std::string_view path, std::string_view rest) {
  const bool ends_in_slash = path.ends_with('/');
  if (rest.empty()) {
    return ends_in_slash ? std::string_view("/") : std::string_view();
  }
  if (rest.data() == path.data()) {
    return path == "*" ? std::string_view("/*") : rest;
  }
  return {rest.data() - 1, rest.size() + (ends_in_slash ? 2 : 1)};
}

}  // namespace

RouteMatch RouteTable::match(std::string_view path) const {
  const std::string_view trimmed = without_outer_slashes(path);
  if (const auto found = literals_.find(trimmed); found != literals_.end()) {
    return {.route = &routes_[found->second], .path_info = {}, .values = {}};
  }
  RouteMatch match;
  for (const std::size_t index : others_) {
    const Route& route = routes_[index];
    std::string_view rest;
    if (route.pattern.match(trimmed, match.values, rest)) {
      match.route = &route;
      if (route.pattern.has_wildcard()) {
        match.path_info = path_info_of(path, rest);
      }
      return match;
    }
    match.values.clear();
  }
  return match;
}

std::string full_url(const RequestFacts& facts) {
  constexpr std::string_view kSeparator = "://";
  const std::string_view host = facts.host.empty() ? std::string_view("localhost") : facts.host;
  std::string url;
  url.reserve(facts.scheme.size() + kSeparator.size() + host.size() + facts.path_and_query.size());
  url.append(facts.scheme).append(kSeparator).append(host).append(facts.path_and_query);
  return url;
}

bool is_reserved(const Route& route) noexcept {
  return route.matched.starts_with(kReservedPrefix);
}

}  // namespace whorl::app
