/// Where the values of application variables come from.
///
/// Providers are asked when an application is configured, on the main thread; what they said is
/// kept (app_variables.hpp). They hold secrets: nothing here has a text form. @thread main
#pragma once

#include "base/result.hpp"
#include "host/variables/dotenv.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::variables {

class Provider {
 public:
  virtual ~Provider() = default;
  /// @return the value; nothing when another provider is to be asked; an error when it cannot tell.
  ///         The error's message reaches guests
  [[nodiscard]] virtual Result<std::optional<std::string>> find(std::string_view name) const = 0;
  /// Whether it is asked over the network: that it cannot be reached now does not keep an
  /// application from starting.
  [[nodiscard]] virtual bool is_remote() const noexcept { return false; }
};

/// Values that are there already, such as those of `--variable`.
class StaticProvider final : public Provider {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;
  explicit StaticProvider(Values values) : values_(std::move(values)) {}
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view name) const override;

 private:
  Values values_;
};

/// `<PREFIX>_<NAME>` of the process's environment, falling back to a file of such variables.
class EnvironmentProvider final : public Provider {
 public:
  static constexpr std::string_view kDefaultPrefix = "SPIN_VARIABLE";

  /// @param dotenv_path  read at once; a missing file is as good as none, a malformed one makes
  ///                     every look-up fail that gets to it; "" for none
  EnvironmentProvider(std::string prefix, const std::string& dotenv_path);
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view name) const override;

 private:
  std::string prefix_;
  Result<DotenvEntries> file_;
};

}  // namespace whorl::host::variables
