/// The few things needed to write core WebAssembly. Private to the room. @thread any
/// @spec WebAssembly core specification, §5 binary format
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace whorl::component {

inline void append_leb(Bytes& out, std::uint64_t value) {
  do {
    const auto low = static_cast<std::uint8_t>(value & 0x7f);
    value >>= 7;
    out.push_back(static_cast<std::uint8_t>(value != 0 ? low | 0x80 : low));
  } while (value != 0);
}

inline void append_bytes(Bytes& out, ByteView part) {
  out.insert(out.end(), part.begin(), part.end());
}

inline void append_name(Bytes& out, std::string_view name) {
  append_leb(out, name.size());
  append_bytes(out, as_bytes(name));
}

inline void append_section(Bytes& out, std::uint8_t id, ByteView body) {
  out.push_back(id);
  append_leb(out, body.size());
  append_bytes(out, body);
}

}  // namespace whorl::component
