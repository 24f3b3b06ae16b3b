/// Settings of files that the host serves itself: `[component.<id>.tool.whorl.static_files]`.
///
/// A `tool` table is read by the tool it is named after and by nobody else, so the manifest stays
/// valid for Spin, where the component answers the same requests. In a locked application it is
/// `whorl.static_files` of the component's metadata. @thread any (values)
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace whorl::app {

/// The name of the tool table, and of the table in a component's metadata.
inline constexpr const char* kOwnTool = "whorl";

struct StaticFiles {
  /// Who answers when there is no such file.
  enum class Missing : std::uint8_t { Component, NotFound, File };

  std::string path = "/";  ///< of the guest: the folder that is served; no slash at its end but "/"
  std::string index = "index.html";  ///< served for a folder; empty: nothing is
  Missing missing = Missing::Component;
  std::string missing_file{};  ///< with File: below `path`, with a leading slash; answered with 200
  std::string cache_control{};  ///< the field's value; empty: none
  [[nodiscard]] bool operator==(const StaticFiles&) const = default;
};

/// Nothing where the component asks for nothing.
/// @return errors: InvalidInput (an unknown key, a value of another type, a path that is none, a
///         folder that is in none of the component's `files`), with the component's id
[[nodiscard]] Result<std::optional<StaticFiles>> static_files(const Component& component);

}  // namespace whorl::app
