/// What is wrong with an application that does not build or start, found without running it.
/// @thread any (blocks: looks at files)
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace whorl::doctor {

struct Diagnosis {
  enum class Severity : std::uint8_t { Warning, Error };
  enum class Cure : std::uint8_t {
    None,          ///< a person must decide
    Build,         ///< `whorl build` makes what is missing
    WriteVersion,  ///< the manifest gets `spin_manifest_version = 2`
    Upgrade,       ///< the manifest is rewritten in version 2 (doctor/upgrade.hpp)
  };
  Severity severity = Severity::Error;
  std::string text;  ///< in Spin's words
  Cure cure = Cure::None;
  std::string advice;  ///< what a person can do; empty when the text says it
  [[nodiscard]] bool operator==(const Diagnosis&) const = default;
};

/// Looks at a manifest and the files it names.
/// @return errors: NotFound; InvalidInput for a text that is no TOML. Everything else is a
/// diagnosis
[[nodiscard]] Result<std::vector<Diagnosis>> examine(const std::string& manifest_path);

/// Puts the version of manifests at the head of one that has none. The old text is kept beside it,
/// with `.bak` at the end of its name.
/// @return errors: those of reading and writing
[[nodiscard]] Result<void> write_version(const std::string& manifest_path);

}  // namespace whorl::doctor
