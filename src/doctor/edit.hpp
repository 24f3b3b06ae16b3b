/// Cures that edit a manifest and leave everything else in it as it is, comments too. @thread any
/// (blocks)
#pragma once

#include "base/result.hpp"
#include "doctor/diagnose.hpp"

#include <string>
#include <string_view>

namespace whorl::doctor {

/// The text of a manifest after a cure.
/// @return errors: InvalidInput where the text is written in a way that cannot be edited safely
[[nodiscard]] Result<std::string> edited(std::string_view text, const Diagnosis& diagnosis);

/// Edits the manifest. The old text is kept beside it, with `.bak` at the end of its name.
/// @return errors: those of edited(), of reading and writing
[[nodiscard]] Result<void> edit_manifest(
    const std::string& manifest_path, const Diagnosis& diagnosis
);

}  // namespace whorl::doctor
