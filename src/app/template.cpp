#include "app/template.hpp"

#include <algorithm>

namespace whorl::app {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  constexpr std::string_view kOpen = "{{";
  constexpr std::string_view kClose = "}}";
  Template out;
  while (!text.empty()) {
    const auto open = text.find(kOpen);
    if (open != 0) {
      out.parts_.push_back({.is_variable = false, .text = std::string(text.substr(0, open))});
    }
    if (open == std::string_view::npos) {
      break;
    }
    text.remove_prefix(open + kOpen.size());
    const auto close = text.find(kClose);
    if (close == std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "unmatched '{{{{' in template");
    }
    out.parts_.push_back({.is_variable = true, .text = std::string(trimmed(text.substr(0, close)))}
    );
    text.remove_prefix(close + kClose.size());
  }
  return out;
}

bool Template::is_literal() const noexcept {
  return std::ranges::none_of(parts_, &Part::is_variable);
}

std::vector<std::string_view> Template::variables() const {
  std::vector<std::string_view> out;
  for (const Part& part : parts_) {
    if (part.is_variable) {
      out.emplace_back(part.text);
    }
  }
  return out;
}

}  // namespace whorl::app
