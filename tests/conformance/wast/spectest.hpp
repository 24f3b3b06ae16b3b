/// Core modules that the runner brings along. @thread any
#pragma once

#include "base/bytes.hpp"

#include <cstdint>

namespace whorl::conformance {

/// The module "spectest" that core scripts import: functions that print (here: do nothing), globals
/// of 666 and so on, a table and a memory.
/// @spec the interpreter of the core specification, "spectest host module"
[[nodiscard]] Bytes spectest_module();

/// The core module "simple-module" that scripts of components import of their host: a function `f`
/// that returns 101, a global `g` of 100.
[[nodiscard]] Bytes simple_module();

/// Imports one global of a type and exports `get`, which returns its value.
/// @param type  code of the value type, 0x7f is i32
[[nodiscard]] Bytes global_reader(std::uint8_t type, bool is_mutable);

}  // namespace whorl::conformance
