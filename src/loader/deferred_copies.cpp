#include "loader/deferred_copies.hpp"

#include <utility>

namespace whorl::loader {

void DeferredCopies::add(const std::string& folder, CopyPlan plan) {
  of_[folder].plan = std::move(plan);
}

Result<void> DeferredCopies::make(const std::string& folder) {
  const auto found = of_.find(folder);
  if (found == of_.end()) {
    return {};
  }
  Copies& copies = found->second;
  const std::scoped_lock lock(copies.mutex);
  if (!copies.are_made) {
    WHORL_CHECKED(carry_out(copies.plan, folder));
    copies.are_made = true;
  }
  return {};
}

Result<void> DeferredCopies::make_all() {
  for (const auto& [folder, copies] : of_) {
    WHORL_CHECKED(make(folder));
  }
  return {};
}

}  // namespace whorl::loader
