#include "component/module_world.hpp"

#include "component/core_world.hpp"
#include "component/legacy_abi.hpp"
#include "component/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

namespace whorl::component {
namespace {

constexpr std::string_view kPreview1 = "wasi_snapshot_preview1";
/// The version of WASI that Spin's adapter is made for.
constexpr std::string_view kAdapterVersion = "0.2.0";

/// What the adapter needs for a function, one bit each.
enum Need : unsigned {
  kEnvironment = 1U << 0U,
  kClocks = 1U << 1U,
  kWallClock = 1U << 2U,
  kFiles = 1U << 3U,
  kTerminals = 1U << 4U,
  kPoll = 1U << 5U,
  kExit = 1U << 6U,
  kRandom = 1U << 7U,
};

struct FunctionNeeds {
  std::string_view prefix;
  unsigned needs;
};
/// The first that a function's name begins with counts.
constexpr std::array kFunctions{
    FunctionNeeds{"args_", kEnvironment},
    FunctionNeeds{"environ_", kEnvironment},
    FunctionNeeds{"clock_", kClocks | kWallClock},
    FunctionNeeds{"fd_fdstat_get", kFiles | kTerminals},
    FunctionNeeds{"fd_filestat_get", kFiles | kTerminals | kWallClock},
    FunctionNeeds{"fd_filestat_set_times", kFiles | kWallClock},
    FunctionNeeds{"fd_seek", kFiles | kWallClock},
    FunctionNeeds{"fd_write", kFiles | kWallClock},
    FunctionNeeds{"fd_", kFiles},
    FunctionNeeds{"path_filestat_", kFiles | kWallClock},
    FunctionNeeds{"path_", kFiles},
    FunctionNeeds{"poll_oneoff", kFiles | kClocks | kWallClock | kPoll},
    FunctionNeeds{"proc_exit", kExit},
    FunctionNeeds{"random_get", kRandom},
};

struct NeededInterface {
  unsigned need;  ///< 0: always
  std::string_view name;
};
constexpr std::array kInterfaces{
    NeededInterface{kEnvironment, "wasi:cli/environment"},
    NeededInterface{kExit, "wasi:cli/exit"},
    NeededInterface{0, "wasi:cli/stderr"},
    NeededInterface{kFiles, "wasi:cli/stdin"},
    NeededInterface{kFiles, "wasi:cli/stdout"},
    NeededInterface{kTerminals, "wasi:cli/terminal-input"},
    NeededInterface{kTerminals, "wasi:cli/terminal-output"},
    NeededInterface{kTerminals, "wasi:cli/terminal-stderr"},
    NeededInterface{kTerminals, "wasi:cli/terminal-stdin"},
    NeededInterface{kTerminals, "wasi:cli/terminal-stdout"},
    NeededInterface{kClocks, "wasi:clocks/monotonic-clock"},
    NeededInterface{kWallClock, "wasi:clocks/wall-clock"},
    NeededInterface{kFiles, "wasi:filesystem/preopens"},
    NeededInterface{kFiles, "wasi:filesystem/types"},
    NeededInterface{0, "wasi:io/error"},
    NeededInterface{kPoll, "wasi:io/poll"},
    NeededInterface{0, "wasi:io/streams"},
    NeededInterface{kRandom, "wasi:random/random"},
};

unsigned needs_of(std::string_view function) noexcept {
  const auto found = std::ranges::find_if(kFunctions, [function](const FunctionNeeds& known) {
    return function.starts_with(known.prefix);
  });
  return found == kFunctions.end() ? 0 : found->needs;
}

/// Adds what another section says of the world: a tool may tell it in parts.
void merge(std::vector<wit::Item>& into, const std::vector<wit::Item>& from) {
  for (const wit::Item& item : from) {
    const auto known = std::ranges::find(into, item.name, &wit::Item::name);
    if (known == into.end()) {
      into.push_back(item);
      continue;
    }
    const auto* ours = std::get_if<wit::InterfaceRef>(&known->what);
    const auto* theirs = std::get_if<wit::InterfaceRef>(&item.what);
    if (ours != nullptr && theirs != nullptr && *ours != nullptr && *theirs != nullptr) {
      std::vector<wit::Item> items = (*ours)->items;
      merge(items, (*theirs)->items);
      known->what =
          wit::InterfaceRef(std::make_shared<const wit::Interface>(wit::Interface{std::move(items)})
          );
    }
  }
}

/// An item of which only the name is known.
void add_name(std::vector<wit::Item>& items, std::string name) {
  if (std::ranges::find(items, name, &wit::Item::name) == items.end()) {
    items.push_back({std::move(name), {}});
  }
}

/// Names of built-ins that deal with streams and futures: who only uses these does not use the
/// interface they stand beside.
bool is_copy_builtin(std::string_view name) noexcept {
  constexpr std::string_view kAsync = "[async-lower]";
  name.remove_prefix(name.starts_with(kAsync) ? kAsync.size() : 0);
  return name.starts_with("[stream-") || name.starts_with("[future-");
}

/// A world may offer more than the module uses. In names of newer tools versions are cut short:
/// there it is taken as it is.
void remove_unused(std::vector<wit::Item>& imports, const CoreModule& module) {
  const bool has_short_names = std::ranges::any_of(module.imports(), [](const auto& import) {
    return import.module.starts_with("cm32p2");
  });
  std::erase_if(imports, [&](const wit::Item& item) {
    return std::holds_alternative<wit::InterfaceRef>(item.what) && !has_short_names &&
           std::ranges::none_of(module.imports(), [&item](const CoreImport& import) {
             return import.module == item.name && !is_copy_builtin(import.name);
           });
  });
}

/// Tools give an interface the newest version of it that the module knows.
class NewestVersions {
 public:
  explicit NewestVersions(const wit::World& world) {
    for (const wit::Item& item : world.imports) {
      note(item.name);
    }
    for (const wit::Item& item : world.exports) {
      note(item.name);
    }
  }

  void apply(std::vector<wit::Item>& items) const {
    std::vector<wit::Item> out;
    for (wit::Item& item : items) {
      if (const auto name = parse_interface_name(item.name)) {
        if (const auto found = versions_.find(track(*name)); found != versions_.end()) {
          item.name = fmt::format("{}@{}", name->interface, found->second);
        }
      }
      if (std::ranges::find(out, item.name, &wit::Item::name) == out.end()) {
        out.push_back(std::move(item));
      }
    }
    items = std::move(out);
  }

 private:
  /// "wasi:io/error@0.2"; a version of its own is a track of its own.
  static std::string track(const ExternName& name) {
    const std::string key = compatibility_key(name.version);
    return fmt::format("{}@{}", name.interface, key.empty() ? std::string(name.version) : key);
  }

  void note(std::string_view text) {
    const auto name = parse_interface_name(text);
    const auto version = name ? parse_semver(name->version) : std::nullopt;
    if (!version) {
      return;
    }
    const auto [known, is_new] = versions_.try_emplace(track(*name), name->version);
    if (!is_new && parse_semver(known->second) < version) {
      known->second = name->version;
    }
  }

  std::map<std::string, std::string> versions_;
};

}  // namespace

wit::World described_world(const CoreModule& module) {
  wit::World world;
  for (const ComponentTypeSection& section : module.component_types()) {
    if (const auto decoded = decode_world(section)) {
      const wit::World part = wit::described_world(*decoded->root, decoded->world);
      merge(world.imports, part.imports);
      merge(world.exports, part.exports);
    }
  }
  return world;
}

wit::World componentized_world(const CoreModule& module) {
  wit::World out = described_world(module);
  const NewestVersions newest(out);
  remove_unused(out.imports, module);
  unsigned needs = 0;
  for (const CoreImport& import : module.imports()) {
    if (import.module == kPreview1) {
      needs |= needs_of(import.name);
    } else if (const LegacyName* legacy = find_legacy_import(import.module, import.name)) {
      add_name(out.imports, std::string(legacy->interface));
    } else if (parse_interface_name(import.module) && !is_copy_builtin(import.name)) {
      add_name(out.imports, std::string(import.module));
    }
  }
  for (const NeededInterface& known : kInterfaces) {
    if (known.need == 0 || (needs & known.need) != 0) {
      add_name(out.imports, fmt::format("{}@{}", known.name, kAdapterVersion));
    }
  }
  for (const std::string_view name : module.export_names()) {
    if (name == "_start") {
      add_name(out.exports, fmt::format("wasi:cli/run@{}", kAdapterVersion));
    } else if (const LegacyName* legacy = find_legacy_export(name)) {
      add_name(out.exports, std::string(legacy->interface));
    }
  }
  newest.apply(out.imports);
  newest.apply(out.exports);
  return out;
}

}  // namespace whorl::component
