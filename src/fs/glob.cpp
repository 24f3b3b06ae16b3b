#include "fs/glob.hpp"

#include "fs/file.hpp"

#include <algorithm>
#include <span>

namespace whorl::fs {
namespace {

constexpr std::string_view kAnyDepth = "**";

bool has_wildcard(std::string_view segment) {
  return segment.find_first_of("*?[") != std::string_view::npos;
}

/// Replaces the first `{…}` by each of its parts, again and again.
Result<void> expand(const std::string& pattern, std::vector<std::string>& out) {
  const auto open = pattern.find('{');
  if (open == std::string::npos) {
    if (out.size() == Glob::kMaxAlternatives) {
      return fail(
          ErrorKind::ResourceLimit, "the pattern has more than {} alternatives", out.size()
      );
    }
    out.push_back(pattern);
    return {};
  }
  std::size_t depth = 0;
  std::size_t begin = open + 1;
  for (std::size_t at = open; at < pattern.size(); ++at) {
    const char c = pattern[at];
    depth += c == '{' ? 1 : 0;
    const bool ends_part = depth == 1 && (c == ',' || c == '}');
    if (c == '}') {
      --depth;
    }
    if (!ends_part) {
      continue;
    }
    // The rest begins behind the brace that closes this one.
    std::size_t close = at;
    for (std::size_t inner = c == ',' ? 1 : 0; inner > 0;) {
      ++close;
      if (close >= pattern.size()) {
        return fail(ErrorKind::InvalidInput, "the pattern '{}' has no closing brace", pattern);
      }
      inner += pattern[close] == '{' ? 1 : 0;
      inner -= pattern[close] == '}' ? 1 : 0;
    }
    WHORL_CHECKED(expand(
        pattern.substr(0, open) + pattern.substr(begin, at - begin) + pattern.substr(close + 1), out
    ));
    if (c == '}') {
      return {};
    }
    begin = at + 1;
  }
  return fail(ErrorKind::InvalidInput, "the pattern '{}' has no closing brace", pattern);
}

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> out;
  while (true) {
    const auto slash = path.find('/');
    out.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) {
      return out;
    }
    path.remove_prefix(slash + 1);
  }
}

/// Matches a set at the front of `pattern` and takes it off. An unclosed one is literal text.
bool match_set(std::string_view& pattern, char c) {
  const auto close = pattern.find(']', pattern.size() > 1 && pattern[1] == '!' ? 3 : 2);
  if (close == std::string_view::npos) {
    pattern.remove_prefix(1);
    return c == '[';
  }
  std::string_view set = pattern.substr(1, close - 1);
  pattern.remove_prefix(close + 1);
  const bool is_negated = set.starts_with('!') || set.starts_with('^');
  set.remove_prefix(is_negated ? 1 : 0);
  bool is_in = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const bool is_range = i + 2 < set.size() && set[i + 1] == '-';
    const auto low = static_cast<unsigned char>(set[i]);
    const auto high = static_cast<unsigned char>(is_range ? set[i + 2] : set[i]);
    const auto wanted = static_cast<unsigned char>(c);
    is_in |= low <= wanted && wanted <= high;
    i += is_range ? 2 : 0;
  }
  return is_in != is_negated;
}

/// One segment against one pattern; a star that fails is tried one character later.
bool match_segment(std::string_view pattern, std::string_view text) {
  std::string_view star_pattern;
  std::string_view star_text;
  bool has_star = false;
  while (true) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      star_pattern = pattern;
      star_text = text;
      has_star = true;
      continue;
    }
    bool is_match = false;
    if (pattern.empty() || text.empty()) {
      is_match = pattern.empty() && text.empty();
      if (is_match) {
        return true;
      }
    } else if (pattern.front() == '[') {
      is_match = match_set(pattern, text.front());
    } else {
      is_match = pattern.front() == '?' || pattern.front() == text.front();
      pattern.remove_prefix(1);
    }
    if (is_match) {
      text.remove_prefix(1);
      continue;
    }
    if (!has_star || star_text.empty()) {
      return false;
    }
    star_text.remove_prefix(1);
    text = star_text;
    pattern = star_pattern;
  }
}

/// Row by row over the segments of the path, which stays quadratic whatever the pattern is.
bool match_segments(std::span<const std::string> pattern, std::span<const std::string> path) {
  std::vector<char> row(path.size() + 1, 0);  // row[j]: the pattern so far matches j segments
  row[0] = 1;
  for (const std::string& segment : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    for (std::size_t j = 0; j <= path.size(); ++j) {
      if (segment == kAnyDepth) {
        next[j] = static_cast<char>(row[j] != 0 || (j > 0 && next[j - 1] != 0));
      } else if (j > 0) {
        next[j] = static_cast<char>(row[j - 1] != 0 && match_segment(segment, path[j - 1]));
      }
    }
    row = std::move(next);
  }
  return row[path.size()] != 0;
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  if (pattern.size() > kMaxBytes) {
    return fail(ErrorKind::ResourceLimit, "the pattern is longer than {} bytes", kMaxBytes);
  }
  std::vector<std::string> expanded;
  WHORL_CHECKED(expand(std::string(pattern), expanded));
  Glob out;
  for (const std::string& one : expanded) {
    out.alternatives_.push_back(split(normalised(one)));
  }
  return out;
}

bool Glob::matches(std::string_view path) const {
  const auto segments = split(path);
  return std::ranges::any_of(alternatives_, [&](const Segments& alternative) {
    return match_segments(alternative, segments);
  });
}

std::vector<Glob::Root> Glob::roots() const {
  std::vector<Root> out;
  for (const Segments& segments : alternatives_) {
    Root root;
    std::size_t literal = 0;
    while (literal + 1 < segments.size() && !has_wildcard(segments[literal])) {
      root.folder += (literal == 0 ? "" : "/") + segments[literal];
      ++literal;
    }
    if (root.folder.empty() && literal > 0) {
      root.folder = "/";
    }
    root.is_deep = literal + 1 < segments.size() || segments.back() == kAnyDepth;
    if (std::ranges::find(out, root) == out.end()) {
      out.push_back(std::move(root));
    }
  }
  return out;
}

}  // namespace whorl::fs
