/// A converted script: what `wasm-tools json-from-wast` makes of a .wast file.
///
/// A script.json with the binaries it names beside it. @thread any (values)
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <boost/json/array.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::conformance {

/// One line of a script.
enum class CommandKind : std::uint8_t {
  Module,
  ModuleDefinition,
  ModuleInstance,
  Register,
  Action,
  AssertReturn,
  AssertTrap,
  AssertExhaustion,
  AssertException,
  AssertInvalid,
  AssertMalformed,
  AssertUnlinkable,
  AssertUninstantiable,
  Other,  ///< threads, suspension, checks of custom sections: skipped
};

/// A call, or a look at a global.
struct Action {
  bool is_get = false;
  std::optional<std::string> module;  ///< instance; absent: the last one made
  std::string field;
  boost::json::array arguments;
};

struct Command {
  CommandKind kind = CommandKind::Other;
  std::string type;  ///< as written, for messages
  std::uint32_t line = 0;
  std::optional<std::string> name;      ///< Module, ModuleDefinition: what it is called; Register
  std::optional<std::string> instance;  ///< ModuleInstance: what the instance is called
  std::optional<std::string> module;    ///< ModuleInstance: of which definition
  std::string as;                       ///< Register
  std::string file;                     ///< path of the binary, or of text
  bool is_text = false;                 ///< only text is there, no binary: a test of text parsers
  std::string text;                     ///< expected message
  std::optional<Action> action;
  boost::json::array expected;  ///< AssertReturn
};

struct Script {
  std::string path;    ///< of the script.json
  std::string source;  ///< file name of the .wast
  std::vector<Command> commands;
};

/// @return InvalidInput for a file that is no converted script; what reading it says
[[nodiscard]] Result<Script> read_script(const std::string& path);

/// Bytes of a module or component of a script.
[[nodiscard]] Result<Bytes> read_binary(const std::string& path);

}  // namespace whorl::conformance
