/// AWS's files of profiles, `~/.aws/config` and `~/.aws/credentials`: sections of `name = value`.
/// Values may be secrets. @spec AWS SDKs and Tools Reference Guide, "config and credentials files"
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::remote {

/// In the config file a section is `[profile NAME]`, but for `[default]`; in the other `[NAME]`.
enum class AwsFile : std::uint8_t { Config, Credentials };

class AwsProfiles {
 public:
  using Profile = std::map<std::string, std::string, std::less<>>;

  /// Adds what a file says; for the same name in the same profile the file that was added last
  /// counts. Lines that are none of ours are passed over: other programs have settings there, too.
  void add(std::string_view text, AwsFile kind);

  /// Null when there is no such profile.
  [[nodiscard]] const Profile* find(std::string_view name) const noexcept;

 private:
  std::map<std::string, Profile, std::less<>> profiles_;
};

/// Nothing when it is not there, or empty.
[[nodiscard]] std::optional<std::string> find_setting(
    const AwsProfiles::Profile& profile, std::string_view name
);

}  // namespace whorl::host::remote
