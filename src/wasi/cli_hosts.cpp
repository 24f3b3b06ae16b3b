#include "wasi/cli_hosts.hpp"

#include <fmt/format.h>

namespace whorl::wasi {
namespace {

std::unexpected<component::HostTrap> exit_trap(int code) {
  return std::unexpected(component::HostTrap{
      engine::TrapKind::Exit, fmt::format("the guest exited with status {}", code), code
  });
}

}  // namespace

component::HostResult<std::vector<std::tuple<std::string, std::string>>>
EnvironmentHost::get_environment(component::Call&) {
  return std::vector<std::tuple<std::string, std::string>>(
      context_.environment.begin(), context_.environment.end()
  );
}

component::HostResult<std::vector<std::string>> EnvironmentHost::get_arguments(component::Call&) {
  return std::vector<std::string>(context_.arguments.begin(), context_.arguments.end());
}

component::HostResult<std::optional<std::string>> EnvironmentHost::initial_cwd(component::Call&) {
  return std::nullopt;
}

component::HostResult<std::optional<std::string>>
EnvironmentHost::get_initial_cwd(component::Call&) {
  return std::nullopt;
}

component::HostResult<> ExitHost::exit(
    component::Call&, std::expected<void, component::Unit> status
) {
  return exit_trap(status ? 0 : 1);
}

component::HostResult<> ExitHost::exit_with_code(component::Call&, std::uint8_t status_code) {
  return exit_trap(status_code);
}

}  // namespace whorl::wasi
