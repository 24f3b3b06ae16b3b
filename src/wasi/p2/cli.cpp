#include "wasi/p2/cli.hpp"

#include "wasi/p2/streams.hpp"

namespace whorl::wasi::p2 {
namespace {

component::Own<wit::wasi_io_streams::OutputStream> output(
    const InstanceContext& context, OutputSink& sink
) {
  return std::make_unique<OutputStream>(context.timers, make_local<OutputSinkStream>(sink));
}

}  // namespace

component::HostResult<component::Own<wit::wasi_io_streams::InputStream>>
StdinHost::get_stdin(component::Call&) {
  LocalPtr<ByteSource> source;
  if (context_.standard_input != nullptr) {
    source = make_local<InputSourceStream>(*context_.standard_input);
  } else {
    source = make_local<EndedSource>();
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
