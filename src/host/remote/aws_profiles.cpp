#include "host/remote/aws_profiles.hpp"

#include <algorithm>

namespace whorl::host::remote {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// A remark begins with `#` or `;` after a blank.
std::string_view without_remark(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if ((text[i] == '#' || text[i] == ';') && kBlanks.contains(text[i - 1])) {
      return trim(text.substr(0, i));
    }
  }
  return text;
}

/// The name of a profile in the brackets of a section; nothing for sections of other things.
std::optional<std::string_view> name_in(std::string_view section, AwsFile kind) {
  if (kind == AwsFile::Credentials || section == "default") {
    return section;
  }
  constexpr std::string_view kWord = "profile";
  if (!section.starts_with(kWord) || section.size() == kWord.size() ||
      !kBlanks.contains(section[kWord.size()])) {
    return std::nullopt;
  }
  std::string_view name = trim(section.substr(kWord.size()));
  if (name.size() >= 2 && name.front() == name.back() &&
      (name.front() == '"' || name.front() == '\'')) {
    name = name.substr(1, name.size() - 2);
  }
  return name;
}

}  // namespace

void AwsProfiles::add(std::string_view text, AwsFile kind) {
  Profile* profile = nullptr;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view whole = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view line = trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') {
      continue;
    }
    if (line.front() == '[') {
      const auto name = name_in(trim(line.substr(1, line.find(']') - 1)), kind);
      profile = name ? &profiles_[std::string(*name)] : nullptr;
      continue;
    }
    // What is indented belongs to the setting above it.
    const auto equals = line.find('=');
    if (profile != nullptr && equals != std::string_view::npos &&
        !kBlanks.contains(whole.front())) {
      (*profile)[std::string(trim(line.substr(0, equals)))] =
          without_remark(trim(line.substr(equals + 1)));
    }
  }
}

const AwsProfiles::Profile* AwsProfiles::find(std::string_view name) const noexcept {
  const auto found = profiles_.find(name);
  return found == profiles_.end() ? nullptr : &found->second;
}

std::optional<std::string> find_setting(
    const AwsProfiles::Profile& profile, std::string_view name
) {
  const auto found = profile.find(name);
  return found == profile.end() || found->second.empty() ? std::nullopt
                                                         : std::optional(found->second);
}

}  // namespace whorl::host::remote
