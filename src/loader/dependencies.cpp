#include "loader/dependencies.hpp"

#include "app/file_url.hpp"
#include "component/binary.hpp"
#include "component/composition.hpp"
#include "engine/componentize.hpp"
#include "fs/file.hpp"
#include "loader/loader.hpp"
#include "loader/withheld.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
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

constexpr const char* kStep = "an error occurred when preparing dependencies";

/// How a dependency's file is called in messages.
std::string source_name(const app::Dependency& dependency) {
  return app::from_file_url(dependency.source.url).value_or(dependency.source.digest);
}

/// Where a part stands among the others.
using PartIndex = std::size_t;

class Gathering {
 public:
  Gathering(const app::Component& component, CoreModules modules)
      : component_(component), modules_(modules) {}

  [[nodiscard]] Result<ComponentParts> run(Bytes wasm) && {
    WHORL_TRY(const component::ExternNames own, component::extern_names(wasm));
    WHORL_TRY(std::vector<component::Plug> plugs, add_dependencies(own));
    PartIndex inner = add(std::move(wasm), component_.source_path);
    out_.parts[inner].plugs = std::move(plugs);
    std::vector<std::string> exports = own.exports;
    WHORL_TRY(const auto* middleware, find_middleware());
    if (middleware == nullptr) {
      return std::move(out_);
    }
    for (std::size_t i = middleware->size(); i != 0; --i) {
      WHORL_TRY(inner, wrap(inner, exports, (*middleware)[i - 1], i - 1));
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] PartIndex add(Bytes bytes, std::string name) {
    out_.files.push_back(std::move(bytes));
    out_.parts.push_back({.bytes = out_.files.back(), .name = std::move(name)});
    return out_.parts.size() - 1;
  }

  [[nodiscard]] Result<Bytes> read_part(const app::Dependency& dependency) const {
    WHORL_TRY(Bytes wasm, read(dependency));
    return as_part(std::move(wasm), modules_, source_name(dependency));
  }

  [[nodiscard]] Result<std::vector<component::Plug>> add_dependencies(
      const component::ExternNames& own
  ) {
    WHORL_TRY(const auto satisfied, match_imports(own));
    std::vector<component::Plug> plugs;
    std::size_t i = 0;
    for (const auto& [name, dependency] : component_.dependencies) {
      const std::vector<std::string>& imports = satisfied[i++];
      WHORL_TRY(Bytes wasm, read_part(dependency).context(kStep));
      WHORL_TRY(const component::ExternNames names, component::extern_names(wasm));
      const PartIndex part = add(std::move(wasm), source_name(dependency));
      out_.parts[part].denied = withheld_interfaces(dependency.inherit);
      for (const std::string& import : imports) {
        const std::string& wanted = dependency.export_name ? *dependency.export_name : import;
        if (std::ranges::find(names.exports, wanted) == names.exports.end()) {
          return fail(
              ErrorKind::InvalidInput,
              "dependency '{}' doesn't export '{}' to satisfy import '{}'",
              name,
              wanted,
              import
          );
        }
        plugs.push_back(
            {.import = import, .part = part, .export_name = wanted, .provider_name = name}
        );
      }
    }
    return plugs;
  }

  /// The imports that each dependency satisfies; every import is one dependency's at most.
  [[nodiscard]] Result<std::vector<std::vector<std::string>>> match_imports(
      const component::ExternNames& own
  ) const {
    std::vector<std::vector<std::string>> satisfied;
    for (const auto& [name, dependency] : component_.dependencies) {
      auto& imports = satisfied.emplace_back();
      std::ranges::copy_if(own.imports, std::back_inserter(imports), [&](const auto& import) {
        return is_meant_for(name, import);
      });
      if (imports.empty()) {
        return fail(
                   ErrorKind::InvalidInput,
                   "dependency '{}' doesn't match any imports of component '{}'",
                   name,
                   component_.id
        )
            .with_help(
                own.imports.empty() ? std::string("it imports nothing")
                                    : fmt::format("it imports {}", fmt::join(own.imports, ", "))
            );
      }
    }
    WHORL_CHECKED(refuse_conflicts(own));
    return satisfied;
  }

  [[nodiscard]] Result<void> refuse_conflicts(const component::ExternNames& own) const {
    for (const std::string& import : own.imports) {
      std::vector<std::string_view> meant;
      for (const auto& [name, dependency] : component_.dependencies) {
        if (is_meant_for(name, import)) {
          meant.emplace_back(name);
        }
      }
      if (meant.size() > 1) {
        return fail(
            ErrorKind::InvalidInput,
            "component '{}' has dependency conflicts: import '{}' satisfied by dependencies: '{}'",
            component_.id,
            import,
            fmt::join(meant, ", ")
        );
      }
    }
    return {};
  }

  /// Null if there is none.
  [[nodiscard]] Result<const std::vector<app::Dependency>*> find_middleware() const {
    const auto& roles = component_.trigger_dependencies;
    const auto found = roles.find("middleware");
    if (found == roles.end() || found->second.empty()) {
      return static_cast<const std::vector<app::Dependency>*>(nullptr);
    }
    if (roles.size() > 1) {
      return fail(
          ErrorKind::InvalidInput,
          "the HTTP trigger's only allowed trigger dependency is `middleware`"
      );
    }
    return &found->second;
  }

  /// Puts a middleware before what is there. @param exports  of that; becomes the middleware's
  [[nodiscard]] Result<PartIndex> wrap(
      PartIndex inner,
      std::vector<std::string>& exports,
      const app::Dependency& middleware,
      std::size_t place
  ) {
    constexpr std::string_view kHandler = "wasi:http/handler@0.3.0";
    WHORL_TRY(Bytes wasm, read_part(middleware).context(kStep));
    WHORL_TRY(const component::ExternNames names, component::extern_names(wasm).context(kStep));
    if (std::ranges::find(names.imports, kHandler) == names.imports.end()) {
      return fail(
                 ErrorKind::InvalidInput,
                 "argument name `{}` is not an import of package `middleware{}`",
                 kHandler,
                 place
      )
          .with_help(fmt::format("a middleware imports and exports {}", kHandler))
          .context(kStep);
    }
    if (std::ranges::find(exports, kHandler) == exports.end()) {
      return fail(ErrorKind::InvalidInput, "instance does not have an export named `{}`", kHandler)
          .with_help(fmt::format("middleware works for components that export {}", kHandler))
          .context(kStep);
    }
    const PartIndex part = add(std::move(wasm), source_name(middleware));
    out_.parts[part].denied = withheld_interfaces(middleware.inherit);
    out_.parts[part].plugs.push_back(
        {.import = std::string(kHandler),
         .part = inner,
         .export_name = std::string(kHandler),
         .provider_name = "middleware"}
    );
    exports = names.exports;
    return part;
  }

  const app::Component& component_;
  CoreModules modules_;
  ComponentParts out_;
};

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

Result<Bytes> as_part(Bytes wasm, CoreModules modules, std::string_view path) {
  if (modules == CoreModules::AsTheyAre) {
    return wasm;
  }
  const auto convert = [&]() -> Result<Bytes> {
    WHORL_TRY(const component::BinaryKind kind, component::detect_binary(wasm));
    if (kind == component::BinaryKind::Component) {
      return std::move(wasm);
    }
    return engine::componentize(wasm).map_error([](Error error) {
      return std::move(error).with_help(
          "`up` runs the application as it is; for a composed file, build the module as a "
          "component (in Rust for wasm32-wasip2), or make one of it that says its world: "
          "`wasm-tools component embed` and `wasm-tools component new`"
      );
    });
  };
  return convert().context("failed to componentize {}", fs::quote_path(path));
}

Result<ComponentParts> find_parts(
    const app::Component& component, Bytes wasm, CoreModules modules
) {
  return Gathering(component, modules).run(std::move(wasm));
}

}  // namespace whorl::loader
