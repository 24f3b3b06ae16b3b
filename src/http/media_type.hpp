/// Media types of files by the ends of their names. @thread any
#pragma once

#include <string_view>

namespace whorl::http {

struct MediaType {
  std::string_view name;         ///< for content-type, with the charset of texts: UTF-8
  bool is_compressible = false;  ///< a compressed form of such a file may be worth having
};

/// @param path  letters of the extension may be of any case; an unknown one is
///              application/octet-stream
[[nodiscard]] MediaType media_type_of(std::string_view path) noexcept;

}  // namespace whorl::http
