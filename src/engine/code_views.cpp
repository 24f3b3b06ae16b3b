#include "engine/code_views.hpp"

#include "engine/engine_impl.hpp"

namespace whorl::engine {
namespace {

std::shared_ptr<Engine> make_view(const std::shared_ptr<Engine>& engine, const CompilerUse& use) {
  const Engine::Impl& whole = engine->impl();
  auto impl = std::make_unique<Engine::Impl>();
  if (whole.making != nullptr) {
    impl->whole = engine;  // which may still be under way
  } else {
    impl->engine = whole.engine;
    impl->driver = whole.driver;
    impl->clock = whole.clock;
  }
  impl->allocation = whole.allocation;
  impl->slots = whole.slots;
  impl->note = whole.note;
  impl->key = whole.key;
  impl->options = whole.options;
  impl->view = use;
  return std::make_shared<Engine>(std::move(impl));
}

}  // namespace

std::shared_ptr<Engine> in_a_hurry(const std::shared_ptr<Engine>& engine) {
  if (engine->impl().options.debug_info) {
    return engine;
  }
  return make_view(engine, {.quality = CodeQuality::Quick});
}

std::shared_ptr<Engine> in_background(const std::shared_ptr<Engine>& engine) {
  return make_view(engine, {.threads = CompileThreads::One});
}

bool has_quick_code(const Engine& view) noexcept {
  return view.impl().has_quick_code.load(std::memory_order_relaxed);
}

}  // namespace whorl::engine
