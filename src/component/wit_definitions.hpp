/// Reads types, functions and definitions of types out of WIT text. Private to the room; wit_syntax
/// reads what they stand in. @thread any (a value for one run)
/// @spec component model, WIT.md "Types", "Item: func", "Gates"
#pragma once

#include "component/wit_lexer.hpp"
#include "component/wit_syntax.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace whorl::component::wit {

class DefinitionParser {
 public:
  /// @param in  outlives it
  explicit DefinitionParser(Lexer& in) noexcept : in_(in) {}

  /// `@since(…)`, `@unstable(…)`, `@deprecated(…)`. @return false for what is not to be had
  [[nodiscard]] Result<bool> gates();
  /// A comma, or what ends the list, which is left.
  [[nodiscard]] Result<void> comma_or(std::string_view end);
  /// Whether the next word begins the definition of a type.
  [[nodiscard]] bool is_type_definition() const;
  [[nodiscard]] Result<TypeDefinitionText> type_definition();
  /// `name: func(…) -> …;`
  [[nodiscard]] Result<FuncText> named_func();
  /// `func(…) -> …`, into `out`.
  [[nodiscard]] Result<void> func_type(FuncText& out);

 private:
  struct Form;

  [[nodiscard]] Result<void> members(TypeDefinitionText& out);
  [[nodiscard]] Result<void> resource_body(std::vector<FuncText>& out);
  [[nodiscard]] Result<void> signature(FuncText& out);
  [[nodiscard]] Result<TypeText> type(int depth);
  [[nodiscard]] Result<void> arguments(const Form& form, TypeText& out, int depth);
  [[nodiscard]] Result<void> fixed_length(TypeText& out);

  Lexer& in_;
};

}  // namespace whorl::component::wit
