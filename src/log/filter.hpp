/// Which log lines are shown: the part of the env-filter syntax that RUST_LOG users write.
///
/// A filter is a comma list of directives: `level` (for everything), `target=level`, or `target`
/// alone (everything of it). A target matches by prefix; of several matching directives the longest
/// target counts. Levels: off, error, warn, info, debug, trace, or 0 to 5, in any case.
/// Directives about spans (`[…]`) are not supported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::log {

enum class Level : std::uint8_t { Error = 1, Warn, Info, Debug, Trace };

class Filter {
 public:
  /// Nothing is shown.
  Filter() = default;
  /// Never fails: directives that cannot be read are left out; `rejected` receives
  /// "`directive`: why" for each.
  [[nodiscard]] static Filter parse(
      std::string_view text, std::vector<std::string>* rejected = nullptr
  );
  /// What holds without RUST_LOG: errors, and warnings of our own targets.
  [[nodiscard]] static Filter defaults();

  [[nodiscard]] bool allows(Level level, std::string_view target) const noexcept;
  /// The most talkative level any target has; 0: none.
  [[nodiscard]] std::uint8_t max_level() const noexcept;

 private:
  struct Directive {
    std::string target;  ///< empty: everything
    std::uint8_t level;  ///< 0: off
  };
  std::vector<Directive> directives_;  ///< longest target first
};

}  // namespace whorl::log
