#include "wasi/p2/cli.hpp"

#include "wasi/p2/streams.hpp"

#include <fmt/format.h>

namespace whorl::wasi::p2 {
namespace {

std::unexpected<component::HostTrap> exit_trap(int code) {
  return std::unexpected(component::HostTrap{
      engine::TrapKind::Exit, fmt::format("the guest exited with status {}", code), code
  });
}

component::Own<wit::wasi_io_streams::OutputStream> output(
    const InstanceContext& context, OutputSink& sink
) {
  return std::make_unique<OutputStream>(context.timers, std::make_shared<OutputSinkStream>(sink));
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

component::HostResult<> ExitHost::exit(
    component::Call&, std::expected<void, component::Unit> status
) {
  return exit_trap(status ? 0 : 1);
}

component::HostResult<> ExitHost::exit_with_code(component::Call&, std::uint8_t status_code) {
  return exit_trap(status_code);
}

component::HostResult<component::Own<wit::wasi_io_streams::InputStream>>
StdinHost::get_stdin(component::Call&) {
  std::shared_ptr<ByteSource> source;
  if (context_.standard_input != nullptr) {
    source = std::make_shared<InputSourceStream>(*context_.standard_input);
  } else {
    source = std::make_shared<EndedSource>();
  }
  return std::make_unique<InputStream>(context_.timers, std::move(source));
}

component::HostResult<component::Own<wit::wasi_io_streams::OutputStream>>
StdoutHost::get_stdout(component::Call&) {
  return output(context_, context_.standard_output);
}

component::HostResult<component::Own<wit::wasi_io_streams::OutputStream>>
StderrHost::get_stderr(component::Call&) {
  return output(context_, context_.standard_error);
}

component::HostResult<std::optional<component::Own<wit::wasi_cli_terminal_input::TerminalInput>>>
TerminalStdinHost::get_terminal_stdin(component::Call&) {
  return std::nullopt;
}

component::HostResult<std::optional<component::Own<wit::wasi_cli_terminal_output::TerminalOutput>>>
TerminalStdoutHost::get_terminal_stdout(component::Call&) {
  return std::nullopt;
}

component::HostResult<std::optional<component::Own<wit::wasi_cli_terminal_output::TerminalOutput>>>
TerminalStderrHost::get_terminal_stderr(component::Call&) {
  return std::nullopt;
}

}  // namespace whorl::wasi::p2
