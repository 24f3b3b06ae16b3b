/// WIT text as it is written: packages, their interfaces and worlds, nothing looked up yet.
///
/// Private to the room; wit_packages.hpp makes worlds of it. @thread any (values)
/// @spec component model, WIT.md
#pragma once

#include "base/result.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::component::wit {

/// A place in a text; both count from 1.
struct Place {
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

/// `streams`, or `wasi:io/streams@0.2.0`.
struct UsePath {
  std::string package{};  ///< "wasi:io@0.2.0"; empty: the package it is written in
  std::string name{};
  Place place{};
};

/// A type as it is written at some place: a name, or a form with arguments.
struct TypeText {
  std::string name{};  ///< of a named type; else empty
  TypeKind kind = TypeKind::Bool;
  /// Arguments in their order; an empty one is `_` or left out.
  std::vector<std::optional<TypeText>> arguments{};
  std::uint32_t length = 0;  ///< of a list with a fixed length
  Place place{};
};

struct MemberText {
  std::string name{};
  std::optional<TypeText> type{};
};

struct FuncText {
  enum class Kind : std::uint8_t { Free, Method, Static, Constructor };
  Kind kind = Kind::Free;
  std::string name{};
  std::vector<MemberText> parameters{};
  std::optional<TypeText> result{};
  bool is_async = false;
};

/// `record`, `variant`, `enum`, `flags`, `type … = …`, `resource`.
struct TypeDefinitionText {
  enum class Form : std::uint8_t { Alias, Members, Resource };
  Form form = Form::Alias;
  std::string name{};
  TypeKind kind = TypeKind::Record;  ///< Members: of what
  std::vector<MemberText> members{};
  std::optional<TypeText> target{};   ///< Alias
  std::vector<FuncText> functions{};  ///< Resource
  Place place{};
};

struct UseText {
  UsePath from{};
  std::vector<std::pair<std::string, std::string>> names{};  ///< there → here
};

struct InterfaceText {
  std::string name{};
  std::vector<std::variant<TypeDefinitionText, FuncText, UseText>> items{};
};

struct IncludeText {
  UsePath world{};
  std::vector<std::pair<std::string, std::string>> renamed{};  ///< there → here
};

/// `import` or `export` of a world.
struct ExternText {
  bool is_import = true;
  std::string name{};  ///< empty: that of the interface
  std::variant<UsePath, FuncText, InterfaceText> what{};
};

struct WorldText {
  std::string name{};
  std::vector<std::variant<ExternText, IncludeText, UseText, TypeDefinitionText>> items{};
};

/// What stands in one file, or between the braces of a nested package.
struct PackageText {
  std::string package{};                   ///< "wasi:io@0.2.0"; empty where the file does not say
  std::string file{};                      ///< as messages show it
  std::map<std::string, UsePath> names{};  ///< `use … as …` of the file itself
  std::vector<InterfaceText> interfaces{};
  std::vector<WorldText> worlds{};
};

/// The longest text that is read, bytes.
inline constexpr std::size_t kMaxWitBytes = std::size_t{4} << 20;

/// Reads one file. What is gated by a feature (`@unstable`) is left out.
/// @param file  as messages are to show it
/// @return the file's own package first, then nested ones; errors: InvalidInput with the place
[[nodiscard]] Result<std::vector<PackageText>> parse_wit(
    std::string_view text, std::string_view file
);

/// The message with the place in the text under it.
[[nodiscard]] Error wit_error(
    std::string_view file, Place place, std::string_view line, std::string_view message
);

}  // namespace whorl::component::wit
