/// What became of one step of a script: done, or why not. @thread any (values)
#pragma once

#include "engine/types.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace whorl::conformance {

/// Why something did not work.
struct Failure {
  enum class Kind : std::uint8_t {
    Invalid,      ///< not a valid module or component
    Unlinkable,   ///< valid, but it can't be given what it imports
    Trapped,      ///< guest code ended itself, or was ended
    Unsupported,  ///< understood, but Whorl does not offer it
    Script,       ///< the script asks for what is not there, or the runner can't do it
  };
  Kind kind = Kind::Script;
  std::string message;
  engine::Trap trap = {};  ///< Trapped
};

template <class T = void>
using Outcome = std::expected<T, Failure>;

[[nodiscard]] inline std::unexpected<Failure> failed(Failure::Kind kind, std::string message) {
  return std::unexpected(Failure{kind, std::move(message), {}});
}
[[nodiscard]] inline std::unexpected<Failure> trapped(engine::Trap trap) {
  std::string message = trap.message;
  return std::unexpected(Failure{Failure::Kind::Trapped, std::move(message), std::move(trap)});
}

}  // namespace whorl::conformance
