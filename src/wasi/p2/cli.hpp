/// wasi:cli: standard streams as the context has them; no terminal. What 0.2 and 0.3 share is in
/// wasi/cli_hosts.hpp.
#pragma once

#include "wasi/context.hpp"
#include "wit/wasi_cli_stderr.hpp"
#include "wit/wasi_cli_stdin.hpp"
#include "wit/wasi_cli_stdout.hpp"
#include "wit/wasi_cli_terminal_stderr.hpp"
#include "wit/wasi_cli_terminal_stdin.hpp"
#include "wit/wasi_cli_terminal_stdout.hpp"

namespace whorl::wasi::p2 {

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
