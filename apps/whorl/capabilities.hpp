/// Capabilities: what the program offers to guests beyond WASI, and the settings each is given. The
/// one place that names concrete capabilities and their backends.
#pragma once

#include "cli/cli.hpp"
#include "host/capability.hpp"
#include "host/variables/variables_capability.hpp"

#include <array>
#include <memory>
#include <vector>

namespace whorl {

/// The capabilities of one application; needed until its components are prepared.
class AppCapabilities {
 public:
  void add(std::unique_ptr<const host::AppCapability> capability) {
    pointers_.push_back(capability.get());
    list_.push_back(std::move(capability));
  }
  [[nodiscard]] std::span<const host::AppCapability* const> all() const noexcept {
    return pointers_;
  }

 private:
  std::vector<std::unique_ptr<const host::AppCapability>> list_;
  std::vector<const host::AppCapability*> pointers_;
};

/// Of the process; outlives the platform and everything that is served. @thread main
class Capabilities {
 public:
  Capabilities() = default;
  Capabilities(const Capabilities&) = delete;
  Capabilities& operator=(const Capabilities&) = delete;

  /// For runtime::Platform::create(), which links them.
  [[nodiscard]] auto all() noexcept { return std::array<host::Capability*, 1>{&variables_}; }
  /// Gives an application its settings. After all() was linked.
  /// @return errors: those of the capabilities, InvalidInput mostly
  [[nodiscard]] Result<AppCapabilities> configure(
      const cli::UpRequest& request, const cli::Runnable& runnable
  );

 private:
  host::variables::VariablesCapability variables_;
};

}  // namespace whorl
