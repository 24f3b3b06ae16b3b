#include "http/conditional.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace whorl::http {
namespace {

constexpr std::size_t kMaxMembers = 64;

std::string_view trim(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Calls `each` with the members of all lines of a name, until it says true; a bounded number.
/// @return whether it did
template <class F>
bool any_member(const Fields& fields, std::string_view name, F&& each) {
  std::size_t members = 0;
  for (const Field& line : fields.lines()) {
    if (!equals_ignoring_case(line.name, name)) {
      continue;
    }
    std::string_view rest = line.value;
    while (!rest.empty() && ++members <= kMaxMembers) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (each(trim(rest.substr(0, comma)))) {
        return true;
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

/// §8.8.3.2. Our tags have no comma inside, so a list can be split at them.
bool matches_weakly(std::string_view member, std::string_view etag) noexcept {
  if (member.starts_with("W/")) {
    member.remove_prefix(2);
  }
  return member == "*" || member == etag;
}
bool matches_strongly(std::string_view member, std::string_view etag) noexcept {
  return member == "*" || member == etag;
}

bool parse_number(std::string_view text, std::uint64_t& value) noexcept {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size();
}

/// §13.1.5: a date is only strong enough when it is the very one.
bool if_range_holds(const Fields& request, const Validators& validators) {
  const auto wanted = request.find("if-range");
  if (!wanted) {
    return true;
  }
  const std::string_view text = trim(*wanted);
  return text.starts_with('"') ? text == validators.etag : parse_date(text) == validators.modified;
}

/// Weight of a member "name;q=0.5"; 1 when there is none, 0 when it is no weight.
bool has_weight(std::string_view parameters) noexcept {
  while (!parameters.empty()) {
    const std::size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view parameter = trim(parameters.substr(0, end));
    parameters.remove_prefix(std::min(end + 1, parameters.size()));
    if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
      const std::string_view weight = parameter.substr(2);
      return !weight.empty() && weight.find_first_not_of("0.") != std::string_view::npos;
    }
  }
  return true;
}

}  // namespace

Condition evaluate(const Fields& request, const Validators& validators) {
  if (request.contains("if-match")) {
    const bool matches = any_member(request, "if-match", [&](std::string_view member) {
      return matches_strongly(member, validators.etag);
    });
    if (!matches) {
      return Condition::PreconditionFailed;
    }
  } else if (const auto since = request.find("if-unmodified-since")) {
    const auto date = parse_date(trim(*since));
    if (date && validators.modified > *date) {
      return Condition::PreconditionFailed;
    }
  }
  if (request.contains("if-none-match")) {
    const bool matches = any_member(request, "if-none-match", [&](std::string_view member) {
      return matches_weakly(member, validators.etag);
    });
    return matches ? Condition::NotModified : Condition::Proceed;
  }
  if (const auto since = request.find("if-modified-since")) {
    const auto date = parse_date(trim(*since));
    if (date && validators.modified <= *date) {
      return Condition::NotModified;
    }
  }
  return Condition::Proceed;
}

RangeChoice choose_range(const Fields& request, const Validators& validators, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  const auto field = request.find("range");
  if (!field || !if_range_holds(request, validators)) {
    return {};
  }
  std::string_view text = trim(*field);
  if (text.size() <= kUnit.size() || !equals_ignoring_case(text.substr(0, kUnit.size()), kUnit)) {
    return {};
  }
  text = trim(text.substr(kUnit.size()));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) {
    return {};
  }
  const std::string_view first_text = text.substr(0, dash);
  const std::string_view last_text = text.substr(dash + 1);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (first_text.empty()) {
    if (!parse_number(last_text, last)) {
      return {};
    }
    if (last == 0 || size == 0) {
      return {.kind = RangeChoice::Kind::Unsatisfiable};
    }
    return {
        .kind = RangeChoice::Kind::Part,
        .range = {.first = size - std::min(last, size), .last = size - 1}
    };
  }
  if (!parse_number(first_text, first) ||
      (!last_text.empty() && (!parse_number(last_text, last) || last < first))) {
    return {};
  }
  if (first >= size) {
    return {.kind = RangeChoice::Kind::Unsatisfiable};
  }
  return {
      .kind = RangeChoice::Kind::Part,
      .range = {.first = first, .last = last_text.empty() ? size - 1 : std::min(last, size - 1)}
  };
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  constexpr std::array<std::string_view, 12> kMonths{
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
  };
  if (text.size() != 29 || text.substr(3, 2) != ", " || text[7] != ' ' || text[11] != ' ' ||
      text[16] != ' ' || text[19] != ':' || text[22] != ':' || text.substr(25) != " GMT") {
    return std::nullopt;
  }
  std::uint64_t day = 0;
  std::uint64_t year = 0;
  std::uint64_t hour = 0;
  std::uint64_t minute = 0;
  std::uint64_t second = 0;
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (month == kMonths.end() || !parse_number(text.substr(5, 2), day) ||
      !parse_number(text.substr(12, 4), year) || !parse_number(text.substr(17, 2), hour) ||
      !parse_number(text.substr(20, 2), minute) || !parse_number(text.substr(23, 2), second) ||
      hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(year)),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(day))
  );
  if (!date.ok()) {
    return std::nullopt;
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return std::int64_t{days} * 86'400 +
         static_cast<std::int64_t>(hour * 3600 + minute * 60 + second);
}

bool accepts_coding(const Fields& request, std::string_view coding) noexcept {
  bool by_name = false;
  bool by_star = false;
  bool is_refused = false;
  any_member(request, "accept-encoding", [&](std::string_view member) {
    const std::size_t end = std::min(member.find(';'), member.size());
    const std::string_view name = trim(member.substr(0, end));
    const bool wanted = has_weight(member.substr(std::min(end + 1, member.size())));
    if (equals_ignoring_case(name, coding)) {
      by_name = wanted;
      is_refused = !wanted;
    } else if (name == "*") {
      by_star = wanted;
    }
    return false;
  });
  return by_name || (by_star && !is_refused);
}

}  // namespace whorl::http
