/// Interfaces that guests may import though the host has nothing behind them: every call answers
/// with the interface's own error, so that an application that only might use one still runs.
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

/// The environment of such a function; owned by the prepared component.
struct AnnouncedSite {
  CallSite site;
  std::shared_ptr<const FuncLayout> layout;
  /// Type of the error that the result can hold; null if there is none to answer with.
  TypeRef error;
  bool has_error = false;  ///< the result is a `result`, perhaps without an error type
  std::string message;     ///< what an error with a text says, and what a trap says
};

/// @param interface, function  as imported, for messages
[[nodiscard]] Result<AnnouncedSite> make_announced(
    const FuncShape& shape, std::string_view interface, std::string_view function
);

/// Answers with the error, or traps where the function's result has no room for one; env is a
/// `const AnnouncedSite*`. The arguments are not looked at.
engine::HostStatus announced_thunk(void* env, engine::Store& store, engine::RawVal* slots);

/// The value of an error type that says best that something is not there: a case that carries a
/// text, else a case by its name, else the last one. Nothing for types that no text fits into.
[[nodiscard]] std::optional<Value> unavailable_error(const TypeRef& type, std::string_view message);

}  // namespace whorl::component
