#include "host/variables/app_variables.hpp"

#include <fmt/format.h>

namespace whorl::host::variables {
namespace {

constexpr std::size_t kMaxValueBytes = std::size_t{16} * 1024 * 1024;

Result<std::optional<std::string>> ask(const Providers& providers, const std::string& name) {
  for (const auto& provider : providers) {
    WHORL_TRY(std::optional<std::string> value, provider->find(name));
    if (value) {
      return value;
    }
  }
  return std::optional<std::string>();
}

Error missing_error(std::string_view name) {
  return fail(ErrorKind::NotFound, "no provider resolved required variable \"{}\"", name);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlanks);
  return begin == std::string_view::npos
             ? std::string_view()
             : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// Calls `text(piece)` and `name(name)` for the parts of a template, in order, until one fails.
template <class Text, class Name>
Result<void> for_each_part(std::string_view rest, Text text, Name name) {
  while (true) {
    const auto open = rest.find("{{");
    text(rest.substr(0, open));
    if (open == std::string_view::npos) {
      return {};
    }
    const auto close = rest.find("}}", open + 2);
    if (close == std::string_view::npos) {
      return fail(
          ErrorKind::InvalidInput, "invalid variable template: unmatched '{{{{' in template"
      );
    }
    WHORL_CHECKED(name(trimmed(rest.substr(open + 2, close - open - 2))));
    rest = rest.substr(close + 2);
  }
}

}  // namespace

const Result<std::string>* ComponentVariables::find(std::string_view name) const noexcept {
  const auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

Result<std::shared_ptr<const AppVariables>> AppVariables::resolve(
    const app::LockedApp& app, const Providers& providers
) {
  Values values;
  std::vector<std::string> missing;
  for (const auto& [name, variable] : app.variables) {
    auto asked = ask(providers, name);
    if (!asked) {
      values.emplace(name, asked.take_error());
      // At the start only what is certainly missing counts; but nobody can give this one.
      if (!variable.default_value) {
        missing.push_back(name);
      }
    } else if (*asked) {
      values.emplace(name, *std::move(*asked));
    } else if (variable.default_value) {
      values.emplace(name, *variable.default_value);
    } else {
      values.emplace(name, missing_error(name));
      missing.push_back(name);
    }
  }
  auto out = std::make_shared<const AppVariables>(std::move(values), std::move(missing));
  for (const app::Component& component : app.components) {
    for (const auto& [name, text] : component.variables) {
      const auto known = for_each_part(
          text,
          [](std::string_view) {},
          [&](std::string_view wanted) -> Result<void> {
            return out->values_.contains(wanted)
                       ? Result<void>()
                       : fail(
                             ErrorKind::InvalidInput,
                             "invalid variable template: unknown variable \"{}\"",
                             wanted
                         );
          }
      );
      if (!known) {
        return known.error()
            .clone()
            .context("failed to configure app")
            .with_help(fmt::format(
                "see `{}` among the variables of component \"{}\"; `[variables]` declares those of "
                "the application",
                name,
                component.id
            ));
      }
    }
  }
  return std::shared_ptr<const AppVariables>(std::move(out));
}

Result<void> AppVariables::check_required() const {
  if (missing_.empty()) {
    return {};
  }
  std::string names;
  for (const std::string& name : missing_) {
    names += fmt::format("{}Key(\"{}\")", names.empty() ? "" : ", ", name);
  }
  std::string why = fmt::format("no provider resolved required variable(s): [{}]", names);
  std::string top = "provider error: " + why;
  return fail(ErrorKind::NotFound, "{}", why)
      .context(std::move(top))
      .with_help(fmt::format(
          "pass --variable {}=VALUE, or set the environment variable {}_<NAME>",
          missing_.front(),
          EnvironmentProvider::kDefaultPrefix
      ));
}

Result<std::string> AppVariables::expand(std::string_view text) const {
  std::string out;
  WHORL_CHECKED(for_each_part(
      text,
      [&](std::string_view piece) { out += piece; },
      [&](std::string_view name) -> Result<void> {
        const auto found = values_.find(name);
        if (found == values_.end()) {
          return fail(
              ErrorKind::InvalidInput, "invalid variable template: unknown variable \"{}\"", name
          );
        }
        if (!found->second) {
          return found->second.error().clone();
        }
        out += *found->second;
        return out.size() <= kMaxValueBytes ? Result<void>()
                                            : fail(
                                                  ErrorKind::ResourceLimit,
                                                  "the value would be longer than {} bytes",
                                                  kMaxValueBytes
                                              );
      }
  ));
  return out;
}

std::shared_ptr<const ComponentVariables> AppVariables::of(const app::Component& component) const {
  ComponentVariables::Values values;
  for (const auto& [name, text] : component.variables) {
    values.emplace(name, expand(text));
  }
  return std::make_shared<const ComponentVariables>(std::move(values));
}

}  // namespace whorl::host::variables
