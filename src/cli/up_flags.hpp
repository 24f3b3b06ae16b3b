/// The flags of `up`: which there are, and what a command line that uses them asks for.
#pragma once

#include "base/result.hpp"
#include "cli/arguments.hpp"
#include "cli/cli.hpp"
#include "cli/runtime_config.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::cli {

/// Every flag of Spin's `up` and its HTTP trigger, and ours.
[[nodiscard]] std::span<const FlagSpec> up_flags();
/// The flag of that name, which must exist.
[[nodiscard]] const FlagSpec& up_flag(std::string_view name);

/// What `up`'s own flags say.
struct OwnFlags {
  enum class Source : std::uint8_t { Default, Any, File, Registry };
  Source source = Source::Default;
  std::string from;  ///< as given
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> components;  ///< empty: all
  std::string profile;                  ///< empty: the anonymous one
  std::string temp;                     ///< folder for copies of files; empty: a temporary one
  std::string cache_dir;                ///< of downloads; empty: the default one
  bool direct_mounts = false;
  bool transient_write = false;  ///< a flag of the trigger's that decides about loading
  bool build = false;
};

/// A usage error, or the value.
template <class T>
using Understood = std::variant<T, UsageError>;

[[nodiscard]] Understood<OwnFlags> read_own_flags(const ScannedArguments& arguments);

/// What the other flags and the environment say. Paths are made absolute where Spin does.
/// `state_dir` and `log_dir` of the result hold what was given; a path that was not given is left
/// to apply_default_folders().
struct TriggerFlags {
  ScannedArguments arguments;          ///< what it was read from
  UpRequest request;                   ///< without the app
  std::vector<std::string> variables;  ///< values of `--variable`, in forms that are understood
  bool has_state_dir = false;
  bool has_log_dir = false;         ///< the runtime config says where, or that there is none
  std::string runtime_config_file;  ///< as given; empty: none
  std::string cache_file;           ///< a Wasmtime cache configuration, as given; empty: none
  std::vector<VariablesProviderConfig> providers;  ///< of the runtime config
};
[[nodiscard]] Understood<TriggerFlags> read_trigger_flags(const ScannedArguments& arguments);

/// Adds what the files that were named and the engine's environment variables say, where no flag
/// says otherwise. Blocks (reads files).
/// @return errors: those of the files and variables
[[nodiscard]] Result<void> apply_settings(TriggerFlags& flags);

/// Puts state and logs beside the manifest, unless said otherwise.
void apply_default_folders(TriggerFlags& flags, const app::LockedApp& app);

}  // namespace whorl::cli
