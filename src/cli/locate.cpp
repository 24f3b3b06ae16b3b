#include "cli/locate.hpp"

#include "fs/file.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace whorl::cli {
namespace {

constexpr std::string_view kManifestName = "spin.toml";
constexpr std::size_t kMaxParents = 19;
constexpr std::size_t kMaxTagBytes = 128;
constexpr std::size_t kSha256HexBytes = 64;

bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool is_word(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTagBytes && is_word(text[0]) &&
         std::ranges::all_of(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  return text.starts_with(kAlgorithm) && text.size() == kAlgorithm.size() + kSha256HexBytes &&
         std::ranges::all_of(text.substr(kAlgorithm.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_repository(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) {
    return false;
  }
  return std::ranges::all_of(
             text,
             [](char c) {
               return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-' || c == '/';
             }
         ) &&
         !text.contains("//") && !text.contains("..");
}

/// Takes what follows the last `mark` off the end of `name`, unless a slash comes after it.
std::string_view take_after(std::string_view& name, char mark) {
  const auto at = name.rfind(mark);
  const auto slash = name.rfind('/');
  if (at == std::string_view::npos || (slash != std::string_view::npos && slash > at)) {
    return {};
  }
  const std::string_view taken = name.substr(at + 1);
  name = name.substr(0, at);
  return taken;
}

Error registry_error(std::string_view reference) {
  return Error(ErrorKind::Unsupported, "registry references are not supported yet")
      .context(fmt::format(
          "cannot pull Spin application from registry reference {}", fs::quote_path(reference)
      ));
}

/// Spin's words for the folders above: parent, grandparent, great-grandparent, …
std::string ancestor_name(std::size_t level) {
  std::string out;
  for (std::size_t i = 2; i < level; ++i) {
    out += "great-";
  }
  return out + (level == 1 ? "parent" : "grandparent");
}

AppLocation location_of(std::string path) {
  const std::string_view extension = fs::extension(path);
  const bool is_wasm = extension == "wasm" || extension == "wat";
  return {
      .kind = is_wasm ? AppLocation::Kind::BareWasm : AppLocation::Kind::Manifest,
      .path = std::move(path)
  };
}

/// A file or folder that the operator named.
Result<AppLocation> from_path(const std::string& path) {
  switch (fs::kind_of(path)) {
    case fs::Kind::File:
      return location_of(path);
    case fs::Kind::Directory: {
      std::string inside = fs::join(path, kManifestName);
      if (fs::kind_of(inside) != fs::Kind::File) {
        return fail(
            ErrorKind::NotFound,
            "Directory {} does not contain a file named '{}'",
            path,
            kManifestName
        );
      }
      return AppLocation{.kind = AppLocation::Kind::Manifest, .path = std::move(inside)};
    }
    case fs::Kind::Missing:
      return fail(ErrorKind::NotFound, "No such file or directory '{}'", path);
    case fs::Kind::Other:
      break;
  }
  return fail(ErrorKind::InvalidInput, "Path {} is neither a file nor a directory", path);
}

Result<AppLocation> from_anything(const std::string& name) {
  if (fs::kind_of(name) != fs::Kind::Missing) {
    return from_path(name);
  }
  if (looks_like_image(name)) {
    return registry_error(name);
  }
  return fail(
      ErrorKind::NotFound,
      "File or directory '{}' not found. If you meant to load from a registry, use the "
      "`--from-registry` option.",
      name
  );
}

/// The manifest of one of the folders above; empty when there is none.
std::string search_parents(std::string& note) {
  std::string folder;
  for (std::size_t level = 1; level <= kMaxParents; ++level) {
    folder += "../";
    std::string path = folder + std::string(kManifestName);
    if (fs::kind_of(path) == fs::Kind::File) {
      note = fmt::format(
          "No 'spin.toml' in current directory. Using 'spin.toml' from {} directory ({})\n",
          ancestor_name(level),
          path
      );
      return path;
    }
    if (fs::kind_of(folder + ".git") != fs::Kind::Missing) {
      break;
    }
  }
  return {};
}

Result<AppLocation> search(const std::optional<std::string>& stray, std::string& note) {
  if (fs::kind_of(std::string(kManifestName)) == fs::Kind::File) {
    return AppLocation{.kind = AppLocation::Kind::Manifest, .path = std::string(kManifestName)};
  }
  if (stray) {
    return fail(
        ErrorKind::NotFound,
        "Default file 'spin.toml' not found. Did you mean `whorl up -f {}`?`",
        *stray
    );
  }
  if (std::string path = search_parents(note); !path.empty()) {
    return AppLocation{.kind = AppLocation::Kind::Manifest, .path = std::move(path)};
  }
  return fail(
      ErrorKind::NotFound,
      "Default file 'spin.toml' not found. Run `whorl up --from <APPLICATION>`, or `whorl up "
      "--help` for usage."
  );
}

}  // namespace

std::string AppLocation::describe() const {
  return fmt::format(
      "{} {}", kind == Kind::Manifest ? "local app" : "Wasm file", fs::quote_path(path)
  );
}

Result<AppLocation> locate_app(
    const OwnFlags& flags, const std::optional<std::string>& stray, std::string& note
) {
  switch (flags.source) {
    case OwnFlags::Source::Any:
      return from_anything(flags.from);
    case OwnFlags::Source::File:
      return from_path(flags.from);
    case OwnFlags::Source::Registry:
      return registry_error(flags.from);
    case OwnFlags::Source::Default:
      break;
  }
  return search(stray, note);
}

Result<std::string> locate_manifest(const std::string& from, std::string& note) {
  if (!from.empty()) {
    WHORL_TRY(AppLocation found, from_path(from));
    return std::move(found.path);
  }
  if (fs::kind_of(std::string(kManifestName)) == fs::Kind::File) {
    return std::string(kManifestName);
  }
  std::string path = search_parents(note);
  if (path.empty()) {
    return fail(ErrorKind::NotFound, "{} not found", fs::quote_path(kManifestName));
  }
  return path;
}

bool looks_like_image(std::string_view name) {
  bool has_digest = false;
  if (name.contains('@')) {
    has_digest = is_digest(take_after(name, '@'));
    if (!has_digest) {
      return false;
    }
  }
  bool has_tag = false;
  if (const std::string_view tag = take_after(name, ':'); !tag.empty()) {
    has_tag = is_tag(tag);
    if (!has_tag) {
      return false;
    }
  }
  const auto slash = name.find('/');
  const std::string_view first = name.substr(0, slash);
  const bool has_registry = slash != std::string_view::npos && !first.starts_with('.') &&
                            (first.contains('.') || first.contains(':') || first == "localhost") &&
                            std::ranges::all_of(first, [](char c) {
                              return is_word(c) || c == '.' || c == ':' || c == '-';
                            });
  const std::string_view repository = has_registry ? name.substr(slash + 1) : name;
  return is_repository(repository) && (has_tag || has_digest || has_registry);
}

}  // namespace whorl::cli
