/// Interfaces that guests may import though the host has nothing behind them, and interfaces that a
/// part of a composition was not granted: every call answers with the interface's own error, so
/// that an application that only might use one still runs.
///
/// Made from the types the component declares: whatever version of the interface it was built
/// against links. @thread shard
#pragma once

#include "component/host.hpp"
#include "component/interpret.hpp"
#include "engine/store.hpp"

#include <memory>
#include <optional>
#include <string>

namespace whorl::component {

/// Why a call is not served.
enum class Absence : std::uint8_t {
  NotThere,  ///< the host has nothing behind the interface
  Denied,    ///< the caller was not granted what it stands for
};

/// The environment of such a function; owned by the prepared component.
struct AnnouncedSite {
  /// What a call answers.
  enum class Answer : std::uint8_t {
    Trap,     ///< the result has no room for an answer
    Error,    ///< the result's error
    Nothing,  ///< an empty list, no value
  };
  CallSite site;
  std::shared_ptr<const FuncLayout> layout;
  /// Type of the error that the result can hold; null if there is none to answer with.
  TypeRef error;
  TypeKind result = TypeKind::Bool;  ///< with Nothing: List, String or Option
  Answer answer = Answer::Trap;
  Absence why = Absence::NotThere;
  bool is_async = false;  ///< lowered asynchronously
  std::string message;    ///< what an error with a text says, and what a trap says
};

/// @param interface, function  as imported, for messages
[[nodiscard]] Result<AnnouncedSite> make_announced(
    const FuncShape& shape, std::string_view interface, std::string_view function, Absence why
);

/// What a call answers that is not a trap.
[[nodiscard]] Value refusal_of(const AnnouncedSite& announced);

/// Answers with the error, or traps where the function's result has no room for one; env is a
/// `const AnnouncedSite*`. The arguments are not looked at.
engine::HostStatus announced_thunk(void* env, engine::Store& store, engine::RawVal* slots);

/// The value of an error type that says best that something is not there, or not granted: a case by
/// its name, else the last one that carries a text or nothing. Nothing for types that no text fits
/// into.
[[nodiscard]] std::optional<Value> unavailable_error(
    const TypeRef& type, std::string_view message, Absence why
);

}  // namespace whorl::component
