/// Command: a WASI command run for one event: what it is given and what becomes of what it writes.
/// @thread shard
#pragma once

#include "engine/types.hpp"
#include "wasi/context.hpp"
#include "wasi/input_source.hpp"
#include "wasi/output_sink.hpp"

#include <expected>
#include <string>
#include <vector>

namespace whorl::runtime {

class Command {
 public:
  virtual ~Command() = default;

  /// All of it: the component's own variables are the caller's to put in.
  [[nodiscard]] virtual const std::vector<wasi::EnvironmentVariable>& environment() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& arguments() const = 0;
  [[nodiscard]] virtual wasi::InputSource& input() = 0;
  [[nodiscard]] virtual wasi::OutputSink& output() = 0;
  /// The command has ended: well, which includes an exit with status 0, or by a trap. Once, off the
  /// fiber. What the command returned beside a trap counts as well.
  virtual void ended(const std::expected<void, engine::Trap>& outcome) = 0;
};

}  // namespace whorl::runtime
