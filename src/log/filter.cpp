#include "log/filter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace whorl::log {
namespace {

constexpr std::uint8_t kOff = 0;
constexpr auto kMost = static_cast<std::uint8_t>(Level::Trace);
constexpr std::array<std::string_view, 6> kNames{"off", "error", "warn", "info", "debug", "trace"};

constexpr std::string_view kWrongLevel =
    "error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", "
    "\"debug\", \"trace\", or a number 0-5";

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::optional<std::uint8_t> parse_level(std::string_view text) {
  if (text.size() == 1 && text[0] >= '0' && text[0] <= '5') {
    return static_cast<std::uint8_t>(text[0] - '0');
  }
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (equals_ignoring_case(text, kNames[i])) {
      return static_cast<std::uint8_t>(i);
    }
  }
  return std::nullopt;
}

bool is_target(std::string_view text) {
  return !text.empty() && text.find_first_of("[]{}\"= \t") == std::string_view::npos;
}

}  // namespace

Filter Filter::parse(std::string_view text, std::vector<std::string>* rejected) {
  Filter filter;
  const auto add = [&filter](std::string_view target, std::uint8_t level) {
    std::erase_if(filter.directives_, [&](const Directive& d) { return d.target == target; });
    filter.directives_.push_back({std::string(target), level});
  };
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view part = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (part.empty()) {
      continue;
    }
    const auto equals = part.find('=');
    const std::string_view target = part.substr(0, equals);
    const auto whole = parse_level(part);
    const auto level = equals == std::string_view::npos ? std::optional(kMost)
                       : equals + 1 == part.size()      ? std::optional(kMost)
                                                        : parse_level(part.substr(equals + 1));
    if (whole) {
      add({}, *whole);
    } else if (is_target(target) && level) {
      add(target, *level);
    } else if (rejected != nullptr) {
      const bool is_level_wrong = equals != std::string_view::npos && is_target(target);
      rejected->push_back(
          fmt::format("`{}`: {}", part, is_level_wrong ? kWrongLevel : "invalid filter directive")
      );
    }
  }
  std::ranges::sort(filter.directives_, [](const Directive& a, const Directive& b) {
    return a.target.size() > b.target.size();
  });
  return filter;
}

Filter Filter::defaults() {
  return parse("error,whorl=warn");
}

bool Filter::allows(Level level, std::string_view target) const noexcept {
  for (const Directive& directive : directives_) {
    if (target.starts_with(directive.target)) {
      return static_cast<std::uint8_t>(level) <= directive.level;
    }
  }
  return false;
}

std::uint8_t Filter::max_level() const noexcept {
  std::uint8_t most = kOff;
  for (const Directive& directive : directives_) {
    most = std::max(most, directive.level);
  }
  return most;
}

}  // namespace whorl::log
