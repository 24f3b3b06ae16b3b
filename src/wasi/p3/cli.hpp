/// wasi:cli of 0.3: standard streams as the context has them; no terminal. What 0.2 and 0.3 share
/// is in wasi/cli_hosts.hpp.
#pragma once

#include "wasi/context.hpp"
#include "wasi/p3/channels.hpp"
#include "wit/wasi_cli_stderr_p3.hpp"
#include "wit/wasi_cli_stdin_p3.hpp"
#include "wit/wasi_cli_stdout_p3.hpp"
#include "wit/wasi_cli_terminal_stderr_p3.hpp"
#include "wit/wasi_cli_terminal_stdin_p3.hpp"
#include "wit/wasi_cli_terminal_stdout_p3.hpp"

namespace whorl::wasi::p3 {

using CliError = wit::wasi_cli_types_p3::ErrorCode;

/// Standard input; of a service, ended from the start.
class StdinHost final : public wit::wasi_cli_stdin_p3::Host {
 public:
  explicit StdinHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<ReadChannel<CliError>> read_via_stream(component::Call& call
  ) override;

 private:
  const InstanceContext& context_;
};

class StdoutHost final : public wit::wasi_cli_stdout_p3::Host {
 public:
  explicit StdoutHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<DoneFuture<CliError>> write_via_stream(
      component::Call& call, ByteReader data
  ) override;

 private:
  const InstanceContext& context_;
};

class StderrHost final : public wit::wasi_cli_stderr_p3::Host {
 public:
  explicit StderrHost(const InstanceContext& context) noexcept : context_(context) {}
  [[nodiscard]] component::HostResult<DoneFuture<CliError>> write_via_stream(
      component::Call& call, ByteReader data
  ) override;

 private:
  const InstanceContext& context_;
};

class TerminalStdinHost final : public wit::wasi_cli_terminal_stdin_p3::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_input_p3::TerminalInput>>>
  get_terminal_stdin(component::Call& call) override;
};

class TerminalStdoutHost final : public wit::wasi_cli_terminal_stdout_p3::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_output_p3::TerminalOutput>>>
  get_terminal_stdout(component::Call& call) override;
};

class TerminalStderrHost final : public wit::wasi_cli_terminal_stderr_p3::Host {
 public:
  [[nodiscard]] component::HostResult<
      std::optional<component::Own<wit::wasi_cli_terminal_output_p3::TerminalOutput>>>
  get_terminal_stderr(component::Call& call) override;
};

}  // namespace whorl::wasi::p3
