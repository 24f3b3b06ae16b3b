#include "build/target_worlds.hpp"

#include "app/json.hpp"
#include "build/known_environments.hpp"
#include "component/names.hpp"
#include "fs/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace whorl::build {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kDefaultRegistry = "spinframework.dev";
constexpr std::string_view kLockFile = ".spin/target-environments.lock";
constexpr std::uint64_t kMaxLockBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kMaxPackageBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxWitFile = std::uint64_t{4} << 20;
/// Files of a folder of WIT, and folders of its `deps`.
constexpr std::size_t kMaxEntries = 2000;

/// A download kept in memory.
class TextSink final : public loader::ByteSink {
 public:
  Result<void> expect(std::uint64_t bytes) override {
    return bytes > kMaxEnvironmentBytes ? too_long() : Result<void>();
  }
  Result<void> write(ByteView part) override {
    if (part.size() > kMaxEnvironmentBytes - text.size()) {
      return too_long();
    }
    text += as_text(part);
    return {};
  }
  std::string text;

 private:
  static Error too_long() {
    return fail(
        ErrorKind::ResourceLimit, "the description is longer than {} bytes", kMaxEnvironmentBytes
    );
  }
};

/// A folder as messages show it and as paths are joined with it: never empty.
std::string folder_of(std::string_view path) {
  const std::string_view parent = fs::parent(path);
  return parent.empty() ? std::string(".") : std::string(parent);
}

struct Described {
  std::string name;
  std::string folder;  ///< what its paths are relative to; empty: the working folder
  Environment environment;
};

Result<Described> from_file(const manifest::Target& target, const TargetChecks& checks) {
  const std::string path = fs::join(folder_of(checks.manifest_path), target.text);
  auto bytes = fs::read_file(path, kMaxEnvironmentBytes);
  if (!bytes) {
    // The step's own context would repeat the path.
    return fail(bytes.error().kind(), "{}", bytes.error().message())
        .context(fmt::format("unable to read target environment from {}", fs::quote_path(path)));
  }
  WHORL_TRY(Environment parsed, parse_environment(as_text(*bytes), path));
  return Described{std::string(fs::stem(path)), folder_of(path), std::move(parsed)};
}

Result<Described> from_url(const manifest::Target& target, const TargetChecks& checks) {
  if (checks.load.fetcher == nullptr) {
    return fail(ErrorKind::Unsupported, "this command does not download target environments");
  }
  TextSink sink;
  WHORL_CHECKED(checks.load.fetcher->fetch(target.text, sink)
                    .context("unable to read target environment from {}", target.text));
  WHORL_TRY(Environment parsed, parse_environment(sink.text, target.text));
  const std::string_view path =
      std::string_view(target.text).substr(0, target.text.find_first_of("?#"));
  return Described{std::string(fs::stem(path)), {}, std::move(parsed)};
}

/// Names of the catalogue are parts of paths.
bool is_catalogue_name(std::string_view name) noexcept {
  return !name.empty() && !name.starts_with('.') && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '@';
  });
}

Result<Described> from_catalogue(const manifest::Target& target, const TargetChecks& checks) {
  std::string name = target.text;
  std::ranges::replace(name, ':', '@');
  if (is_catalogue_name(name) && !checks.catalogue.empty()) {
    const std::string folder = fs::join(checks.catalogue, name.substr(0, name.rfind('@')));
    const std::string path = fs::join(folder, name + ".toml");
    if (fs::kind_of(path) == fs::Kind::File) {
      WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxEnvironmentBytes));
      WHORL_TRY(
          Environment parsed,
          parse_environment(as_text(bytes), path)
              .context("Environment '{}' definition is invalid format", name)
      );
      return Described{name, {}, std::move(parsed)};
    }
  }
  if (const Environment* known = known_environment(name)) {
    return Described{name, {}, *known};
  }
  return fail(ErrorKind::NotFound, "Cannot load target environment '{}'", name)
      .with_help(fmt::format(
          "known here are {}; others are looked for {}. An environment can also be described in a "
          "file of your own: targets = [{{ path = \"environment.toml\" }}]",
          fmt::join(known_environment_names(), ", "),
          checks.catalogue.empty()
              ? "in Spin's catalogue"
              : fmt::format("in {}, where `spin targets update` puts them", checks.catalogue)
      ));
}

/// What `.spin/target-environments.lock` knows: the digest of a package of a registry.
class DigestLock {
 public:
  explicit DigestLock(std::string path) : path_(std::move(path)) {
    const auto bytes = fs::read_file(path_, kMaxLockBytes);
    auto parsed = bytes ? app::parse_json(as_text(*bytes), kMaxLockBytes)
                        : Result<app::Value>(app::Value(app::Value::Table{}));
    value_ = parsed && parsed->as_table() != nullptr ? *std::move(parsed)
                                                     : app::Value(app::Value::Table{});
  }

  /// Empty for a package that it does not know.
  [[nodiscard]] std::string find(std::string_view registry, std::string_view package) const {
    const app::Value* packages = packages_of(registry);
    const app::Value* digest = packages == nullptr ? nullptr : packages->find(package);
    const std::string* text = digest == nullptr ? nullptr : digest->as_string();
    return text != nullptr && loader::is_digest(*text) ? *text : std::string();
  }

  /// A file that cannot be written only costs another look-up.
  void keep(const std::string& registry, const std::string& package, const std::string& digest) {
    const app::Value* known = packages_of(registry);
    app::Value packages = known == nullptr ? app::Value(app::Value::Table{}) : *known;
    packages.set(package, app::Value(digest));
    app::Value entry(app::Value::Table{});
    entry.set("package", std::move(packages));
    value_.set(registry, std::move(entry));
    if (fs::create_directories(std::string(fs::parent(path_)))) {
      static_cast<void>(fs::write_file_atomic(
          path_, as_bytes(app::to_json(app::sorted(value_), app::JsonStyle::Pretty))
      ));
    }
  }

 private:
  [[nodiscard]] const app::Value* packages_of(std::string_view registry) const {
    const app::Value* entry = value_.find(registry);
    const app::Value* packages = entry == nullptr ? nullptr : entry->find("package");
    return packages != nullptr && packages->as_table() != nullptr ? packages : nullptr;
  }

  std::string path_;
  app::Value value_;
};

/// Sorted entries of a folder.
Result<std::vector<std::string>> entries_of(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code failed;
  stdfs::directory_iterator entry(folder, failed);
  while (!failed && entry != stdfs::directory_iterator()) {
    out.push_back(entry->path().filename().string());
    if (out.size() > kMaxEntries) {
      return fail(ErrorKind::ResourceLimit, "there are more than {} files", kMaxEntries);
    }
    entry.increment(failed);
  }
  if (failed) {
    return fs::errno_error(failed.value())
        .context(fmt::format("failed to read directory {}", fs::quote_path(folder)));
  }
  std::ranges::sort(out);
  return out;
}

Result<component::WitFile> read_wit(const std::string& path) {
  WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxWitFile));
  return component::WitFile{path, std::string(as_text(bytes))};
}

/// The WIT files right in a folder: one package.
Result<std::vector<component::WitFile>> read_package(const std::string& folder) {
  WHORL_TRY(const std::vector<std::string> names, entries_of(folder));
  std::vector<component::WitFile> out;
  for (const std::string& name : names) {
    const std::string path = fs::join(folder, name);
    if (fs::extension(name) == "wit" && fs::kind_of(path) == fs::Kind::File) {
      WHORL_TRY(component::WitFile file, read_wit(path));
      out.push_back(std::move(file));
    }
  }
  return out;
}

Result<component::WitFolder> read_folder(const std::string& folder) {
  component::WitFolder out;
  WHORL_TRY(out.files, read_package(folder));
  const std::string dependencies = fs::join(folder, "deps");
  if (fs::kind_of(dependencies) != fs::Kind::Directory) {
    return out;
  }
  WHORL_TRY(const std::vector<std::string> names, entries_of(dependencies));
  for (const std::string& name : names) {
    const std::string path = fs::join(dependencies, name);
    if (fs::kind_of(path) == fs::Kind::Directory) {
      WHORL_TRY(std::vector<component::WitFile> files, read_package(path));
      out.dependencies.push_back(std::move(files));
    } else if (fs::extension(name) == "wit") {
      WHORL_TRY(component::WitFile file, read_wit(path));
      out.dependencies.push_back({std::move(file)});
    } else if (fs::extension(name) == "wasm" || fs::extension(name) == "wat") {
      return fail(
          ErrorKind::Unsupported,
          "{} is a package in binary form; dependencies are read as text only",
          fs::quote_path(path)
      );
    }
  }
  return out;
}

class Resolver {
 public:
  Resolver(const TargetChecks& checks, std::string folder)
      : checks_(checks),
        folder_(std::move(folder)),
        lock_(fs::join(folder_of(checks.manifest_path), kLockFile)) {}

  [[nodiscard]] Result<CandidateWorld> world(const WorldReference& reference) {
    const auto name = component::parse_interface_name(reference.world);
    if (!name) {
      return fail(ErrorKind::InvalidInput, "{} is not a well-formed world name", reference.world);
    }
    const auto colon = name->interface.find('/');
    const Wanted wanted{
        .package = std::string(name->interface.substr(0, colon)),
        .world = std::string(name->interface.substr(colon + 1)),
        .version = std::string(name->version)
    };
    CandidateWorld out{.name = reference.world, .problem = {}, .worlds = {}};
    std::optional<component::TypedWorld> found;
    if (reference.place == WorldReference::Place::Folder) {
      WHORL_TRY(found, from_folder(reference.where, wanted));
    } else {
      WHORL_TRY(const std::string path, find_package(reference, wanted));
      if (path.empty()) {
        out.worlds = known_worlds(reference.world);
        return out;
      }
      WHORL_TRY(const Bytes bytes, fs::read_file(path, kMaxPackageBytes));
      WHORL_TRY(
          found,
          component::read_target(bytes, wanted.world)
              .context("Failed to decode package for environment {}", reference.world)
      );
    }
    if (found) {
      out.worlds.push_back(*std::move(found));
    } else {
      out.problem = fmt::format("wit package did not contain a world named '{}'", wanted.world);
    }
    return out;
  }

 private:
  struct Wanted {
    std::string package;  ///< "spin:up"
    std::string world;    ///< "http-trigger"
    std::string version;  ///< may be empty
  };

  [[nodiscard]] Result<std::optional<component::TypedWorld>> from_folder(
      const std::string& where, const Wanted& wanted
  ) const {
    const std::string path = fs::join(folder_, where);
    const auto read = [&]() -> Result<std::optional<component::TypedWorld>> {
      WHORL_TRY(const component::WitFolder files, read_folder(path));
      return component::read_target(files, wanted.world);
    };
    return read().context("failed to parse package: {}", path);
  }

  /// The file of a package of a registry. @return empty: there is none, but the world is known
  [[nodiscard]] Result<std::string> find_package(
      const WorldReference& reference, const Wanted& wanted
  ) {
    const bool is_image = reference.place == WorldReference::Place::Reference;
    const std::string registry = reference.place == WorldReference::Place::DefaultRegistry
                                     ? std::string(kDefaultRegistry)
                                     : reference.where;
    const std::string package =
        wanted.package + (wanted.version.empty() ? "" : "@" + wanted.version);
    if (const std::string digest = lock_.find(registry, package); !digest.empty()) {
      std::string path = fs::join(fs::join(checks_.load.cache_dir, "wasm"), digest);
      if (fs::kind_of(path) == fs::Kind::File) {
        return path;
      }
    }
    if (wanted.version.empty() && !is_image) {
      return fail(
          ErrorKind::InvalidInput,
          "{} is unversioned: this is not currently supported",
          reference.world
      );
    }
    if (checks_.load.packages != nullptr && !is_image) {
      WHORL_TRY(
          std::string path,
          checks_.load.packages
              ->fetch({.registry = registry, .package = wanted.package, .version = wanted.version})
              .context("Failed to get {} from registry", package)
      );
      if (const std::string digest(fs::file_name(path)); loader::is_digest(digest)) {
        lock_.keep(registry, package, digest);
      }
      return path;
    }
    if (!known_worlds(reference.world).empty()) {
      return std::string();
    }
    return fail(
               ErrorKind::Unsupported, "packages of interfaces are not fetched from registries yet"
    )
        .with_help(
            "what Spin has fetched for this application is used (`spin build`, once); the WIT can "
            "also lie beside the description: worlds = [{ path = \"wit\", world = \"…\" }]"
        )
        .context(fmt::format("Failed to get {} from registry", is_image ? reference.where : package)
        );
  }

  const TargetChecks& checks_;
  std::string folder_;
  DigestLock lock_;
};

}  // namespace

Result<std::shared_ptr<const ResolvedEnvironment>> resolve_environment(
    const manifest::Target& target, const TargetChecks& checks
) {
  const auto describe = [&]() {
    switch (target.kind) {
      case manifest::Target::Kind::Path:
        return from_file(target, checks);
      case manifest::Target::Kind::Url:
        return from_url(target, checks);
      case manifest::Target::Kind::Catalogue:
        break;
    }
    return from_catalogue(target, checks);
  };
  WHORL_TRY(Described described, describe());
  auto out = std::make_shared<ResolvedEnvironment>();
  out->name = std::move(described.name);
  out->description = std::move(described.environment);
  Resolver resolver(checks, std::move(described.folder));
  const auto resolve = [&](const TriggerEnvironment& trigger) -> Result<void> {
    std::vector<CandidateWorld>& worlds = out->worlds[&trigger];
    for (const WorldReference& reference : trigger.worlds) {
      WHORL_TRY(CandidateWorld world, resolver.world(reference));
      worlds.push_back(std::move(world));
    }
    return {};
  };
  for (const auto& [type, trigger] : out->description.triggers) {
    WHORL_CHECKED(resolve(trigger));
  }
  if (const auto& others = out->description.others) {
    WHORL_CHECKED(resolve(*others));
  }
  return std::shared_ptr<const ResolvedEnvironment>(std::move(out));
}

}  // namespace whorl::build
