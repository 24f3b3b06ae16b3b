/// Template: a string of a manifest with `{{ name }}` in it.
///
/// Component variables, allowed hosts and the addresses of some triggers are written so. Parsing is
/// done once, when an application is configured; resolving asks for values each time, because
/// providers may change their answers. @thread any (a value, immutable once parsed)
#pragma once

#include "base/result.hpp"

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace whorl::app {

class Template {
 public:
  /// A literal or the name of a variable, in the order of the text.
  struct Part {
    bool is_variable = false;
    std::string text;
    [[nodiscard]] bool operator==(const Part&) const = default;
  };

  /// The empty string.
  Template() = default;
  /// Splits a text. Blanks around a name are dropped; whether the name exists is the caller's
  /// question. There is no escape, and nothing nests: the first `}}` ends a name.
  /// @return errors: InvalidInput in Spin's words ("unmatched '{{' in template")
  [[nodiscard]] static Result<Template> parse(std::string_view text);

  [[nodiscard]] const std::vector<Part>& parts() const noexcept [[clang::lifetimebound]] {
    return parts_;
  }
  /// Nothing has to be asked: resolve() gives the same for ever.
  [[nodiscard]] bool is_literal() const noexcept;
  /// The names in it, in the order of the text, each as often as it stands there.
  [[nodiscard]] std::vector<std::string_view> variables() const [[clang::lifetimebound]];

  /// Puts the pieces together.
  /// @param value_of  `Result<std::string> (std::string_view name)`; its first error is the result
  template <class ValueOf>
    requires std::same_as<std::invoke_result_t<ValueOf&, std::string_view>, Result<std::string>>
  [[nodiscard]] Result<std::string> resolve(ValueOf&& value_of) const {
    std::string out;
    for (const Part& part : parts_) {
      if (part.is_variable) {
        WHORL_TRY(const std::string value, value_of(std::string_view(part.text)));
        out += value;
      } else {
        out += part.text;
      }
    }
    return out;
  }

  [[nodiscard]] bool operator==(const Template&) const = default;

 private:
  std::vector<Part> parts_;
};

}  // namespace whorl::app
