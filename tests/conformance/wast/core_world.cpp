#include "core_world.hpp"

#include "core_values.hpp"
#include "spectest.hpp"

#include "component/core_module.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace whorl::conformance {
namespace {

namespace json = boost::json;
using engine::RawVal;

constexpr std::string_view kSpectest = "spectest";
constexpr std::uint64_t kMemoryBytes = std::uint64_t{4} << 30;

}  // namespace

struct CoreWorld::Loaded {
  Bytes bytes;
  component::CoreModule scanned;  ///< views into `bytes`
  engine::Module module;
};

/// Something that was done.
struct CoreWorld::Past {
  std::shared_ptr<const Loaded> module;  ///< instantiated; else a call
  std::size_t instance = 0;
  std::string field;
  std::vector<RawVal> slots;  ///< arguments, with room for the results
};

CoreWorld::CoreWorld(std::shared_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}
CoreWorld::~CoreWorld() = default;

namespace {

Outcome<engine::Module> compile(const engine::Engine& engine, ByteView wasm) {
  auto compiled = engine::Module::compile(engine, wasm);
  if (!compiled) {
    return failed(Failure::Kind::Invalid, compiled.error().to_line());
  }
  return *std::move(compiled);
}

}  // namespace

Outcome<> CoreWorld::validate(ByteView wasm) {
  if (auto compiled = compile(*engine_, wasm); !compiled) {
    return std::unexpected(compiled.error());
  }
  return {};
}

Outcome<> CoreWorld::revive() {
  if (store_ != nullptr && !store_->is_dying()) {
    return {};
  }
  instances_.clear();
  store_.reset();
  engine::Budget budget;
  budget.memory_bytes = kMemoryBytes;
  auto created = engine::Store::create(engine_, budget, nullptr);
  if (!created) {
    return failed(Failure::Kind::Script, created.error().to_line());
  }
  store_ = *std::move(created);
  if (auto made = make_spectest(); !made) {
    return made;
  }
  for (const Past& past : past_) {
    if (past.module != nullptr) {
      auto linked = link(*past.module);
      if (!linked) {
        return std::unexpected(linked.error());
      }
      instances_.push_back(*linked);
    } else if (auto called = call(past, false); !called) {
      return std::unexpected(called.error());
    }
  }
  return {};
}

Outcome<> CoreWorld::make_spectest() {
  auto compiled = compile(*engine_, spectest_module());
  if (!compiled) {
    return std::unexpected(compiled.error());
  }
  auto made = store_->instantiate(*compiled, {});
  if (!made) {
    return trapped(made.error());
  }
  instances_.push_back(*made);
  registered_.try_emplace(std::string(kSpectest), CoreInstanceId{0});
  return {};
}

Outcome<engine::Instance> CoreWorld::link(const Loaded& module) {
  std::vector<engine::Extern> imports;
  for (const component::CoreImport& import : module.scanned.imports()) {
    const auto source = registered_.find(std::string(import.module));
    const auto item = source == registered_.end()
                          ? std::nullopt
                          : store_->find_export(instances_[source->second.place], import.name);
    if (!item) {
      return failed(
          Failure::Kind::Unlinkable,
          fmt::format("unknown import \"{}\" \"{}\"", import.module, import.name)
      );
    }
    imports.push_back(*item);
  }
  auto made = store_->instantiate(module.module, imports);
  if (made) {
    return *made;
  }
  // What the engine says of imports that don't fit is not a trap of the guest.
  if (made.error().kind == engine::TrapKind::Other && made.error().backtrace.empty()) {
    return failed(Failure::Kind::Unlinkable, made.error().message);
  }
  return trapped(made.error());
}

Outcome<CoreInstanceId> CoreWorld::instantiate(ByteView wasm) {
  auto compiled = compile(*engine_, wasm);
  if (!compiled) {
    return std::unexpected(compiled.error());
  }
  Bytes bytes(wasm.begin(), wasm.end());
  auto scanned = component::CoreModule::scan(bytes);
  if (!scanned) {
    return failed(Failure::Kind::Unsupported, scanned.error().to_line());
  }
  if (auto ready = revive(); !ready) {
    return std::unexpected(ready.error());
  }
  auto loaded = std::make_shared<const Loaded>(
      Loaded{std::move(bytes), *std::move(scanned), *std::move(compiled)}
  );
  auto linked = link(*loaded);
  if (!linked) {
    return std::unexpected(linked.error());
  }
  instances_.push_back(*linked);
  past_.push_back({loaded, instances_.size() - 1, {}, {}});
  return CoreInstanceId{instances_.size() - 1};
}

void CoreWorld::register_as(std::string_view name, CoreInstanceId instance) {
  registered_.insert_or_assign(std::string(name), instance);
}

Outcome<std::vector<RawVal>> CoreWorld::call(const Past& past, bool remember) {
  const auto item = store_->find_export(instances_[past.instance], past.field);
  const auto func = item ? store_->as_func(*item) : std::nullopt;
  if (!func) {
    return failed(Failure::Kind::Script, fmt::format("no function \"{}\"", past.field));
  }
  std::vector<RawVal> slots = past.slots;
  if (auto called = store_->call_guest(*func, slots); !called) {
    return trapped(called.error());
  }
  if (remember) {
    past_.push_back(past);
  }
  return slots;
}

Outcome<engine::FuncType> CoreWorld::type_of(CoreInstanceId instance, std::string_view field) {
  if (auto ready = revive(); !ready) {
    return std::unexpected(ready.error());
  }
  const auto item = store_->find_export(instances_[instance.place], field);
  const auto func = item ? store_->as_func(*item) : std::nullopt;
  if (!func) {
    return failed(Failure::Kind::Script, fmt::format("no function \"{}\"", field));
  }
  return store_->type_of(*func);
}

Outcome<> CoreWorld::invoke(
    CoreInstanceId instance,
    std::string_view field,
    const json::array& arguments,
    const json::array* expected
) {
  auto type = type_of(instance, field);
  if (!type) {
    return std::unexpected(type.error());
  }
  if (arguments.size() != type->params.size()) {
    return failed(Failure::Kind::Script, "the number of arguments is wrong");
  }
  Past past{nullptr, instance.place, std::string(field), {}};
  past.slots.resize(std::max({type->params.size(), type->results.size(), std::size_t{1}}));
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto value = to_raw(arguments[i], type->params[i]);
    if (!value) {
      return std::unexpected(value.error());
    }
    past.slots[i] = *value;
  }
  const auto results = call(past, true);
  if (!results) {
    return std::unexpected(results.error());
  }
  if (expected == nullptr) {
    return {};
  }
  if (expected->size() != type->results.size()) {
    return failed(
        Failure::Kind::Script,
        fmt::format("{} results, not {}", type->results.size(), expected->size())
    );
  }
  for (std::size_t i = 0; i < expected->size(); ++i) {
    if (std::string why = explain_raw((*expected)[i], (*results)[i], type->results[i]);
        !why.empty()) {
      return failed(Failure::Kind::Script, fmt::format("result {} is {}", i, why));
    }
  }
  return {};
}

Outcome<> CoreWorld::get(
    CoreInstanceId instance, std::string_view field, const json::array& expected
) {
  if (auto ready = revive(); !ready) {
    return ready;
  }
  const auto past = std::ranges::find_if(past_, [&](const Past& item) {
    return item.module != nullptr && item.instance == instance.place;
  });
  const auto item = store_->find_export(instances_[instance.place], field);
  const component::CoreExternType* type = nullptr;
  if (past != past_.end()) {
    const component::CoreModule& scanned = past->module->scanned;
    const component::CoreExport* found = scanned.find_export(field);
    type = found == nullptr ? nullptr : scanned.item(found->kind, found->index);
  }
  if (!item || type == nullptr || type->kind != component::CoreKind::Global ||
      expected.size() != 1) {
    return failed(Failure::Kind::Script, fmt::format("no global \"{}\"", field));
  }
  // A global is read by a module that imports it and returns what is in it.
  auto reader = compile(*engine_, global_reader(type->value.code, type->is_mutable));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  auto made = store_->instantiate(*reader, std::span(&*item, 1));
  if (!made) {
    return trapped(made.error());
  }
  const auto func = store_->as_func(*store_->find_export(*made, "get"));
  RawVal value = {};
  if (auto called = store_->call_guest(*func, std::span(&value, 1)); !called) {
    return trapped(called.error());
  }
  const std::string why = explain_raw(expected[0], value, store_->type_of(*func).results[0]);
  return why.empty() ? Outcome<>() : failed(Failure::Kind::Script, "the global is " + why);
}

}  // namespace whorl::conformance
