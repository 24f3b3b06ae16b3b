/// The types of imports as a graph, to see how their functions look as core functions.
///
/// Private to the room. @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "component/import_world.hpp"
#include "component/types.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace whorl::component {

/// What an entry of an imported instance's type says; one of them.
struct EntryType {
  TypeRef value = nullptr;
  std::shared_ptr<const FuncShape> func = nullptr;
  ResourceRef resource = nullptr;
};

class ImportTypes {
 public:
  explicit ImportTypes(const ImportWorld& world);

  /// The types of an imported instance, by the numbers of its entries.
  /// @return InvalidInput for types that are not well formed
  [[nodiscard]] Result<const std::vector<EntryType>*> of(std::uint32_t import);

 private:
  [[nodiscard]] Result<std::vector<EntryType>> read(const ImportedItem& item);
  [[nodiscard]] Result<EntryType> at(const TypePlace& place);
  [[nodiscard]] Result<EntryType> find(const TypePlace& place);
  [[nodiscard]] Result<EntryType> make(
      const ir::TypeDefinition& definition, const std::vector<EntryType>& known
  );
  [[nodiscard]] Result<TypeRef> value(const ir::ValType& type, const std::vector<EntryType>& known)
      const;

  const ImportWorld& world_;
  std::vector<std::optional<std::vector<EntryType>>> imports_;
  std::map<TypePlace, EntryType> places_;
  std::uint32_t depth_ = 0;
};

}  // namespace whorl::component
