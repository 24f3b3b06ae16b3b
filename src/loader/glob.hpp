/// Glob patterns as Spin's manifests use them, over texts and over folders.
///
/// `?` is one character, `*` any number of them, `[a-z]` and `[!a-z]` classes, `**` alone between
/// slashes any number of folders. Names that begin with a dot are like others; case counts. These
/// are other patterns than fs::Glob's, which build tools write: without alternatives in braces, and
/// in `exclude_files` a `*` takes slashes, too.
/// @thread any
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::loader {

/// One pattern, checked.
class GlobPattern {
 public:
  /// @param offset  added to the position in an error's message, where the text is part of a longer
  ///                one
  /// @return errors: InvalidInput, worded as Spin's library does it
  [[nodiscard]] static Result<GlobPattern> parse(std::string_view text, std::size_t offset = 0);

  /// Against a whole text, in which slashes are like other characters, but for `**`. Takes time in
  /// proportion to both lengths multiplied.
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct Token {
    enum class Kind : std::uint8_t { Character, Any, Sequence, Recursive, Within, Except };
    Kind kind;
    char32_t character = 0;
    std::vector<Range> ranges{};
  };
  [[nodiscard]] static bool takes(const Token& token, char32_t character);
  [[nodiscard]] static std::vector<Range> read_ranges(const std::u32string& text);
  /// Marks a token as the next one, and those that may follow it without a character.
  void enter(std::vector<bool>& states, std::size_t token) const;

  std::vector<Token> tokens_;
};

/// What a walk may come across before it is given up: trees of symbolic links can be endless.
struct GlobLimits {
  std::size_t files = 200'000;
  std::size_t folders = 100'000;  ///< read, each as often as it is
};

/// It takes a pattern to match something of this name.
[[nodiscard]] bool looks_like_glob(std::string_view text) noexcept;

/// The regular files that a pattern matches, as paths relative to the folder, in the order of their
/// names. Symbolic links are followed wherever they lead, but not into a folder one is already in.
/// @param folder   absolute
/// @param pattern  relative; its `.` and `..` segments are taken as they are
/// @return errors: InvalidInput (the pattern), ResourceLimit. Folders that cannot be read match
///         nothing.
[[nodiscard]] Result<std::vector<std::string>> glob_files(
    const std::string& folder, std::string_view pattern, const GlobLimits& limits = {}
);

}  // namespace whorl::loader
