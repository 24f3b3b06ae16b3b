/// Environment: the variables of the process as credentials see them; a map in tests. @thread any
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::remote {

class Environment {
 public:
  /// The process's own.
  Environment() = default;
  explicit Environment(std::map<std::string, std::string, std::less<>> instead)
      : instead_(std::move(instead)) {}

  /// Nothing when it is not set, or empty.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;

 private:
  std::optional<std::map<std::string, std::string, std::less<>>> instead_;
};

}  // namespace whorl::host::remote
