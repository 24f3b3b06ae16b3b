#include "cli/flag_reader.hpp"

#include "cli/values.hpp"
#include "fs/file.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace whorl::cli {

std::optional<std::string> given(const ScannedArguments& arguments, const FlagSpec& spec) {
  std::vector<std::string> values = arguments.values(spec.name);
  if (!values.empty()) {
    return std::move(values.back());
  }
  if (spec.environment.empty()) {
    return std::nullopt;
  }
  const char* text = std::getenv(std::string(spec.environment).c_str());
  return text == nullptr ? std::nullopt : std::optional<std::string>(text);
}

std::vector<std::string> FlagReader::all(std::string_view name) const {
  std::vector<std::string> values = arguments_.values(name);
  if (values.empty()) {
    const FlagSpec& spec = up_flag(name);
    if (auto text = given(arguments_, spec); text && (spec.may_be_empty || !text->empty())) {
      values.push_back(*std::move(text));
    }
  }
  return values;
}

bool FlagReader::is_on(std::string_view name) {
  if (arguments_.has(name)) {
    return true;
  }
  bool on = false;
  const FlagSpec& spec = up_flag(name);
  const auto text = given(arguments_, spec);
  if (text && !error_) {
    auto value = parse_switch(*text);
    on = value && *value;
    if (!value) {
      error_ = invalid_value(spec, *text, value.error().message());
    }
  }
  return on;
}

std::optional<std::string> FlagReader::path(std::string_view name) {
  const FlagSpec& spec = up_flag(name);
  auto text = given(arguments_, spec);
  if (!text || error_) {
    return std::nullopt;
  }
  if (text->empty()) {
    if (!spec.may_be_empty) {
      error_ = UsageError{
          .message =
              fmt::format("a value is required for '{}' but none was supplied", spec.to_text()),
          .usage = {},
          .cause = {}
      };
      return std::nullopt;
    }
    return text;
  }
  auto absolute = fs::absolute(*text);
  if (!absolute) {
    error_ = invalid_value(spec, *text, absolute.error().to_line());
    return std::nullopt;
  }
  return *std::move(absolute);
}

}  // namespace whorl::cli
