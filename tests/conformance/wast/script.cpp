#include "script.hpp"

#include "fs/file.hpp"

#include <boost/json.hpp>

#include <array>
#include <filesystem>
#include <utility>

namespace whorl::conformance {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMaxScriptBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxBinaryBytes = std::uint64_t{256} << 20;

constexpr std::array<std::pair<std::string_view, CommandKind>, 13> kKinds = {{
    {"module", CommandKind::Module},
    {"module_definition", CommandKind::ModuleDefinition},
    {"module_instance", CommandKind::ModuleInstance},
    {"register", CommandKind::Register},
    {"action", CommandKind::Action},
    {"assert_return", CommandKind::AssertReturn},
    {"assert_trap", CommandKind::AssertTrap},
    {"assert_exhaustion", CommandKind::AssertExhaustion},
    {"assert_exception", CommandKind::AssertException},
    {"assert_invalid", CommandKind::AssertInvalid},
    {"assert_malformed", CommandKind::AssertMalformed},
    {"assert_unlinkable", CommandKind::AssertUnlinkable},
    {"assert_uninstantiable", CommandKind::AssertUninstantiable},
}};

std::optional<std::string> text_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  if (found == nullptr || !found->is_string()) {
    return std::nullopt;
  }
  return std::string(found->get_string());
}

json::array list_of(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr && found->is_array() ? found->get_array() : json::array();
}

std::optional<Action> action_of(const json::object& command) {
  const json::value* found = command.if_contains("action");
  if (found == nullptr || !found->is_object()) {
    return std::nullopt;
  }
  const json::object& object = found->get_object();
  Action out;
  out.is_get = text_of(object, "type") == "get";
  out.module = text_of(object, "module");
  out.field = text_of(object, "field").value_or("");
  out.arguments = list_of(object, "args");
  return out;
}

/// Where the binary is: a script may name the text it was written as, and the binary of that.
void find_file(const json::object& object, const std::filesystem::path& folder, Command& out) {
  const auto binary = text_of(object, "binary_filename");
  const auto file = text_of(object, "filename");
  if (!file) {
    return;
  }
  out.is_text = !binary && text_of(object, "module_type") == "text";
  out.file = (folder / binary.value_or(*file)).string();
}

Result<Command> read_command(const json::value& value, const std::filesystem::path& folder) {
  const json::object* object = value.if_object();
  const auto type = object == nullptr ? std::nullopt : text_of(*object, "type");
  if (!type) {
    return fail(ErrorKind::InvalidInput, "a command has no type");
  }
  Command out;
  out.type = *type;
  for (const auto& [name, kind] : kKinds) {
    out.kind = name == *type ? kind : out.kind;
  }
  if (const json::value* line = object->if_contains("line"); line != nullptr && line->is_int64()) {
    out.line = static_cast<std::uint32_t>(line->get_int64());
  }
  out.name = text_of(*object, "name");
  out.instance = text_of(*object, "instance");
  out.module = text_of(*object, "module");
  out.as = text_of(*object, "as").value_or("");
  out.text = text_of(*object, "text").value_or("");
  out.action = action_of(*object);
  out.expected = list_of(*object, "expected");
  find_file(*object, folder, out);
  return out;
}

}  // namespace

Result<Script> read_script(const std::string& path) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxScriptBytes));
  boost::system::error_code code;
  const json::value root = json::parse(as_text(bytes), code);
  const json::object* object = code ? nullptr : root.if_object();
  const json::value* commands = object == nullptr ? nullptr : object->if_contains("commands");
  if (commands == nullptr || !commands->is_array()) {
    return fail(ErrorKind::InvalidInput, "{} is not a converted script", fs::quote_path(path))
        .with_help("convert X.wast with: wasm-tools json-from-wast X.wast -o script.json");
  }
  Script out;
  out.path = path;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  out.source =
      std::filesystem::path(text_of(*object, "source_filename").value_or(path)).filename().string();
  for (const json::value& value : commands->get_array()) {
    WHORL_TRY(Command command, read_command(value, folder).context("reading {}", path));
    out.commands.push_back(std::move(command));
  }
  return out;
}

Result<Bytes> read_binary(const std::string& path) {
  return fs::read_file(path, kMaxBinaryBytes);
}

}  // namespace whorl::conformance
