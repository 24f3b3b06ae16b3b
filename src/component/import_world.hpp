/// What a component imports, with the types of it, freed of the component's indices; and several of
/// those as one.
///
/// Two components that import the same interface each declare the part of it that they use. Where
/// both become parts of one component there is one import of both, and it must have what either
/// declares; and because a resource of the one must be a resource of the other, so must two
/// compatible versions of an interface. Private to the room. @thread any (values)
/// @spec component model, Explainer "Import and Export Definitions"
#pragma once

#include "base/result.hpp"
#include "component/ir.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace whorl::component {

/// A type, said without an index of a component.
struct TypePlace {
  enum class Kind : std::uint8_t {
    Export,   ///< what an imported instance exports as a name
    Import,   ///< what is imported as a type
    Defined,  ///< what is defined outside of all of them
  };
  Kind kind = Kind::Defined;
  std::uint32_t index = 0;  ///< entry of ImportWorld::imports, or of ImportWorld::defined
  std::string_view name = {};

  [[nodiscard]] auto operator<=>(const TypePlace&) const = default;
};

/// A type that is defined outside of all interfaces; its indices are entries of `uses`.
struct FreeType {
  ir::TypeDefinition definition;
  std::vector<TypePlace> uses;
};

/// An entry of an imported instance's type. Definitions, places and exports of types are numbered
/// together, in order; indices are such numbers.
using ImportedEntry = std::variant<ir::TypeDefinition, TypePlace, ir::Export>;

struct ImportedItem {
  std::string_view name;  ///< "wasi:io/streams@0.2.0"
  std::string_view implements;
  ir::Sort sort = ir::Sort::Instance;  ///< Instance, Func or Type
  ir::ExternType::Bound bound = ir::ExternType::Bound::None;
  std::optional<TypePlace> type;    ///< of a function; what a type is equal to
  std::vector<ImportedEntry> body;  ///< of an instance

  /// The interface it is: the name, or what a plain name implements.
  [[nodiscard]] std::string_view interface() const noexcept {
    return implements.empty() ? name : implements;
  }
};

/// Names are views into the bytes that the components were decoded from.
struct ImportWorld {
  std::vector<ImportedItem> imports;
  std::vector<FreeType> defined;
};

/// @return Unsupported where something is imported that no host provides: a component, a module, an
///         instance inside an instance
[[nodiscard]] Result<ImportWorld> read_imports(const ir::Component& component);

/// Puts imports of several components together, which outlive it.
class ImportMerger {
 public:
  /// Adds an import of a component whose other imports were placed before it.
  ///
  /// @param placed  where each import of `from` is among the merged ones; nothing for those that
  ///                the whole does not import
  /// @return        where the import is; InvalidInput where it does not go together with others
  [[nodiscard]] Result<std::uint32_t> add(
      const ImportWorld& from,
      std::uint32_t import,
      std::span<const std::optional<std::uint32_t>> placed
  );

  [[nodiscard]] const ImportWorld& world() const noexcept { return world_; }

 private:
  /// What is known of a merged instance.
  struct Merged {
    std::unordered_map<std::string_view, std::uint32_t> types;  ///< exported ones, by name
    std::unordered_set<std::string_view> names;                 ///< of all exports
    std::map<TypePlace, std::uint32_t> places;
    std::uint32_t type_count = 0;
  };
  struct Source {
    const ImportWorld& world;
    const ImportedItem& item;
    std::span<const std::optional<std::uint32_t>> placed;
  };
  [[nodiscard]] Result<TypePlace> place(const Source& from, const TypePlace& of);
  [[nodiscard]] Result<> merge_body(const Source& from, std::uint32_t into);
  /// @return  its number among the entries that have one
  [[nodiscard]] std::uint32_t append(std::uint32_t into, ImportedEntry entry);

  ImportWorld world_;
  std::vector<Merged> merged_;                             ///< by import
  std::unordered_map<std::string, std::uint32_t> by_key_;  ///< interface and what it fits with
  /// Where definitions of the worlds that were added are.
  std::map<std::pair<const ImportWorld*, std::uint32_t>, std::uint32_t> defined_;
};

}  // namespace whorl::component
