/// The variables of one application, with their values, and what its components see of them.
///
/// Resolved once when an application is configured: the first provider that has a value wins, then
/// the manifest's default. A value that could not be had is an error of whoever asks for it.
/// Values may be secrets: nothing here prints them. @thread any (immutable)
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "host/variables/provider.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::variables {

/// Providers in the order they are asked.
using Providers = std::vector<std::unique_ptr<Provider>>;

/// A component's own table: names and values, or why there is none.
class ComponentVariables {
 public:
  using Values = std::map<std::string, Result<std::string>, std::less<>>;
  explicit ComponentVariables(Values values, std::string component = {})
      : values_(std::move(values)), component_(std::move(component)) {}

  /// The id of whose table this is.
  [[nodiscard]] const std::string& component() const noexcept [[clang::lifetimebound]] {
    return component_;
  }

  /// Null when the component has none of that name.
  [[nodiscard]] const Result<std::string>* find(std::string_view name) const noexcept
      [[clang::lifetimebound]];
  [[nodiscard]] const Values& all() const noexcept [[clang::lifetimebound]] { return values_; }

 private:
  Values values_;
  std::string component_;
};

class AppVariables {
 public:
  /// Asks the providers for every variable and checks the templates of every component.
  /// @return errors: InvalidInput (a template that is malformed or names no variable), in Spin's
  ///         words
  [[nodiscard]] static Result<std::shared_ptr<const AppVariables>> resolve(
      const app::LockedApp& app, const Providers& providers
  );

  /// Whether everything required has a value.
  /// @return errors: NotFound, naming all that have none
  [[nodiscard]] Result<void> check_required() const;

  /// Fills in a text of the manifest such as an allowed host.
  /// @return errors: InvalidInput (as resolve()), or what the provider said
  [[nodiscard]] Result<std::string> expand(std::string_view text) const;

  /// What one component of the application sees.
  [[nodiscard]] std::shared_ptr<const ComponentVariables> of(const app::Component& component) const;

  /// For resolve().
  using Values = std::map<std::string, Result<std::string>, std::less<>>;
  explicit AppVariables(Values values, std::vector<std::string> missing)
      : values_(std::move(values)), missing_(std::move(missing)) {}

 private:
  [[nodiscard]] Result<void> check_template(std::string_view text) const;
  [[nodiscard]] Result<void> check_templates(const app::Component& component) const;

  Values values_;
  std::vector<std::string> missing_;  ///< names without value and without a provider's error
};

}  // namespace whorl::host::variables
