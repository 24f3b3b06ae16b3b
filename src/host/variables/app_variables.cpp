#include "host/variables/app_variables.hpp"

#include "app/template.hpp"

#include <fmt/format.h>

namespace whorl::host::variables {
namespace {

constexpr std::size_t kMaxValueBytes = std::size_t{16} * 1024 * 1024;

/// What the providers say of a variable.
struct Asked {
  Result<std::optional<std::string>> value{std::optional<std::string>()};
  bool is_remote_failure = false;
};

Asked ask(const Providers& providers, const std::string& name) {
  for (const auto& provider : providers) {
    Asked asked{.value = provider->find(name)};
    asked.is_remote_failure = !asked.value && provider->is_remote();
    if (!asked.value || *asked.value) {
      return asked;
    }
  }
  return {};
}

Error missing_error(std::string_view name) {
  return fail(ErrorKind::NotFound, "no provider resolved required variable \"{}\"", name);
}

Result<app::Template> parse(std::string_view text) {
  auto parsed = app::Template::parse(text);
  if (!parsed) {
    return fail(ErrorKind::InvalidInput, "invalid variable template: {}", parsed.error().message());
  }
  return parsed;
}

Error unknown_variable(std::string_view name) {
  return fail(ErrorKind::InvalidInput, "invalid variable template: unknown variable \"{}\"", name);
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
    Asked asked = ask(providers, name);
    if (!asked.value) {
      values.emplace(name, asked.value.take_error());
      if (!variable.default_value && !asked.is_remote_failure) {
        missing.push_back(name);
      }
    } else if (*asked.value) {
      values.emplace(name, *std::move(*asked.value));
    } else if (variable.default_value) {
      values.emplace(name, *variable.default_value);
    } else {
      values.emplace(name, missing_error(name));
      missing.push_back(name);
    }
  }
  auto out = std::make_shared<const AppVariables>(std::move(values), std::move(missing));
  for (const app::Component& component : app.components) {
    WHORL_CHECKED(out->check_templates(component));
  }
  return std::shared_ptr<const AppVariables>(std::move(out));
}

Result<void> AppVariables::check_template(std::string_view text) const {
  WHORL_TRY(const app::Template parsed, parse(text));
  for (const std::string_view name : parsed.variables()) {
    if (!values_.contains(name)) {
      return unknown_variable(name);
    }
  }
  return {};
}

Result<void> AppVariables::check_templates(const app::Component& component) const {
  for (const auto& [name, text] : component.variables) {
    if (auto checked = check_template(text); !checked) {
      return checked.take_error()
          .context("failed to configure app")
          .with_help(fmt::format(
              "see `{}` among the variables of component \"{}\"; `[variables]` declares those of "
              "the application",
              name,
              component.id
          ));
    }
  }
  return {};
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
  WHORL_TRY(const app::Template parsed, parse(text));
  std::size_t length = 0;
  return parsed.resolve([&](std::string_view name) -> Result<std::string> {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      return unknown_variable(name);
    }
    if (!found->second) {
      return found->second.error().clone();
    }
    length += found->second->size();
    if (length > kMaxValueBytes) {
      return fail(
          ErrorKind::ResourceLimit, "the value would be longer than {} bytes", kMaxValueBytes
      );
    }
    return *found->second;
  });
}

std::shared_ptr<const ComponentVariables> AppVariables::of(const app::Component& component) const {
  ComponentVariables::Values values;
  for (const auto& [name, text] : component.variables) {
    values.emplace(name, expand(text));
  }
  return std::make_shared<const ComponentVariables>(std::move(values), component.id);
}

}  // namespace whorl::host::variables
