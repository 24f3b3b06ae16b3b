/// Writes imports into a component, each when it is first asked for, after those it refers to.
///
/// Private to the room. @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "component/component_writer.hpp"
#include "component/import_world.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace whorl::component {

class ImportWriter {
 public:
  /// @param world, out  outlive it; nothing else imports into `out`
  ImportWriter(const ImportWorld& world, ComponentWriter& out);

  /// @return  the item that the import is; InvalidInput where imports need each other in a circle
  [[nodiscard]] Result<ir::SortIndex> import(std::uint32_t index);
  /// @return  the type's index
  [[nodiscard]] Result<std::uint32_t> type(const TypePlace& place);

  /// What was imported, in order: entries of ImportWorld::imports.
  [[nodiscard]] const std::vector<std::uint32_t>& written() const noexcept { return written_; }

 private:
  [[nodiscard]] Result<ir::SortIndex> write(const ImportedItem& item);
  [[nodiscard]] Result<std::uint32_t> instance_type(const std::vector<ImportedEntry>& body);
  [[nodiscard]] Result<std::uint32_t> write_type(const TypePlace& place);

  struct State {
    enum class Kind : std::uint8_t { New, Begun, Done };
    Kind kind = Kind::New;
    ir::SortIndex item;
  };
  const ImportWorld& world_;
  ComponentWriter& out_;
  std::vector<State> states_;  ///< by import
  std::map<TypePlace, std::uint32_t> types_;
  std::vector<std::uint32_t> written_;
  std::uint32_t depth_ = 0;
};

}  // namespace whorl::component
