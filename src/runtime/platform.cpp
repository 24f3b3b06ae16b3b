#include "runtime/platform.hpp"

#include "base/check.hpp"
#include "engine/pool_stacks.hpp"
#include "host/announced.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/spin1/http.hpp"

namespace whorl::runtime {

Result<std::unique_ptr<Platform>> Platform::create(
    const engine::EngineOptions& options, std::span<host::Capability* const> capabilities
) {
  WHORL_TRY(auto engine, engine::Engine::create(options));
  return std::make_unique<Platform>(std::move(engine), capabilities);
}

Platform::Platform(
    std::shared_ptr<engine::Engine> engine, std::span<host::Capability* const> capabilities
)
    : engine_(std::move(engine)),
      p2_slots_(wasi::p2::register_p2(registry_)),
      p3_slots_(wasi::p3::register_p3(registry_)),
      p1_slot_(wasi::p1::register_preview1(registry_)),
      p1_variant_slots_(wasi::p1::register_preview1_variants(registry_)),
      spin1_http_slot_(wasi::spin1::register_http(registry_)),
      instances_(engine::instance_limit(*engine_)),
      fiber_stacks_(std::make_unique<FiberStacks>(engine::spare_stacks(*engine_))) {
  for (host::Capability* capability : capabilities) {
    capability->link(registry_);
  }
  for (const std::string_view name : host::kAnnouncedInterfaces) {
    registry_.announce(name);
  }
  WHORL_CHECK(
      registry_.size() <= kHostSlots,
      "an instance has a place for every interface",
      registry_.size()
  );
}

}  // namespace whorl::runtime
