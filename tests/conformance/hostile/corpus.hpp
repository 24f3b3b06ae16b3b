/// The corpus of hostile guests: tables of what can go wrong, made into components by code.
/// @thread any (values)
#pragma once

#include "assembler.hpp"

#include "component/value.hpp"
#include "engine/types.hpp"

#include <optional>
#include <string>
#include <vector>

namespace whorl::hostile {

/// How a guest is expected to end.
struct Ending {
  enum class Stage : std::uint8_t {
    Load,         ///< refused, InvalidInput
    Instantiate,  ///< trapped, start functions included
    Call,         ///< trapped
    Returns,      ///< did no harm after all
  };
  Stage stage = Stage::Call;
  engine::TrapKind kind = engine::TrapKind::HostTrap;
  std::string text;  ///< part of the message, where it is ours
};

/// One guest, and the export that is called.
struct Guest {
  std::string name;
  Bytes component;
  Ending ending;
  std::vector<component::Value> (*arguments)() = nullptr;
  /// Exports called one after the other; the last one ends as expected, those before it return.
  std::vector<std::string> calls = {"f"};
};

using Guests = std::vector<Guest>;

// Families of guests, one in each file.
[[nodiscard]] Guests bad_result_pointers();
[[nodiscard]] Guests bad_strings();
[[nodiscard]] Guests bad_lists();
[[nodiscard]] Guests bad_scalars();
[[nodiscard]] Guests bad_reallocs();
[[nodiscard]] Guests bad_post_returns();
[[nodiscard]] Guests bad_starts();
[[nodiscard]] Guests bad_bodies();
[[nodiscard]] Guests bad_signatures();
[[nodiscard]] Guests bad_calls_between_guests();
[[nodiscard]] Guests bad_handles();
[[nodiscard]] Guests bad_reentrance();
[[nodiscard]] Guests bad_host_calls();
[[nodiscard]] Guests bad_nesting();

// --- shared --------------------------------------------------------------------------------------

/// The interface that guests may import (host.hpp).
inline constexpr std::string_view kHostInterface = "test:hostile/host@1.0.0";
/// Imports `note: func()` of it. @return the function
std::uint32_t import_note(Component& component);

/// Something that ends a guest, as code that never returns.
struct Behaviour {
  const char* name;
  Code code;
  engine::TrapKind kind;
  const char* text;
};
/// @param deep  function that calls itself for ever
[[nodiscard]] std::vector<Behaviour> behaviours(std::uint32_t deep);
/// The function that calls itself for ever. @param self  its index
[[nodiscard]] Func deep_func(std::uint32_t self);

}  // namespace whorl::hostile
