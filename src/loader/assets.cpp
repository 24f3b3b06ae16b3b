#include "loader/assets.hpp"

#include "fs/file.hpp"
#include "loader/glob.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace whorl::loader {
namespace {

constexpr std::string_view kFilesUrl =
    "https://spinframework.dev/writing-apps#including-files-with-components";

Error invalid(std::string message, std::source_location where = std::source_location::current()) {
  return Error(ErrorKind::InvalidInput, std::move(message), where);
}

/// Finds what one entry after the other means.
class Planner {
 public:
  Planner(
      const std::string& app_folder,
      std::vector<GlobPattern> excluded,
      std::vector<std::string>& warnings
  )
      : app_(app_folder), excluded_(std::move(excluded)), warnings_(warnings) {}

  Result<void> add(const manifest::FileGrant& grant) {
    return grant.destination ? add_placement(grant.source, *grant.destination)
                             : add_pattern(grant.source);
  }
  CopyPlan take() { return std::move(plan_); }

 private:
  Result<void> add_pattern(const std::string& pattern) {
    WHORL_CHECKED(check_end(pattern));
    warn_of_everything(pattern);
    const fs::Kind kind = fs::kind_of(fs::join(app_, pattern));
    if (kind == fs::Kind::Missing) {
      if (!looks_like_glob(pattern)) {
        return fail(
            ErrorKind::NotFound,
            "{} does not exist and doesn't appear to be a glob pattern",
            fs::quote_path(pattern)
        );
      }
      return add_glob(pattern);
    }
    if (kind == fs::Kind::Directory) {
      // Its files lie under the folder's name, and there under their paths with that name again:
      // that is where programs written for Spin look for them.
      WHORL_CHECKED(check_relative(pattern, true));
      return add_tree(pattern, pattern, pattern);
    }
    WHORL_CHECKED(check_relative(pattern, false));
    return add_file(pattern, pattern, Origin::Pattern);
  }

  Result<void> add_placement(const std::string& source, const std::string& destination) {
    switch (fs::kind_of(fs::join(app_, source))) {
      case fs::Kind::Missing:
        return fail(
            ErrorKind::NotFound, "File or directory {} does not exist", fs::quote_path(source)
        );
      case fs::Kind::Directory: {
        const std::string inside = source.starts_with('/') ? relative_to_app(source) : source;
        if (source.starts_with('/') && inside == source) {
          return outside(fs::join(source, "**/*"));
        }
        if (!path_below(destination)) {
          return climbs(destination);
        }
        return add_tree(inside, destination, "");
      }
      case fs::Kind::File:
      case fs::Kind::Other:
        if (source.starts_with('/') && relative_to_app(source) == source) {
          return invalid("prefix not found")
              .with_help(fmt::format("{} is outside of {}", source, app_));
        }
        WHORL_CHECKED(check_file_name(source, destination));
        return add_file(source, destination, Origin::Placement);
    }
    return {};
  }

  enum class Origin : std::uint8_t { Pattern, Placement };

  /// One file, at a path below the component's folder.
  Result<void> add_file(const std::string& source, const std::string& target, Origin origin) {
    const std::string full = fs::join(app_, source);
    if (fs::kind_of(full) != fs::Kind::File) {
      return invalid(fmt::format("{} is neither a file nor a folder", fs::quote_path(source)));
    }
    const auto below = path_below(target);
    if (!below) {
      if (origin == Origin::Placement) {
        return climbs(target);
      }
      warn_of_leaving(source);
      return {};
    }
    plan_.files[*below] = full;
    return {};
  }

  /// What a pattern matches, at the same paths as in the application.
  Result<void> add_glob(std::string pattern) {
    if (pattern.starts_with('/')) {
      const std::string inside = relative_to_app(pattern);
      if (inside == pattern) {
        return outside(pattern);
      }
      pattern = inside;
    }
    WHORL_TRY(const std::vector<std::string> finds, find(app_, pattern));
    bool has_left = false;
    for (const std::string& path : finds) {
      has_left = !add_find(path, path) || has_left;
    }
    if (has_left) {
      warn_of_leaving(pattern);
    }
    return {};
  }

  /// All files of a folder, under a target.
  /// @param repeated  stands between the target and a file's path in the folder
  Result<void> add_tree(
      const std::string& folder, const std::string& target, const std::string& repeated
  ) {
    if (const auto below = path_below(target); below && !below->empty()) {
      plan_.folders.push_back(*below);
    }
    WHORL_TRY(const std::vector<std::string> finds, find(fs::join(app_, folder), "**/*"));
    bool has_left = false;
    for (const std::string& path : finds) {
      const std::string under = fs::join(target.empty() ? "." : target, repeated);
      has_left = !add_find(fs::join(folder, path), fs::join(under, path)) || has_left;
    }
    if (has_left) {
      warn_of_leaving(folder);
    }
    return {};
  }

  static Result<std::vector<std::string>> find(
      const std::string& folder, const std::string& pattern
  ) {
    return glob_files(folder, pattern)
        .context("Failed to resolve glob pattern {}", fs::quote_path(fs::join(folder, pattern)));
  }

  /// @param path  relative to the application
  /// @return false when the target is none that the component could see
  bool add_find(const std::string& path, const std::string& target) {
    if (is_excluded(fs::normalised(path))) {
      return true;
    }
    const auto below = path_below(target);
    if (below) {
      plan_.files[*below] = fs::join(app_, path);
    }
    return below.has_value();
  }

  [[nodiscard]] bool is_excluded(const std::string& path) const {
    return std::ranges::any_of(excluded_, [&](const GlobPattern& pattern) {
      return pattern.matches(path);
    });
  }

  static Result<void> check_end(std::string_view pattern) {
    const std::string_view last = fs::file_name(pattern);
    if (last != "." && last != "..") {
      return {};
    }
    return invalid(fmt::format(
        "A file pattern can't end in a {} directory path ({})\n"
        "If you want to include a directory, use source-destination form, or a glob pattern ending "
        "in **/*.\n"
        "Learn more: {}",
        last == "." ? "current" : "parent",
        last,
        kFilesUrl
    ));
  }

  Result<void> check_relative(const std::string& path, bool is_folder) const {
    if (!path.starts_with('/')) {
      return {};
    }
    if (is_folder && relative_to_app(path) == path) {
      return outside(fs::join(path, "**/*"));
    }
    return invalid("prefix not found")
        .with_help(
            "name files relative to the manifest, or as { source = \"…\", destination = "
            "\"…\" }"
        );
  }

  /// The target of a single file must be a name.
  Result<void> check_file_name(const std::string& source, const std::string& destination) const {
    const std::string_view last = fs::file_name(destination);
    if (!destination.empty() && !destination.ends_with('/') && last != "." && last != "..") {
      return {};
    }
    return invalid(
               fmt::format("{} is not a valid destination file name", fs::quote_path(destination))
    )
        .context(fmt::format("Failed to copy {}", fs::quote_path(fs::join(app_, source))));
  }

  static Error climbs(
      const std::string& destination, std::source_location where = std::source_location::current()
  ) {
    return invalid(
               fmt::format(
                   "destination {} leads out of the component's files", fs::quote_path(destination)
               ),
               where
    )
        .with_help("a destination is a path that the component sees, as \"/assets\"");
  }

  static Error outside(
      const std::string& pattern, std::source_location where = std::source_location::current()
  ) {
    return invalid(
        fmt::format(
            "{} cannot be mapped because it is outside the application directory. Files must be "
            "within the application directory.",
            pattern
        ),
        where
    );
  }

  /// The path without the application's folder in front, if that is in front of it.
  [[nodiscard]] std::string relative_to_app(const std::string& path) const {
    return path.starts_with(app_ + "/") ? path.substr(app_.size() + 1) : path;
  }

  void warn_of_everything(std::string_view pattern) {
    const bool is_tree = pattern == "**/*";
    if (pattern != "*" && !is_tree) {
      return;
    }
    warnings_.push_back(fmt::format(
        "A component is including the entire application directory{} as asset files. This is "
        "unlikely to be what you want.\n"
        "If this is what you want, use the pattern \"./{}\" to avoid this warning.\n"
        "Learn more: {}\n",
        is_tree ? " tree" : "",
        pattern,
        kFilesUrl
    ));
  }

  void warn_of_leaving(const std::string& pattern) {
    warnings_.push_back(fmt::format(
        "The component does not see what {} matches outside of the application directory. Give it "
        "a "
        "place: {{ source = \"…\", destination = \"…\" }}",
        fs::quote_path(pattern)
    ));
  }

  const std::string& app_;
  std::vector<GlobPattern> excluded_;
  std::vector<std::string>& warnings_;
  CopyPlan plan_;
};

}  // namespace

std::optional<std::string> path_below(std::string_view path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  std::string normal = path.empty() ? "" : fs::normalised(path);
  if (normal == "..") {
    return std::nullopt;
  }
  if (normal.starts_with("../")) {
    return std::nullopt;
  }
  return normal == "." ? "" : normal;
}

Result<CopyPlan> plan_copies(
    std::span<const manifest::FileGrant> grants,
    std::span<const std::string> excluded,
    const std::string& app_folder,
    std::vector<std::string>& warnings
) {
  std::vector<GlobPattern> patterns;
  for (const std::string& text : excluded) {
    WHORL_TRY(
        GlobPattern pattern,
        GlobPattern::parse(text).context(
            "Invalid exclude_files glob pattern {}", fs::quote_path(text)
        )
    );
    patterns.push_back(std::move(pattern));
  }
  Planner planner(app_folder, std::move(patterns), warnings);
  for (const manifest::FileGrant& grant : grants) {
    WHORL_CHECKED(planner.add(grant));
  }
  return planner.take();
}

}  // namespace whorl::loader
