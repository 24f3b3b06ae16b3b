#include "component/component.hpp"

#include "component/component_impl.hpp"
#include "component/names.hpp"

namespace whorl::component {

Component::Component(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Component::~Component() = default;

namespace {

Result<engine::Module> compile(
    const engine::Engine& engine, const engine::ModuleCache* cache, ByteView wasm
) {
  if (cache == nullptr) {
    return engine::Module::compile(engine, wasm);
  }
  WHORL_TRY(auto loaded, cache->load_or_compile(engine, wasm));
  return std::move(loaded.module);
}

/// Resolves a step's imports once, when nothing of the instance is among them.
Result<std::optional<engine::InstancePre>> prepare(
    const engine::Engine& engine, const Component::Impl& impl, const Plan::Step& step
) {
  if (!step.all_host()) {
    return std::optional<engine::InstancePre>();
  }
  std::vector<engine::InstancePre::Import> imports;
  for (const Plan::Binding& binding : step.imports) {
    imports.push_back({binding.module, binding.name, impl.plan.hosts[*binding.host]->func});
  }
  WHORL_TRY(auto pre, engine::InstancePre::create(engine, impl.modules[step.module], imports));
  return std::optional(std::move(pre));
}

Result<> build(
    const engine::ModuleCache* cache, const engine::Engine& engine, Component::Impl& impl
) {
  for (Plan::Module& module : impl.plan.modules) {
    WHORL_TRY(
        auto compiled, compile(engine, cache, module.wasm()).context("compiling {}", module.name)
    );
    impl.modules.push_back(std::move(compiled));
    // The component's bytes may go away now.
    module.original = {};
    module.rewritten = {};
  }
  for (const Plan::Step& step : impl.plan.steps) {
    WHORL_TRY(
        auto pre,
        prepare(engine, impl, step).context("linking {}", impl.plan.modules[step.module].name)
    );
    impl.prepared.push_back(std::move(pre));
  }
  return {};
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
  auto impl = std::make_unique<Impl>();
  impl->engine = engine;
  WHORL_TRY(
      impl->plan, plan_component(registry, bytes, options).context("loading component {}", name)
  );
  WHORL_CHECKED(build(cache, *engine, *impl).context("loading component {}", name));
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

const std::shared_ptr<engine::Engine>& Component::engine() const noexcept {
  return impl_->engine;
}

}  // namespace whorl::component
