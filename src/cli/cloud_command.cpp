#include "cli/cloud_command.hpp"

#include "cli/plugins.hpp"
#include "log/terminal.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <vector>

namespace whorl::cli {
namespace {

constexpr int kStdout = 1;
constexpr int kStderr = 2;

}  // namespace

Result<int> run_cloud(std::string_view verb, std::span<const std::string_view> arguments) {
  const char* plugin = std::getenv("SPIN_DEPLOY_PLUGIN");
  if (plugin == nullptr || *plugin == '\0') {
    // Which stream gets which line is Spin's choice.
    log::write_all(
        kStderr,
        fmt::format(
            "Error: `whorl {}` needs to be told which deployment plugin to use. Either:\n", verb
        )
    );
    log::write_all(
        kStdout,
        fmt::format(
            "* Run a plugin command (e.g. `whorl <plugin> {}`); or\n"
            "* Set the `SPIN_DEPLOY_PLUGIN` environment variable.\n",
            verb
        )
    );
    return fail(ErrorKind::InvalidInput, "Unable to {}", verb);
  }
  std::vector<std::string_view> words = {verb};
  words.insert(words.end(), arguments.begin(), arguments.end());
  WHORL_TRY(const auto code, run_plugin(plugin, words));
  if (!code) {
    return fail(
        ErrorKind::NotFound, "the plugin '{}' of SPIN_DEPLOY_PLUGIN is not installed", plugin
    );
  }
  return *code;
}

}  // namespace whorl::cli
