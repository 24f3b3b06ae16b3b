/// wasi:cli: environment, arguments and standard streams as the context has them; no terminal, no
/// current directory.
#pragma once

#include "wasi/context.hpp"
#include "wit/wasi_cli_environment.hpp"
#include "wit/wasi_cli_exit.hpp"
#include "wit/wasi_cli_stderr.hpp"
#include "wit/wasi_cli_stdin.hpp"
#include "wit/wasi_cli_stdout.hpp"
#include "wit/wasi_cli_terminal_stderr.hpp"
#include "wit/wasi_cli_terminal_stdin.hpp"
#include "wit/wasi_cli_terminal_stdout.hpp"

namespace whorl::wasi::p2 {

class EnvironmentHost final : public wit::wasi_cli_environment::Host {
 public:
  explicit EnvironmentHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<std::vector<std::tuple<std::string, std::string>>>
  get_environment(component::Call& call) override;
  [[nodiscard]] component::HostResult<std::vector<std::string>> get_arguments(component::Call& call
  ) override;
  [[nodiscard]] component::HostResult<std::optional<std::string>> initial_cwd(component::Call& call
  ) override;

 private:
  const InstanceContext& context_;
};

/// Ends the guest; the code is in the trap.
class ExitHost final : public wit::wasi_cli_exit::Host {
 public:
  [[nodiscard]] component::HostResult<> exit(
      component::Call& call, std::expected<void, component::Unit> status
  ) override;
  [[nodiscard]] component::HostResult<> exit_with_code(
      component::Call& call, std::uint8_t status_code
  ) override;
};

/// Standard input; of a service, ended from the start.
class StdinHost final : public wit::wasi_cli_stdin::Host {
 public:
  explicit StdinHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_io_streams::InputStream>> get_stdin(
      component::Call& call
  ) override;

 private:
  const InstanceContext& context_;
};

class StdoutHost final : public wit::wasi_cli_stdout::Host {
 public:
  explicit StdoutHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_io_streams::OutputStream>>
  get_stdout(component::Call& call) override;

 private:
  const InstanceContext& context_;
};

class StderrHost final : public wit::wasi_cli_stderr::Host {
 public:
  explicit StderrHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<component::Own<wit::wasi_io_streams::OutputStream>>
  get_stderr(component::Call& call) override;

 private:
  const InstanceContext& context_;
};

class TerminalStdinHost final : public wit::wasi_cli_terminal_stdin::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_input::TerminalInput>>>
  get_terminal_stdin(component::Call& call) override;
};

class TerminalStdoutHost final : public wit::wasi_cli_terminal_stdout::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_output::TerminalOutput>>>
  get_terminal_stdout(component::Call& call) override;
};

class TerminalStderrHost final : public wit::wasi_cli_terminal_stderr::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_output::TerminalOutput>>>
  get_terminal_stderr(component::Call& call) override;
};

}  // namespace whorl::wasi::p2
