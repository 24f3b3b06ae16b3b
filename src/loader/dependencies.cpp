#include "loader/dependencies.hpp"

#include "app/file_url.hpp"
#include "component/binary.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace whorl::loader {
namespace {

/// "ns:pkg/iface@1.0.0" in its parts; parts that are not there are empty.
struct ImportName {
  std::string_view package;
  std::string_view interface;
  std::string_view version;

  explicit ImportName(std::string_view name) {
    const auto at = std::min(name.find('@'), name.size());
    const std::string_view path = name.substr(0, at);
    const auto slash = std::min(path.find('/'), path.size());
    package = path.substr(0, slash);
    interface = path.substr(slash);
    version = name.substr(at);
  }
};

struct Names {
  std::vector<std::string> imports;
  std::vector<std::string> exports;
};

/// What a component imports and exports but types; nothing for a core module.
Result<std::optional<Names>> names_of(ByteView wasm) {
  WHORL_TRY(const component::BinaryKind kind, component::detect_binary(wasm));
  if (kind == component::BinaryKind::CoreModule) {
    return std::optional<Names>();
  }
  WHORL_TRY(const auto decoded, component::decode_component(wasm));
  Names out;
  for (const component::ir::Definition& definition : decoded->definitions) {
    if (const auto* import = std::get_if<component::ir::Import>(&definition.what)) {
      if (import->type.sort != component::ir::Sort::Type) {
        out.imports.emplace_back(import->name);
      }
    } else if (const auto* made = std::get_if<component::ir::Export>(&definition.what)) {
      out.exports.emplace_back(made->name);
    }
  }
  return std::optional(std::move(out));
}

/// The bytes of a dependency.
Result<Bytes> read(const app::Dependency& dependency) {
  if (dependency.source.inline_bytes) {
    const ByteView bytes = as_bytes(*dependency.source.inline_bytes);
    return Bytes(bytes.begin(), bytes.end());
  }
  const auto path = app::from_file_url(dependency.source.url);
  if (!path) {
    return fail(
        ErrorKind::Unsupported,
        "its wasm file is known by URL or digest only, and there is no store of such files yet"
    );
  }
  return fs::read_file(*path, kMaxWasmBytes);
}

Result<void> check_exports(
    const std::string& name,
    const app::Dependency& dependency,
    const std::vector<std::string>& satisfied
) {
  WHORL_TRY(
      const Bytes wasm, read(dependency).context("an error occurred when preparing dependencies")
  );
  WHORL_TRY(const auto names, names_of(wasm));
  for (const std::string& import : satisfied) {
    const std::string& wanted = dependency.export_name ? *dependency.export_name : import;
    if (names && std::ranges::find(names->exports, wanted) == names->exports.end()) {
      return fail(
          ErrorKind::InvalidInput,
          "dependency '{}' doesn't export '{}' to satisfy import '{}'",
          name,
          wanted,
          import
      );
    }
  }
  return {};
}

}  // namespace

bool is_meant_for(std::string_view dependency, std::string_view import) noexcept {
  if (!dependency.contains(':')) {
    return dependency == import;
  }
  const ImportName key(dependency);
  const ImportName name(import);
  return key.package == name.package &&
         (key.interface.empty() || key.interface == name.interface) &&
         (key.version.empty() || key.version == name.version);
}

Result<void> check_dependencies(const app::Component& component, ByteView wasm) {
  WHORL_TRY(const auto names, names_of(wasm));
  if (!names) {
    return {};
  }
  std::vector<std::vector<std::string>> satisfied;
  for (const auto& [name, dependency] : component.dependencies) {
    auto& imports = satisfied.emplace_back();
    std::ranges::copy_if(names->imports, std::back_inserter(imports), [&](const auto& import) {
      return is_meant_for(name, import);
    });
    if (imports.empty()) {
      return fail(
                 ErrorKind::InvalidInput,
                 "dependency '{}' doesn't match any imports of component '{}'",
                 name,
                 component.id
      )
          .with_help(
              names->imports.empty() ? std::string("it imports nothing")
                                     : fmt::format("it imports {}", fmt::join(names->imports, ", "))
          );
    }
  }
  std::size_t i = 0;
  for (const auto& [name, dependency] : component.dependencies) {
    WHORL_CHECKED(check_exports(name, dependency, satisfied[i++]));
  }
  return {};
}

}  // namespace whorl::loader
