#include "component/names.hpp"

#include <algorithm>
#include <charconv>

namespace whorl::component {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
constexpr bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
constexpr bool is_upper(char c) noexcept {
  return c >= 'A' && c <= 'Z';
}
constexpr char to_lower(char c) noexcept {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Splits off the text before the first separator; `rest` keeps what follows it.
struct Cut {
  std::string_view head;
  std::string_view rest;
  bool found;
};
Cut cut(std::string_view text, char separator) noexcept {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) {
    return {text, {}, false};
  }
  return {text.substr(0, at), text.substr(at + 1), true};
}

enum class Acronyms : std::uint8_t { Allowed, Refused };

bool is_fragment(std::string_view text, Acronyms acronyms) noexcept {
  const bool lower = std::ranges::any_of(text, is_lower);
  const bool upper = std::ranges::any_of(text, is_upper);
  const bool clean =
      std::ranges::all_of(text, [](char c) { return is_lower(c) || is_upper(c) || is_digit(c); });
  return !text.empty() && clean && !(lower && upper) && !(upper && acronyms == Acronyms::Refused);
}

bool is_kebab(std::string_view text, Acronyms acronyms) noexcept {
  if (text.empty() || is_digit(text.front())) {
    return false;
  }
  for (Cut part = cut(text, '-');; part = cut(part.rest, '-')) {
    if (!is_fragment(part.head, acronyms)) {
      return false;
    }
    if (!part.found) {
      return true;
    }
  }
}

/// A number of a version: digits without a leading zero that fit 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  if (text.empty() || (text.size() > 1 && text.front() == '0') ||
      !std::ranges::all_of(text, is_digit)) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// Dot-separated identifiers of a pre-release or of build metadata.
bool is_identifiers(std::string_view text, bool leading_zeros) noexcept {
  for (Cut part = cut(text, '.');; part = cut(part.rest, '.')) {
    const std::string_view id = part.head;
    const bool clean = std::ranges::all_of(id, [](char c) {
      return is_digit(c) || is_lower(c) || is_upper(c) || c == '-';
    });
    const bool number = std::ranges::all_of(id, is_digit);
    if (id.empty() || !clean || (number && !leading_zeros && id.size() > 1 && id[0] == '0')) {
      return false;
    }
    if (!part.found) {
      return true;
    }
  }
}

std::weak_ordering compare_identifier(std::string_view a, std::string_view b) noexcept {
  const bool a_number = std::ranges::all_of(a, is_digit);
  const bool b_number = std::ranges::all_of(b, is_digit);
  if (a_number != b_number) {
    return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  if (a_number && a.size() != b.size()) {
    return a.size() <=> b.size();
  }
  return a.compare(b) <=> 0;
}

std::weak_ordering compare_pre(std::string_view a, std::string_view b) noexcept {
  if (a.empty() || b.empty()) {
    // A release comes after its pre-releases.
    return a.empty() <=> b.empty();
  }
  Cut left = cut(a, '.');
  Cut right = cut(b, '.');
  for (;;) {
    if (const auto order = compare_identifier(left.head, right.head); order != 0) {
      return order;
    }
    if (!left.found || !right.found) {
      return left.found <=> right.found;
    }
    left = cut(left.rest, '.');
    right = cut(right.rest, '.');
  }
}

/// "1", "0.2", "0.0.1", "0.0.0": the shortened versions of canonical interface names.
bool is_canonical_version(std::string_view text) noexcept {
  const Cut major = cut(text, '.');
  const Cut minor = cut(major.rest, '.');
  const auto first = parse_number(major.head);
  if (!first) {
    return false;
  }
  if (!major.found) {
    return *first > 0;
  }
  const auto second = parse_number(minor.head);
  if (*first != 0 || !second) {
    return false;
  }
  if (!minor.found) {
    return *second > 0;
  }
  return *second == 0 && parse_number(minor.rest).has_value();
}

std::optional<ExternName> parse_annotated(
    std::string_view text, ExternName::Kind kind, std::string_view prefix
) noexcept {
  text.remove_prefix(prefix.size());
  ExternName out;
  out.kind = kind;
  if (kind == ExternName::Kind::Constructor) {
    out.resource = text;
    return is_label(text) ? std::optional(out) : std::nullopt;
  }
  const Cut parts = cut(text, '.');
  out.resource = parts.head;
  out.label = parts.rest;
  return parts.found && is_label(out.resource) && is_label(out.label) ? std::optional(out)
                                                                      : std::nullopt;
}

constexpr std::string_view kConstructor = "[constructor]";
constexpr std::string_view kMethod = "[method]";
constexpr std::string_view kStatic = "[static]";

/// Edit distance, given up beyond `limit`.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) {
    return limit + 1;
  }
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::weak_ordering Semver::operator<=>(const Semver& other) const noexcept {
  if (const auto order = major <=> other.major; order != 0) {
    return order;
  }
  if (const auto order = minor <=> other.minor; order != 0) {
    return order;
  }
  if (const auto order = patch <=> other.patch; order != 0) {
    return order;
  }
  return compare_pre(pre, other.pre);
}

std::optional<Semver> parse_semver(std::string_view text) noexcept {
  Semver out;
  const Cut build = cut(text, '+');
  const Cut pre = cut(build.head, '-');
  out.build = build.rest;
  out.pre = pre.rest;
  if ((build.found && !is_identifiers(out.build, true)) ||
      (pre.found && !is_identifiers(out.pre, false))) {
    return std::nullopt;
  }
  const Cut major = cut(pre.head, '.');
  const Cut minor = cut(major.rest, '.');
  const auto a = parse_number(major.head);
  const auto b = parse_number(minor.head);
  const auto c = parse_number(minor.rest);
  if (!major.found || !minor.found || !a || !b || !c) {
    return std::nullopt;
  }
  out.major = *a;
  out.minor = *b;
  out.patch = *c;
  return out;
}

std::string compatibility_key(std::string_view version) {
  const auto parsed = parse_semver(version);
  if (!parsed) {
    // Canonical interface names carry the track itself.
    return is_canonical_version(version) && !version.starts_with("0.0.") ? std::string(version)
                                                                         : std::string();
  }
  if (!parsed->pre.empty()) {
    return {};
  }
  if (parsed->major > 0) {
    return std::to_string(parsed->major);
  }
  return parsed->minor > 0 ? "0." + std::to_string(parsed->minor) : std::string();
}

bool versions_compatible(std::string_view a, std::string_view b) {
  if (a == b) {
    return true;
  }
  const std::string key = compatibility_key(a);
  return !key.empty() && key == compatibility_key(b);
}

bool is_label(std::string_view text) noexcept {
  return is_kebab(text, Acronyms::Allowed);
}

std::optional<ExternName> parse_interface_name(std::string_view text) noexcept {
  ExternName out;
  out.kind = ExternName::Kind::Interface;
  const Cut versioned = cut(text, '@');
  out.interface = versioned.head;
  out.version = versioned.rest;
  if (versioned.found && !parse_semver(out.version) && !is_canonical_version(out.version)) {
    return std::nullopt;
  }
  const Cut names = cut(out.interface, ':');
  const Cut projection = cut(names.rest, '/');
  const bool valid = names.found && projection.found && is_kebab(names.head, Acronyms::Refused) &&
                     is_kebab(projection.head, Acronyms::Refused) && is_label(projection.rest);
  return valid ? std::optional(out) : std::nullopt;
}

std::optional<ExternName> parse_extern_name(std::string_view text) noexcept {
  using Kind = ExternName::Kind;
  if (text.starts_with(kConstructor)) {
    return parse_annotated(text, Kind::Constructor, kConstructor);
  }
  if (text.starts_with(kMethod)) {
    return parse_annotated(text, Kind::Method, kMethod);
  }
  if (text.starts_with(kStatic)) {
    return parse_annotated(text, Kind::Static, kStatic);
  }
  if (is_label(text)) {
    ExternName out;
    out.label = text;
    return out;
  }
  for (const std::string_view prefix : {"url=<", "unlocked-dep=<", "locked-dep=<", "integrity=<"}) {
    if (text.starts_with(prefix) && text.size() > prefix.size() && text.find('>') != text.npos) {
      ExternName out;
      out.kind = Kind::Url;
      return out;
    }
  }
  return parse_interface_name(text);
}

std::string uniqueness_key(std::string_view name) {
  std::string key(name);
  if (name.find('<') != std::string_view::npos) {
    return key;  // a URL or digest: no words that could be confused
  }
  std::ranges::transform(key, key.begin(), to_lower);
  using Kind = ExternName::Kind;
  const auto parsed = parse_extern_name(key);
  if (parsed && parsed->kind == Kind::Url) {
    return std::string(name);  // locations and digests are told apart to the letter
  }
  if (!parsed || (parsed->kind != Kind::Method && parsed->kind != Kind::Static)) {
    return key;
  }
  std::string folded(parsed->resource);
  if (parsed->resource != parsed->label) {
    folded += '.';
    folded += parsed->label;
  }
  return folded;
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 200;  // hostile names are not worth the quadratic time
  if (text.size() > kLongest) {
    return {};
  }
  const std::size_t limit = std::max<std::size_t>(2, text.size() / 4);
  std::size_t best = limit + 1;
  std::string out;
  for (const std::string& candidate : candidates) {
    const std::size_t found = distance(text, candidate, limit);
    if (found < best) {
      best = found;
      out = candidate;
    }
  }
  return out;
}

}  // namespace whorl::component
