/// Packages of WIT text that refer to each other, and the worlds they describe.
///
/// Private to the room; target.hpp uses it. @thread any (a value)
/// @spec component model, WIT.md "Package declaration", "Interfaces", "Worlds"
#pragma once

#include "base/result.hpp"
#include "component/wit_syntax.hpp"
#include "component/wit_world.hpp"

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::component::wit {

/// "wasi:io@0.2.0" and "streams" → "wasi:io/streams@0.2.0".
[[nodiscard]] std::string full_name(std::string_view package, std::string_view name);

class Packages {
 public:
  struct Source {
    std::string file;  ///< as messages show it
    std::string text;
  };

  Packages();
  Packages(Packages&&) noexcept;
  Packages& operator=(Packages&&) noexcept;
  ~Packages();

  /// Adds one package that is written in several files, and those nested in them.
  /// @return its name; errors: InvalidInput (syntax, two names, none, a package that is there)
  [[nodiscard]] Result<std::string> add(std::span<const Source> files);

  /// A world with everything it includes, and the interfaces that those it has use.
  /// @return errors: NotFound (no such world), InvalidInput (names that lead nowhere or in circles)
  [[nodiscard]] Result<World> world(std::string_view package, std::string_view name) const;

 private:
  struct Texts;
  std::unique_ptr<Texts> texts_;
};

}  // namespace whorl::component::wit
