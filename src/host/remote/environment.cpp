#include "host/remote/environment.hpp"

#include <cstdlib>

namespace whorl::host::remote {

std::optional<std::string> Environment::find(std::string_view name) const {
  if (instead_) {
    const auto found = instead_->find(name);
    return found == instead_->end() || found->second.empty() ? std::nullopt
                                                             : std::optional(found->second);
  }
  const char* value = std::getenv(std::string(name).c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace whorl::host::remote
