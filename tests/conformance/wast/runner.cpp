#include "runner.hpp"

#include "component/binary.hpp"

#include <fmt/format.h>

#include <array>

namespace whorl::conformance {
namespace {

Verdict passed(std::string note = {}) {
  return {Verdict::Kind::Passed, {}, std::move(note)};
}
Verdict failure(std::string wanted, std::string happened) {
  return {Verdict::Kind::Failed, std::move(wanted), std::move(happened)};
}
Verdict skipped(std::string why) {
  return {Verdict::Kind::Skipped, {}, std::move(why)};
}

std::string told(const Failure& failure) {
  switch (failure.kind) {
    case Failure::Kind::Invalid:
      return "refused as invalid: " + failure.message;
    case Failure::Kind::Unlinkable:
      return "can't be linked: " + failure.message;
    case Failure::Kind::Trapped:
      return fmt::format("trapped ({}): {}", to_string(failure.trap.kind), failure.message);
    case Failure::Kind::Unsupported:
      return "not supported: " + failure.message;
    case Failure::Kind::Script:
      return failure.message;
  }
  return failure.message;
}

bool is_component(ByteView bytes) {
  const auto kind = component::detect_binary(bytes);
  return kind && *kind == component::BinaryKind::Component;
}

bool contains_any(std::string_view text, std::span<const std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (text.contains(part)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string explain_trap(std::string_view expected, const engine::Trap& trap) {
  using engine::TrapKind;
  struct Meaning {
    std::string_view text;
    TrapKind kind;
  };
  constexpr std::array<Meaning, 8> kMeanings = {{
      {"unreachable", TrapKind::Unreachable},
      {"out of bounds memory access", TrapKind::MemoryOutOfBounds},
      {"out of bounds table access", TrapKind::TableOutOfBounds},
      {"integer divide by zero", TrapKind::IntegerDivideByZero},
      {"integer overflow", TrapKind::IntegerOverflow},
      {"indirect call type mismatch", TrapKind::IndirectCallMismatch},
      {"invalid conversion to integer", TrapKind::BadConversion},
      {"call stack exhausted", TrapKind::StackOverflow},
  }};
  switch (trap.kind) {
    case TrapKind::CpuBudget:
    case TrapKind::WallDeadline:
    case TrapKind::Cancelled:
    case TrapKind::ResourceLimit:
      return "ended by a limit of the host";
    default:
      break;
  }
  for (const Meaning& meaning : kMeanings) {
    if (expected.contains(meaning.text)) {
      return trap.kind == meaning.kind ? std::string()
                                       : fmt::format("that is no {}", to_string(meaning.kind));
    }
  }
  // The texts of the canonical ABI name what the host refuses; the guest's own faults are none.
  constexpr std::array<std::string_view, 8> kHostsWords = {
      "handle",
      "may leave",
      "cannot leave",
      "cannot enter",
      "realloc",
      "utf",
      "discriminant",
      "pointer not aligned"
  };
  if (trap.kind == TrapKind::Unreachable && contains_any(expected, kHostsWords)) {
    return "the guest gave up by itself";
  }
  return {};
}

ScriptRunner::ScriptRunner(std::shared_ptr<engine::Engine> engine, Checks checks, Depth depth)
    : depth_(depth), core_(engine), components_(std::move(engine), checks) {}

Verdict ScriptRunner::run(const Command& command) {
  if (command.is_text) {
    return skipped("a test of text parsers");
  }
  if (depth_ == Depth::Validate &&
      (command.action || command.kind == CommandKind::ModuleInstance ||
       command.kind == CommandKind::Register || command.kind == CommandKind::AssertUnlinkable ||
       command.kind == CommandKind::AssertUninstantiable)) {
    return skipped("needs an instance");
  }
  switch (command.kind) {
    case CommandKind::Module:
      return depth_ == Depth::Validate ? run_definition(command) : run_module(command);
    case CommandKind::ModuleDefinition:
      return run_definition(command);
    case CommandKind::ModuleInstance:
      return run_instance(command);
    case CommandKind::Register:
      return run_register(command);
    case CommandKind::Action:
      return run_action(command);
    case CommandKind::AssertReturn:
      return run_return(command);
    case CommandKind::AssertTrap:
    case CommandKind::AssertExhaustion:
    case CommandKind::AssertException:
      return run_trap(command);
    case CommandKind::AssertInvalid:
    case CommandKind::AssertMalformed:
      return run_refusal(command);
    case CommandKind::AssertUnlinkable:
      return run_unlinkable(command);
    case CommandKind::AssertUninstantiable:
      return run_uninstantiable(command);
    case CommandKind::Other:
      return skipped(fmt::format("commands of type {} are not run", command.type));
  }
  return skipped(command.type);
}

Outcome<> ScriptRunner::validate(ByteView bytes) {
  const auto kind = component::detect_binary(bytes);
  if (!kind) {
    return failed(Failure::Kind::Invalid, kind.error().to_line());
  }
  return *kind == component::BinaryKind::Component ? components_.validate(bytes)
                                                   : core_.validate(bytes);
}

Outcome<ScriptRunner::Definition> ScriptRunner::define(
    const Bytes& bytes, const std::string& name
) {
  if (!is_component(bytes)) {
    return std::make_shared<const Bytes>(bytes);
  }
  // Valid by itself first: what is wrong with it is told of it, and not of what is put around it.
  if (auto valid = components_.validate(bytes);
      !valid && valid.error().kind == Failure::Kind::Invalid) {
    return std::unexpected(valid.error());
  }
  const Bytes whole = compose_with(bytes, named_);
  const bool is_composed = whole.size() != bytes.size();
  auto loaded = components_.load(whole, name);
  if (!loaded && is_composed && loaded.error().kind == Failure::Kind::Invalid) {
    // Two sound components that don't fit.
    return failed(Failure::Kind::Unlinkable, loaded.error().message);
  }
  if (!loaded) {
    return std::unexpected(loaded.error());
  }
  return *std::move(loaded);
}

Outcome<ScriptRunner::Instance> ScriptRunner::instantiate(const Definition& definition) {
  if (const auto* module = std::get_if<std::shared_ptr<const Bytes>>(&definition)) {
    auto made = core_.instantiate(**module);
    if (!made) {
      return std::unexpected(made.error());
    }
    return *made;
  }
  auto made = components_.instantiate(std::get<ComponentWorld::Definition>(definition));
  if (!made) {
    return std::unexpected(made.error());
  }
  return *std::move(made);
}

void ScriptRunner::forget(const std::optional<std::string>& name) {
  last_instance_.reset();
  if (name) {
    instances_.erase(*name);
  }
}

void ScriptRunner::remember(const std::string& name, const Instance& instance, const Bytes& bytes) {
  instances_.insert_or_assign(name, instance);
  if (const auto* core = std::get_if<CoreInstanceId>(&instance)) {
    core_.register_as(name, *core);  // a name is enough to be imported
  } else {
    named_.insert_or_assign(name, compose_with(bytes, named_));
  }
}

Verdict ScriptRunner::run_module(const Command& command) {
  forget(command.name);
  const auto bytes = read_binary(command.file);
  if (!bytes) {
    return failure("a file", bytes.error().to_line());
  }
  const auto definition = define(*bytes, command.file);
  if (!definition) {
    return failure("a valid module", told(definition.error()));
  }
  auto made = instantiate(*definition);
  if (!made) {
    return failure("an instance", told(made.error()));
  }
  last_instance_ = *made;
  if (command.name) {
    remember(*command.name, *made, *bytes);
  }
  return passed();
}

Verdict ScriptRunner::run_definition(const Command& command) {
  last_definition_.reset();
  const auto bytes = read_binary(command.file);
  if (!bytes) {
    return failure("a file", bytes.error().to_line());
  }
  if (const auto valid = validate(*bytes); !valid) {
    return failure("a valid module", told(valid.error()));
  }
  if (depth_ == Depth::Validate) {
    return passed();
  }
  last_definition_bytes_ = *bytes;
  if (command.name) {
    definition_bytes_.insert_or_assign(*command.name, *bytes);
  }
  // Whether it can be linked shows when it is instantiated.
  if (auto definition = define(*bytes, command.file)) {
    last_definition_ = *definition;
    if (command.name) {
      definitions_.insert_or_assign(*command.name, *std::move(definition));
    }
    return passed();
  } else {
    const std::string why = told(definition.error());
    not_loaded_[""] = why;
    not_loaded_[command.name.value_or("")] = why;
    return passed("not loaded: " + why);
  }
}

Verdict ScriptRunner::run_instance(const Command& command) {
  forget(command.instance);
  const auto named = command.module ? definitions_.find(*command.module) : definitions_.end();
  const Definition* definition = nullptr;
  if (command.module) {
    definition = named == definitions_.end() ? nullptr : &named->second;
  } else {
    definition = last_definition_ ? &*last_definition_ : nullptr;
  }
  if (definition == nullptr) {
    const auto why = not_loaded_.find(command.module.value_or(""));
    return failure(
        "an instance",
        why == not_loaded_.end() ? "there is no such definition"
                                 : "the definition was not loaded: " + why->second
    );
  }
  auto made = instantiate(*definition);
  if (!made) {
    return failure("an instance", told(made.error()));
  }
  last_instance_ = *made;
  if (command.instance) {
    remember(
        *command.instance,
        *made,
        command.module ? definition_bytes_[*command.module] : last_definition_bytes_
    );
  }
  return passed();
}

Outcome<ScriptRunner::Instance> ScriptRunner::find(const std::optional<std::string>& name) const {
  if (!name) {
    return last_instance_ ? Outcome<Instance>(*last_instance_)
                          : failed(Failure::Kind::Script, "there is no instance");
  }
  const auto found = instances_.find(*name);
  return found != instances_.end()
             ? Outcome<Instance>(found->second)
             : failed(Failure::Kind::Script, fmt::format("there is no instance \"{}\"", *name));
}

Verdict ScriptRunner::run_register(const Command& command) {
  const auto instance = find(command.name);
  if (!instance) {
    return failure("an instance to register", told(instance.error()));
  }
  const auto* core = std::get_if<CoreInstanceId>(&*instance);
  if (core == nullptr) {
    const auto known = command.name ? named_.find(*command.name) : named_.end();
    if (known == named_.end()) {
      return skipped("only named instances of components can be registered");
    }
    named_.insert_or_assign(command.as, known->second);
    return passed();
  }
  core_.register_as(command.as, *core);
  return passed();
}

Outcome<> ScriptRunner::perform(const Action& action, const boost::json::array* expected) {
  const auto instance = find(action.module);
  if (!instance) {
    return std::unexpected(instance.error());
  }
  if (const auto* core = std::get_if<CoreInstanceId>(&*instance)) {
    return action.is_get
               ? core_.get(*core, action.field, expected != nullptr ? *expected : action.arguments)
               : core_.invoke(*core, action.field, action.arguments, expected);
  }
  if (action.is_get) {
    return failed(Failure::Kind::Script, "components export no globals");
  }
  return ComponentWorld::invoke(
      *std::get<std::shared_ptr<LiveComponent>>(*instance), action.field, action.arguments, expected
  );
}

Verdict ScriptRunner::run_action(const Command& command) {
  const auto done = perform(*command.action, nullptr);
  return done ? passed() : failure("a return", told(done.error()));
}

Verdict ScriptRunner::run_return(const Command& command) {
  if (!command.action) {
    return skipped("an assertion without an action");
  }
  const auto done = perform(*command.action, &command.expected);
  return done ? passed() : failure("the result given", told(done.error()));
}

Verdict ScriptRunner::run_trap(const Command& command) {
  if (!command.action) {
    return skipped("an assertion without an action");
  }
  const std::string wanted = command.kind == CommandKind::AssertException
                                 ? std::string("an exception that nobody catches")
                                 : fmt::format("a trap: {}", command.text);
  const auto done = perform(*command.action, nullptr);
  if (done) {
    return failure(wanted, "it returned");
  }
  if (done.error().kind != Failure::Kind::Trapped) {
    return failure(wanted, told(done.error()));
  }
  const engine::Trap& trap = done.error().trap;
  std::string why;
  if (command.kind == CommandKind::AssertExhaustion) {
    why = trap.kind == engine::TrapKind::StackOverflow ? "" : "that is no exhaustion";
  } else if (command.kind == CommandKind::AssertTrap) {
    why = explain_trap(command.text, trap);
  }
  return why.empty() ? passed(told(done.error()))
                     : failure(wanted, fmt::format("{}; {}", told(done.error()), why));
}

Verdict ScriptRunner::run_refusal(const Command& command) {
  const auto bytes = read_binary(command.file);
  if (!bytes) {
    return failure("a file", bytes.error().to_line());
  }
  const std::string wanted = fmt::format(
      "refused as {}: {}",
      command.kind == CommandKind::AssertInvalid ? "invalid" : "malformed",
      command.text
  );
  const auto valid = validate(*bytes);
  if (valid) {
    return failure(wanted, "accepted");
  }
  return valid.error().kind == Failure::Kind::Invalid ? passed(told(valid.error()))
                                                      : failure(wanted, told(valid.error()));
}

Verdict ScriptRunner::run_unlinkable(const Command& command) {
  const auto bytes = read_binary(command.file);
  if (!bytes) {
    return failure("a file", bytes.error().to_line());
  }
  const std::string wanted = fmt::format("can't be linked: {}", command.text);
  const auto definition = define(*bytes, command.file);
  if (!definition) {
    const bool is_link = definition.error().kind == Failure::Kind::Unlinkable;
    return is_link ? passed(told(definition.error())) : failure(wanted, told(definition.error()));
  }
  const auto made = instantiate(*definition);
  if (made) {
    return failure(wanted, "instantiated");
  }
  const bool is_link = made.error().kind == Failure::Kind::Unlinkable;
  return is_link ? passed(told(made.error())) : failure(wanted, told(made.error()));
}

Verdict ScriptRunner::run_uninstantiable(const Command& command) {
  const auto bytes = read_binary(command.file);
  if (!bytes) {
    return failure("a file", bytes.error().to_line());
  }
  const std::string wanted = fmt::format("a trap while it is instantiated: {}", command.text);
  const auto definition = define(*bytes, command.file);
  if (!definition) {
    return failure(wanted, told(definition.error()));
  }
  const auto made = instantiate(*definition);
  if (made) {
    return failure(wanted, "instantiated");
  }
  if (made.error().kind != Failure::Kind::Trapped) {
    return failure(wanted, told(made.error()));
  }
  const std::string why = explain_trap(command.text, made.error().trap);
  return why.empty() ? passed(told(made.error()))
                     : failure(wanted, fmt::format("{}; {}", told(made.error()), why));
}

}  // namespace whorl::conformance
