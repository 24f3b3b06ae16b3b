/// wasi:cli, what 0.2 and 0.3 have alike: environment and arguments as the context has them, no
/// current directory; the end of a guest. @thread shard
#pragma once

#include "wasi/context.hpp"
#include "wit/wasi_cli_environment.hpp"
#include "wit/wasi_cli_environment_p3.hpp"
#include "wit/wasi_cli_exit.hpp"
#include "wit/wasi_cli_exit_p3.hpp"

namespace whorl::wasi {

class EnvironmentHost final : public wit::wasi_cli_environment::Host,
                              public wit::wasi_cli_environment_p3::Host {
 public:
  /// @param context  outlives this object
  explicit EnvironmentHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<std::vector<std::tuple<std::string, std::string>>>
  get_environment(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::vector<std::string>> get_arguments(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> initial_cwd(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> get_initial_cwd(
      component::Call& call
  ) override;

 private:
  const InstanceContext& context_;
};

/// Ends the guest; the code is in the trap.
class ExitHost final : public wit::wasi_cli_exit::Host, public wit::wasi_cli_exit_p3::Host {
 public:
  [[nodiscard]] component::HostResult<> exit(
      component::Call& call, std::expected<void, component::Unit> status
  ) override;
  [[nodiscard]] component::HostResult<> exit_with_code(
      component::Call& call, std::uint8_t status_code
  ) override;
};

}  // namespace whorl::wasi
