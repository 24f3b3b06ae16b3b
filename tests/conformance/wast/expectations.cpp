#include "expectations.hpp"

#include "fs/file.hpp"

#include <charconv>

namespace whorl::conformance {

Result<Expectations> Expectations::read(const std::string& path) {
  constexpr std::uint64_t kMaxBytes = 1 << 20;
  WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxBytes));
  Expectations out;
  out.path_ = path;
  std::string_view rest = as_text(bytes);
  for (unsigned number = 1; !rest.empty(); ++number) {
    const auto end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const auto blank = line.find(' ');
    const auto colon = line.substr(0, blank).rfind(':');
    Entry entry;
    if (blank == std::string_view::npos || colon == std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "{}:{}: expected `PATH:LINE reason`", path, number);
    }
    const std::string_view digits = line.substr(colon + 1, blank - colon - 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), entry.line);
    entry.script = line.substr(0, colon);
    entry.reason = line.substr(blank + 1);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size() ||
        entry.reason.empty()) {
      return fail(ErrorKind::InvalidInput, "{}:{}: expected `PATH:LINE reason`", path, number);
    }
    out.entries_.push_back(std::move(entry));
  }
  return out;
}

bool Expectations::Entry::is_of(std::string_view path) const {
  return path.ends_with(script) &&
         (path.size() == script.size() || path[path.size() - script.size() - 1] == '/');
}

const std::string* Expectations::find(std::string_view script, std::uint32_t line) const {
  for (const Entry& entry : entries_) {
    if (entry.line == line && entry.is_of(script)) {
      return &entry.reason;
    }
  }
  return nullptr;
}

void Expectations::met(std::string_view script, std::uint32_t line) {
  for (Entry& entry : entries_) {
    entry.is_met = entry.is_met || (entry.line == line && entry.is_of(script));
  }
}

std::vector<std::string> Expectations::unmet(std::string_view script) const {
  std::vector<std::string> out;
  for (const Entry& entry : entries_) {
    if (entry.is_of(script) && !entry.is_met) {
      out.push_back(fmt::format(
          "{}:{}: does not fail; take it off the list {}", entry.script, entry.line, path_
      ));
    }
  }
  return out;
}

}  // namespace whorl::conformance
