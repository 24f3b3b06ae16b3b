#include "wasi/p3/cli.hpp"

#include "wit/wasi_cli_types_p3_abi.hpp"

namespace whorl::wasi::p3 {
namespace {

CliError to_cli_error(const IoError&) {
  return CliError::Io;
}

DoneFuture<CliError> write_output(ByteReader data, OutputSink& sink) {
  return write_channel<CliError>(
      std::move(data), make_local<p2::OutputSinkStream>(sink), CliError::Pipe, to_cli_error
  );
}

}  // namespace

component::HostResult<ReadChannel<CliError>> StdinHost::read_via_stream(component::Call&) {
  LocalPtr<ByteSource> source;
  if (context_.standard_input != nullptr) {
    source = make_local<p2::InputSourceStream>(*context_.standard_input);
  } else {
    source = make_local<p2::EndedSource>();
  }
  return read_channel<CliError>(std::move(source), to_cli_error);
}

component::HostResult<DoneFuture<CliError>> StdoutHost::write_via_stream(
    component::Call&, ByteReader data
) {
  return write_output(std::move(data), context_.standard_output);
}

component::HostResult<DoneFuture<CliError>> StderrHost::write_via_stream(
    component::Call&, ByteReader data
) {
  return write_output(std::move(data), context_.standard_error);
}

component::HostResult<std::optional<component::Own<wit::wasi_cli_terminal_input_p3::TerminalInput>>>
TerminalStdinHost::get_terminal_stdin(component::Call&) {
  return std::nullopt;
}

component::HostResult<
    std::optional<component::Own<wit::wasi_cli_terminal_output_p3::TerminalOutput>>>
TerminalStdoutHost::get_terminal_stdout(component::Call&) {
  return std::nullopt;
}

component::HostResult<
    std::optional<component::Own<wit::wasi_cli_terminal_output_p3::TerminalOutput>>>
TerminalStderrHost::get_terminal_stderr(component::Call&) {
  return std::nullopt;
}

}  // namespace whorl::wasi::p3
