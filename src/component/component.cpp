#include "component/component.hpp"

#include "component/binary.hpp"
#include "component/bridge.hpp"
#include "component/component_impl.hpp"
#include "component/composition.hpp"
#include "component/names.hpp"
#include "component/skeleton.hpp"
#include "engine/late.hpp"

namespace whorl::component {

Component::Component(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Component::~Component() = default;

namespace {

constexpr const char* kBuildAgain =
    "the file is damaged, or made by a tool that is newer or older than this host expects; build "
    "it again";

Result<engine::Module> compile(
    const engine::ModuleCache* cache, ByteView wasm, Component::Impl& impl
) {
  if (cache == nullptr) {
    return engine::Module::compile(*impl.engine, wasm);
  }
  WHORL_TRY(auto loaded, cache->load_or_compile(*impl.engine, wasm));
  if (!loaded.note.empty()) {
    impl.notes.push_back(std::move(loaded.note));
  }
  return std::move(loaded.module);
}

/// Resolves a step's imports once, when nothing of the instance is among them.
Result<std::optional<engine::InstancePre>> prepare(
    const Component::Impl& impl, const Plan::Step& step
) {
  if (!step.all_host()) {
    return std::optional<engine::InstancePre>();
  }
  std::vector<engine::InstancePre::Import> imports;
  for (const Plan::Binding& binding : step.imports) {
    imports.push_back({binding.module, binding.name, impl.plan.hosts[*binding.host]->func});
  }
  WHORL_TRY(
      auto pre, engine::InstancePre::create(*impl.engine, impl.modules[step.module], imports)
  );
  return std::optional(std::move(pre));
}

Result<> build_bridge(const engine::ModuleCache* cache, Component::Impl& impl) {
  const auto plan = plan_bridge(impl.plan);
  if (!plan) {
    return {};
  }
  WHORL_TRY(const engine::Module module, compile(cache, plan->wasm, impl));
  std::vector<engine::InstancePre::Import> imports;
  std::vector<std::string> export_of(impl.plan.hosts.size());
  for (std::uint32_t place = 0; place < plan->hosts.size(); ++place) {
    const std::uint32_t host = plan->hosts[place];
    imports.push_back({"", bridge_name(place), impl.plan.hosts[host]->func});
    export_of[host] = bridge_name(place);
  }
  WHORL_TRY(auto pre, engine::InstancePre::create(*impl.engine, module, imports));
  impl.bridge.emplace(Component::Impl::Bridge{std::move(pre), std::move(export_of)});
  return {};
}

Result<> build(const engine::ModuleCache* cache, Component::Impl& impl) {
  for (Plan::Module& module : impl.plan.modules) {
    WHORL_TRY(
        auto compiled, compile(cache, module.wasm(), impl).context("compiling {}", module.name)
    );
    impl.modules.push_back(std::move(compiled));
    // The component's bytes may go away now. Assigning `{}` would keep the capacity.
    module.original = {};
    module.rewritten = Bytes();
  }
  for (const Plan::Step& step : impl.plan.steps) {
    WHORL_TRY(
        auto pre, prepare(impl, step).context("linking {}", impl.plan.modules[step.module].name)
    );
    impl.prepared.push_back(std::move(pre));
  }
  return build_bridge(cache, impl).context("linking host functions");
}

}  // namespace

Result<std::shared_ptr<const Component>> Component::load(
    const std::shared_ptr<engine::Engine>& engine,
    const engine::ModuleCache* cache,
    const HostRegistry& registry,
    ByteView bytes,
    std::string_view name,
    const LoadOptions& options
) {
  const Part whole{.bytes = bytes, .name = std::string(name)};
  return load(engine, cache, registry, std::span(&whole, 1), options);
}

Result<std::shared_ptr<const Component>> Component::load(
    const std::shared_ptr<engine::Engine>& engine,
    const engine::ModuleCache* cache,
    const HostRegistry& registry,
    std::span<const Part> parts,
    const LoadOptions& options
) {
  auto impl = std::make_unique<Impl>();
  impl->engine = engine;
  auto plan = plan_composition(registry, parts, options);
  if (!plan) {
    Error error = plan.take_error();
    if (error.help().empty() && error.kind() == ErrorKind::InvalidInput) {
      error.set_help(kBuildAgain);
    }
    return error;
  }
  impl->plan = *std::move(plan);
  for (const Part& part : parts) {
    if (const auto kind = detect_binary(part.bytes); kind && *kind == BinaryKind::Component) {
      WHORL_CHECKED(validate_by_skeleton(cache, part.bytes)
                        .context("loading component {}", part.name)
                        .map_error([](Error error) {
                          return std::move(error).with_help(kBuildAgain);
                        }));
    }
  }
  impl->reset = plan_reset(impl->plan);
  WHORL_CHECKED(engine::wait_until_made(*engine));
  WHORL_CHECKED(build(cache, *impl).context("loading component {}", parts.back().name));
  struct Access : Component {
    explicit Access(std::unique_ptr<Impl> made) noexcept : Component(std::move(made)) {}
  };
  return std::shared_ptr<const Component>(std::make_shared<Access>(std::move(impl)));
}

const ExportedFunc* Component::find_export(
    std::string_view interface, std::string_view version, std::string_view name
) const noexcept {
  const ExportedFunc* compatible = nullptr;
  for (const ExportedFunc& item : impl_->plan.exports) {
    if (item.interface != interface || item.name != name) {
      continue;
    }
    if (item.version == version) {
      return &item;
    }
    if (compatible == nullptr && versions_compatible(item.version, version)) {
      compatible = &item;
    }
  }
  return compatible;
}

std::span<const ExportedFunc> Component::exports() const noexcept {
  return impl_->plan.exports;
}

std::span<const std::string> Component::notes() const noexcept {
  return impl_->notes;
}

std::string Component::describe() const {
  return describe_plan(impl_->plan);
}

const std::shared_ptr<engine::Engine>& Component::engine() const noexcept {
  return impl_->engine;
}

}  // namespace whorl::component
