/// Internal to engine/: the engine's traps and errors turned into ours.
#pragma once

#include "engine/capi.hpp"

#include <chrono>

namespace whorl::engine {

/// What went wrong, from what a call gave back; exactly one of the two is set.
[[nodiscard]] Trap to_trap(const wasm_trap_t* trap, const wasmtime_error_t* error);
/// The guest frames of either; empty where it has none.
[[nodiscard]] std::vector<TrapFrame> frames_of(
    const wasm_trap_t* trap, const wasmtime_error_t* error
);
/// A function's name for people: Itanium and old Rust mangling undone, anything else unchanged.
[[nodiscard]] std::string demangled(std::string_view name);
/// "30 s", "1.5 s", "250 ms", "40 us".
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds duration);

}  // namespace whorl::engine
