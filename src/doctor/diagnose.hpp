/// What is wrong with an application that does not build or start, found without running it.
/// @thread any (blocks: looks at files, runs `rustup`)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace whorl::doctor {

struct Diagnosis {
  enum class Severity : std::uint8_t { Warning, Error };
  enum class Cure : std::uint8_t {
    None,           ///< a person must decide
    Build,          ///< `whorl build` makes what is missing
    Upgrade,        ///< the manifest is rewritten in version 2 (doctor/upgrade.hpp)
    AddRustTarget,  ///< `rustup target add wasm32-wasip2`
    // The manifest is edited (doctor/edit.hpp).
    SetVersion,  ///< to `value`
    AddTrigger,  ///< for HTTP, at the top level of a manifest of version 1
    AddRoute,    ///< for every path, to the only component of a manifest of version 1
  };
  Severity severity = Severity::Error;
  std::string text{};  ///< in Spin's words where Spin has any
  Cure cure = Cure::None;
  std::string advice{};  ///< what a person can do; empty when the text says it
  std::string value{};   ///< what the cure writes or builds
  [[nodiscard]] bool operator==(const Diagnosis&) const = default;
};

/// What is installed to build components with Rust.
struct RustTools {
  enum class Target : std::uint8_t { Installed, Missing, Unknown };
  bool has_cargo = true;
  Target target = Target::Unknown;  ///< wasm32-wasip2; unknown without rustup
};
/// Asks `rustup`, and looks for `cargo`.
[[nodiscard]] RustTools find_rust_tools();

struct Examination {
  std::vector<Diagnosis> diagnoses{};
  std::vector<std::string> notes{};  ///< what could not be found out
};

/// Looks at a manifest and the files it names.
/// @param rust  asked only if some component is built with cargo
/// @return errors: NotFound; InvalidInput for a text that is no TOML. Everything else is a
/// diagnosis
[[nodiscard]] Result<Examination> examine(
    const std::string& manifest_path, RustTools (*rust)() = find_rust_tools
);

}  // namespace whorl::doctor
