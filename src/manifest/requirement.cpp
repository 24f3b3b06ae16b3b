#include "manifest/requirement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <utility>

namespace whorl::manifest {
namespace {

constexpr std::size_t kMaxComparisons = 32;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() ||
      (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  return value;
}

bool is_wildcard(std::string_view part) {
  return part == "*" || part == "x" || part == "X";
}

/// Takes the text up to a dot.
std::string_view take_part(std::string_view& text) {
  const auto dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  return part;
}

/// Order of identifiers between dots: numbers by value and before words. @spec §11.4
std::strong_ordering compare_identifiers(std::string_view a, std::string_view b) {
  const auto x = number(a);
  const auto y = number(b);
  if (x && y) {
    return *x <=> *y;
  }
  if (x || y) {
    return x ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  return a <=> b;
}

/// Order of pre-releases; none comes after all.
std::strong_ordering compare_pre(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) {
    return b.size() <=> a.size();
  }
  while (!a.empty() && !b.empty()) {
    if (const auto order = compare_identifiers(take_part(a), take_part(b)); order != 0) {
      return order;
    }
  }
  return a.size() <=> b.size();
}

Error wrong(std::string_view text) {
  return fail(ErrorKind::InvalidInput, "\"{}\" is not a requirement on a version", text);
}

}  // namespace

Result<Requirement> Requirement::parse(std::string_view text) {
  Requirement out;
  text = trimmed(text);
  if (is_wildcard(text)) {
    return out;
  }
  while (true) {
    const auto comma = text.find(',');
    WHORL_TRY(auto one, parse_one(trimmed(text.substr(0, comma))));
    out.all_.push_back(std::move(one));
    if (comma == std::string_view::npos) {
      return out;
    }
    if (out.all_.size() == kMaxComparisons) {
      return wrong("more than 32 parts");
    }
    text.remove_prefix(comma + 1);
  }
}

Result<Requirement::Comparison> Requirement::parse_one(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Operator>, 7> kOperators{{
      {">=", Operator::GreaterEqual},
      {"<=", Operator::LessEqual},
      {">", Operator::Greater},
      {"<", Operator::Less},
      {"=", Operator::Exact},
      {"~", Operator::Tilde},
      {"^", Operator::Caret},
  }};
  const std::string_view whole = text;
  Comparison out;
  for (const auto& [sign, op] : kOperators) {
    if (text.starts_with(sign)) {
      out.op = op;
      text = trimmed(text.substr(sign.size()));
      break;
    }
  }
  text = text.substr(0, text.find('+'));
  const auto dash = text.find('-');
  if (dash != std::string_view::npos) {
    out.pre = std::string(text.substr(dash + 1));
    text = text.substr(0, dash);
  }
  const auto major = number(take_part(text));
  if (!major) {
    return wrong(whole);
  }
  out.major = *major;
  for (std::optional<std::uint64_t>* const part : {&out.minor, &out.patch}) {
    if (text.empty()) {
      break;
    }
    const std::string_view digits = take_part(text);
    if (is_wildcard(digits) && text.empty()) {
      // "1.*" is whatever begins so.
      out.op = out.op == Operator::Caret ? Operator::Exact : out.op;
      break;
    }
    *part = number(digits);
    if (!*part) {
      return wrong(whole);
    }
  }
  if (!text.empty() || (dash != std::string_view::npos && (!out.patch || out.pre.empty()))) {
    return wrong(whole);
  }
  return out;
}

bool Requirement::meets(const Comparison& wanted, const Version& version) noexcept {
  // Numbers first; what is not written compares as equal.
  std::strong_ordering order = version.major <=> wanted.major;
  if (order == 0 && wanted.minor) {
    order = version.minor <=> *wanted.minor;
    if (order == 0 && wanted.patch) {
      order = version.patch <=> *wanted.patch;
      if (order == 0) {
        order = compare_pre(version.pre, wanted.pre);
      }
    }
  }
  switch (wanted.op) {
    case Operator::Exact:
      return order == 0;
    case Operator::Greater:
      return order > 0;
    case Operator::GreaterEqual:
      return order >= 0;
    case Operator::Less:
      return order < 0;
    case Operator::LessEqual:
      return order <= 0;
    case Operator::Tilde:
      return order >= 0 && version.major == wanted.major &&
             (!wanted.minor || version.minor == *wanted.minor);
    case Operator::Caret:
      break;
  }
  if (order < 0 || version.major != wanted.major) {
    return false;
  }
  // The leftmost number that is not zero stays.
  if (wanted.major != 0 || !wanted.minor) {
    return true;
  }
  return version.minor == *wanted.minor &&
         (*wanted.minor != 0 || !wanted.patch || version.patch == *wanted.patch);
}

bool Requirement::matches(const Version& version) const noexcept {
  const auto names_it = [&](const Comparison& each) {
    return !each.pre.empty() && each.major == version.major && each.minor == version.minor &&
           each.patch == version.patch;
  };
  return std::ranges::all_of(all_, [&](const Comparison& each) { return meets(each, version); }) &&
         (version.pre.empty() || std::ranges::any_of(all_, names_it));
}

}  // namespace whorl::manifest
