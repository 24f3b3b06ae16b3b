#include "cli/plugins.hpp"

#include "app/json.hpp"
#include "cli/version.hpp"
#include "fs/file.hpp"
#include "fs/process.hpp"
#include "manifest/requirement.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

namespace whorl::cli {
namespace {

/// The Spin whose contract is kept; plugins ask for a range of versions.
constexpr std::string_view kSpinVersion = "4.1.0";
constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{1} << 20;

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// A name becomes part of a path.
bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

}  // namespace

std::string data_folder() {
  if (std::string given = from_environment("SPIN_DATA_DIR"); !given.empty()) {
    return given;
  }
  if (const std::string data = from_environment("XDG_DATA_HOME"); !data.empty()) {
    return fs::join(data, "spin");
  }
  return fs::join(from_environment("HOME"), ".local/share/spin");
}

Result<std::optional<std::string>> find_plugin(std::string_view name) {
  if (!is_plain(name)) {
    return std::optional<std::string>();
  }
  const std::string plugins = fs::join(data_folder(), "plugins");
  std::string program = fs::join(plugins, fmt::format("{0}/{0}", name));
  if (::access(program.c_str(), X_OK) == 0 && fs::kind_of(program) == fs::Kind::File) {
    WHORL_TRY(program, fs::absolute(program));
    return std::optional(std::move(program));
  }
  const std::string manifest = fs::join(plugins, fmt::format("manifests/{}.json", name));
  if (fs::kind_of(manifest) == fs::Kind::File) {
    return fail(
        ErrorKind::NotFound,
        "plugin executable {} is missing. Try uninstalling and installing the plugin '{}' again.",
        program,
        name
    );
  }
  return std::optional<std::string>();
}

Result<void> check_compatible(std::string_view name) {
  const std::string path = fs::join(data_folder(), fmt::format("plugins/manifests/{}.json", name));
  if (!is_plain(name) || fs::kind_of(path) != fs::Kind::File) {
    return {};
  }
  WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxManifestBytes));
  const auto invalid = [&](std::string_view why) {
    return fail(
        ErrorKind::InvalidInput, "invalid manifest for plugin '{}' at {}: {}", name, path, why
    );
  };
  const auto json = app::parse_json(as_text(bytes), kMaxManifestBytes);
  if (!json) {
    return invalid(json.error().message());
  }
  const app::Value* asked = json->find("spinCompatibility");
  if (asked == nullptr || asked->as_string() == nullptr) {
    return invalid("missing field `spinCompatibility`");
  }
  const std::string& range = *asked->as_string();
  const auto requirement = manifest::Requirement::parse(range);
  if (!requirement) {
    return fail(
        ErrorKind::InvalidInput,
        "Could not parse manifest compatibility version {} as valid semver",
        range
    );
  }
  WHORL_TRY(const manifest::Version actual, manifest::parse_version(kSpinVersion));
  if (requirement->matches(actual)) {
    return {};
  }
  return fail(
      ErrorKind::Unsupported,
      "Plugin is not compatible with this version of Spin (supported: {}, actual: {}). Try running "
      "`spin plugins update && spin plugins upgrade --all` to install latest or override with "
      "`--override-compatibility-check`.",
      range,
      kSpinVersion
  );
}

bool is_in_catalogue(std::string_view name) {
  return is_plain(name) &&
         fs::kind_of(fs::join(
             data_folder(), fmt::format("plugins/.spin-plugins/manifests/{0}/{0}.json", name)
         )) == fs::Kind::File;
}

std::string own_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  return size <= 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(size));
}

std::vector<std::pair<std::string, std::string>> plugin_environment() {
  // "0.1.0 (1a2b3c4 2026-08-21)"
  const std::string_view version = version_text();
  const auto open = version.find('(');
  const std::string_view commit =
      open == std::string_view::npos ? std::string_view() : version.substr(open + 1);
  const std::string sha(commit.substr(0, commit.find(' ')));
  const std::string date =
      commit.size() > sha.size() ? std::string(commit.substr(sha.size() + 1, 10)) : std::string();
  return {
      {"SPIN_VERSION", std::string(kSpinVersion)},
      {"SPIN_VERSION_MAJOR", "4"},
      {"SPIN_VERSION_MINOR", "1"},
      {"SPIN_VERSION_PATCH", "0"},
      {"SPIN_VERSION_PRE", ""},
      {"SPIN_COMMIT_SHA", sha},
      {"SPIN_COMMIT_DATE", date},
      {"SPIN_BRANCH", ""},
      {"SPIN_BUILD_DATE", date},
      {"SPIN_TARGET_TRIPLE", "x86_64-unknown-linux-gnu"},
      {"SPIN_DEBUG", "false"},
      {"SPIN_BIN_PATH", own_path()},
  };
}

Result<std::optional<int>> run_plugin(
    std::string_view name, std::span<const std::string_view> arguments
) {
  WHORL_TRY(const auto program, find_plugin(name));
  if (!program) {
    return std::optional<int>();
  }
  std::vector<std::string> words = {*program};
  bool is_checked = true;
  for (const std::string_view argument : arguments) {
    if (argument == "--override-compatibility-check") {
      is_checked = false;
    } else {
      words.emplace_back(argument);
    }
  }
  if (is_checked) {
    WHORL_CHECKED(check_compatible(name));
  }
  WHORL_TRY(
      auto process,
      fs::Process::start_program(words, {.environment = plugin_environment()})
          .context("cannot run the plugin '{}'", name)
  );
  const fs::ProcessEnd end = process.wait();
  return std::optional(end.kind == fs::ProcessEnd::Kind::Exited ? end.value : 1);
}

}  // namespace whorl::cli
