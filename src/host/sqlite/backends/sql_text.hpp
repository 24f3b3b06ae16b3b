/// A first look at a statement: where it is best run. Only a guess by its words; what it may do is
/// decided when it is prepared. @thread any
#pragma once

#include <cstdint>
#include <string_view>

namespace whorl::host::sqlite {

enum class Route : std::uint8_t {
  Read,     ///< changes nothing: any connection that reads
  Write,    ///< may change something: the connection that writes, in a group
  Session,  ///< leaves something behind that later statements depend on: a connection of its own
};

[[nodiscard]] Route route_of(std::string_view sql);
/// Whether a statement counts rows: INSERT, REPLACE, UPDATE, DELETE, perhaps after WITH.
[[nodiscard]] bool changes_rows(std::string_view sql);

}  // namespace whorl::host::sqlite
