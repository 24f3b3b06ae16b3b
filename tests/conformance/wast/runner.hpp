/// Runs the commands of scripts and says what became of each. @thread one
#pragma once

#include "component_world.hpp"
#include "compose.hpp"
#include "core_world.hpp"
#include "script.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

namespace whorl::conformance {

/// How much of a script is run.
enum class Depth : std::uint8_t {
  Run,       ///< everything
  Validate,  ///< modules are only checked; what needs an instance is skipped
};

/// What became of a command.
struct Verdict {
  enum class Kind : std::uint8_t { Passed, Failed, Skipped };
  Kind kind = Kind::Passed;
  std::string wanted;    ///< Failed
  std::string happened;  ///< Failed; why, if Skipped; for Passed what is worth a look
};

class ScriptRunner {
 public:
  ScriptRunner(std::shared_ptr<engine::Engine> engine, Checks checks, Depth depth);

  /// Runs the next command of the script. One runner for each script.
  [[nodiscard]] Verdict run(const Command& command);

 private:
  using Definition = std::variant<ComponentWorld::Definition, std::shared_ptr<const Bytes>>;
  using Instance = std::variant<std::shared_ptr<LiveComponent>, CoreInstanceId>;

  [[nodiscard]] Verdict run_module(const Command& command);
  [[nodiscard]] Verdict run_definition(const Command& command);
  [[nodiscard]] Verdict run_instance(const Command& command);
  [[nodiscard]] Verdict run_register(const Command& command);
  [[nodiscard]] Verdict run_action(const Command& command);
  [[nodiscard]] Verdict run_return(const Command& command);
  [[nodiscard]] Verdict run_trap(const Command& command);
  [[nodiscard]] Verdict run_refusal(const Command& command);
  [[nodiscard]] Verdict run_unlinkable(const Command& command);
  [[nodiscard]] Verdict run_uninstantiable(const Command& command);

  [[nodiscard]] Outcome<> validate(ByteView bytes);
  [[nodiscard]] Outcome<Definition> define(const Bytes& bytes, const std::string& name);
  [[nodiscard]] Outcome<Instance> instantiate(const Definition& definition);
  [[nodiscard]] Outcome<> perform(const Action& action, const boost::json::array* expected);
  [[nodiscard]] Outcome<Instance> find(const std::optional<std::string>& name) const;
  void forget(const std::optional<std::string>& name);
  void remember(const std::string& name, const Instance& instance, const Bytes& bytes);

  Depth depth_;
  CoreWorld core_;
  ComponentWorld components_;
  std::unordered_map<std::string, Definition> definitions_;
  std::optional<Definition> last_definition_;
  std::unordered_map<std::string, Instance> instances_;
  std::optional<Instance> last_instance_;
  NamedComponents named_;  ///< components of named instances, to be imported
  std::unordered_map<std::string, Bytes> definition_bytes_;
  Bytes last_definition_bytes_;
  std::unordered_map<std::string, std::string> not_loaded_;  ///< why, by name; "" is the last one
};

/// Whether a trap can't be the one that a script expects, judged by the few texts that name a cause
/// of core WebAssembly without doubt. @return why not; empty if it can
[[nodiscard]] std::string explain_trap(std::string_view expected, const engine::Trap& trap);

}  // namespace whorl::conformance
