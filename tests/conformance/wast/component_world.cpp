#include "component_world.hpp"

#include "values.hpp"

#include "component/binary.hpp"
#include "component/dynamic_call.hpp"
#include "component/fiber_run.hpp"
#include "component/plan.hpp"
#include "component/skeleton.hpp"
#include "engine/fiber.hpp"
#include "engine/validator.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

namespace whorl::conformance {
namespace {

namespace json = boost::json;
using component::ExportedFunc;
using component::Value;

constexpr std::chrono::seconds kCpu{20};
constexpr std::chrono::seconds kDeadline{60};
/// All that 32-bit addresses reach: scripts test strings of gigabytes.
constexpr std::uint64_t kMemoryBytes = std::uint64_t{4} << 30;

/// The engine's words without its offset.
std::string_view without_place(std::string_view text) {
  const auto prefix = text.find("not valid: ");
  text.remove_prefix(prefix == std::string_view::npos ? 0 : prefix + 11);
  return text.substr(0, text.find(" (at offset "));
}

Failure to_failure(const Error& error, Failure::Kind otherwise) {
  // What the engine has switched off says nothing about the component.
  const bool is_judged = error.kind() == ErrorKind::InvalidInput &&
                         !engine::is_beyond_judgement(without_place(error.message()));
  const Failure::Kind kind = is_judged ? otherwise : Failure::Kind::Unsupported;
  return {kind, error.to_line(), {}};
}

}  // namespace

class LiveComponent final : public component::FiberRun::Driver {
 public:
  ~LiveComponent() {
    // What has not ended by itself is ended here.
    if (run_ && run_->end_remaining()) {
      while (!run_->is_empty()) {
        (void)run_->step();
      }
    }
  }
  LiveComponent(ComponentWorld::Definition component, std::vector<void*> hosts)
      : hosts_(std::move(hosts)), instance_(std::move(component), hosts_) {}

  [[nodiscard]] Outcome<> start() {
    engine::Budget budget;
    budget.cpu = kCpu;
    budget.memory_bytes = kMemoryBytes;
    auto store = engine::Store::create(instance_.component().engine(), budget, &instance_);
    if (!store) {
      return failed(Failure::Kind::Script, store.error().to_line());
    }
    store_ = *std::move(store);
    run_.emplace(instance_, *store_, *this);
    if (auto made = instance_.instantiate(*store_); !made) {
      return trapped(std::move(made.error()));
    }
    return on_fiber([this] { return instance_.run_deferred_starts(*store_); });
  }

  [[nodiscard]] const component::Component& component() const { return instance_.component(); }

  [[nodiscard]] Outcome<std::optional<Value>> call(
      const ExportedFunc& func, std::span<Value> arguments
  ) {
    if (store_->is_dying()) {
      engine::Trap closed;  // nobody has left it after its last trap
      closed.kind = engine::TrapKind::HostTrap;
      closed.message = "cannot enter component instance";
      return trapped(std::move(closed));
    }
    std::optional<Value> result;
    auto done = on_fiber([&]() -> std::expected<void, engine::Trap> {
      auto called = component::call_export(instance_, *store_, func, arguments);
      if (!called) {
        return std::unexpected(std::move(called.error()));
      }
      result = *std::move(called);
      return {};
    });
    if (!done) {
      return std::unexpected(std::move(done.error()));
    }
    return result;
  }

 private:
  /// Runs on the first fiber of the store until it ends, or can't go on.
  template <class Body>
  [[nodiscard]] Outcome<> on_fiber(Body body) {
    store_->set_deadline(std::chrono::steady_clock::now() + kDeadline);
    using State = component::FiberRun::State;
    run_->start([](void* env, engine::Fiber&) { return (*static_cast<Body*>(env))(); }, &body);
    State state = State::Yielded;
    while (state != State::Done) {
      is_woken_ = false;
      state = run_->step();
      if (state == State::Waiting && !is_woken_) {
        run_->cancel(
            engine::TrapKind::HostTrap, "deadlock: everybody waits, and nobody is left to end it"
        );
      }
    }
    if (!run_->outcome()) {
      return trapped(run_->outcome().error());
    }
    return {};
  }

  // component::FiberRun::Driver
  void wake() noexcept override { is_woken_ = true; }

  std::vector<void*> hosts_;
  component::ComponentInstance instance_;
  std::unique_ptr<engine::Store> store_;
  std::optional<component::FiberRun> run_;  // goes first
  bool is_woken_ = false;
};

ComponentWorld::ComponentWorld(std::shared_ptr<engine::Engine> engine, Checks checks)
    : engine_(std::move(engine)), checks_(checks) {
  registry_.add(HostInstance::interface());
}
ComponentWorld::~ComponentWorld() = default;

namespace {

/// The bodies of every core module, those that nobody instantiates too.
Result<> validate_modules(const engine::Engine& engine, const component::ir::Component& component) {
  for (const component::ir::Definition& definition : component.definitions) {
    if (const auto* module = std::get_if<component::ir::CoreModuleDefinition>(&definition.what)) {
      WHORL_CHECKED(engine::Module::validate(engine, module->bytes));
    } else if (const auto* nested = std::get_if<component::ir::NestedComponent>(&definition.what)) {
      WHORL_CHECKED(validate_modules(engine, *nested->component));
    }
  }
  return {};
}

}  // namespace

Outcome<> ComponentWorld::validate(ByteView bytes) const {
  const auto check = [&]() -> Result<> {
    auto ours = component::validate_component(bytes);
    if ((!ours && ours.error().kind() == ErrorKind::InvalidInput) || checks_ == Checks::Ours) {
      return ours;
    }
    WHORL_CHECKED(component::validate_by_skeleton(nullptr, bytes));
    WHORL_TRY(const auto decoded, component::decode_component(bytes));
    WHORL_CHECKED(validate_modules(*engine_, *decoded));
    return ours;
  };
  if (const auto checked = check(); !checked) {
    return std::unexpected(to_failure(checked.error(), Failure::Kind::Invalid));
  }
  return {};
}

Outcome<ComponentWorld::Definition> ComponentWorld::load(ByteView bytes, std::string_view name)
    const {
  if (auto valid = validate(bytes); !valid && valid.error().kind == Failure::Kind::Invalid) {
    return std::unexpected(valid.error());
  }
  auto loaded = component::Component::load(engine_, nullptr, registry_, bytes, name);
  if (!loaded) {
    Failure failure = to_failure(loaded.error(), Failure::Kind::Unlinkable);
    // Of what is valid and not loaded, these are imports that nobody offers; the rest is features.
    if (failure.message.contains("imports the ") || failure.message.contains(" does not have") ||
        failure.message.contains("which nobody provides")) {
      failure.kind = Failure::Kind::Unlinkable;
    }
    return std::unexpected(std::move(failure));
  }
  return *std::move(loaded);
}

Outcome<std::shared_ptr<LiveComponent>> ComponentWorld::instantiate(const Definition& definition) {
  std::vector<void*> hosts(registry_.size(), nullptr);
  hosts[0] = &host_;
  auto made = std::make_shared<LiveComponent>(definition, std::move(hosts));
  if (auto started = made->start(); !started) {
    return std::unexpected(std::move(started.error()));
  }
  return made;
}

Outcome<> ComponentWorld::invoke(
    LiveComponent& instance,
    std::string_view field,
    const json::array& arguments,
    const json::array* expected
) {
  const ExportedFunc* func = instance.component().find_export("", "", field);
  if (func == nullptr) {
    return failed(Failure::Kind::Script, fmt::format("no function \"{}\" is exported", field));
  }
  const component::FuncShape& shape = func->shape;
  if (arguments.size() != shape.params.size()) {
    return failed(
        Failure::Kind::Script,
        fmt::format("{} takes {} arguments", component::to_wit(shape), shape.params.size())
    );
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto value = to_value(arguments[i], shape.params[i].type);
    if (!value) {
      return std::unexpected(std::move(value.error()));
    }
    values.push_back(*std::move(value));
  }
  auto result = instance.call(*func, values);
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  if (expected == nullptr) {
    return {};
  }
  if (expected->size() != (shape.result == nullptr ? 0U : 1U)) {
    return failed(Failure::Kind::Script, fmt::format("it is a {}", component::to_wit(shape)));
  }
  if (shape.result == nullptr) {
    return {};
  }
  const auto wanted = to_value((*expected)[0], shape.result);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  if (!*result || !component::equal(**result, *wanted, *shape.result)) {
    return failed(
        Failure::Kind::Script,
        fmt::format(
            "it returned {}, not {}",
            *result ? component::to_text(**result, *shape.result) : "nothing",
            component::to_text(*wanted, *shape.result)
        )
    );
  }
  return {};
}

}  // namespace whorl::conformance
