/// Base64 (RFC 4648 §4: the usual alphabet, with padding). @thread any (pure functions)
#pragma once

#include "base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace whorl {

[[nodiscard]] std::string to_base64(ByteView bytes);
/// Nothing when the text is not exactly what to_base64() writes for some bytes.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

}  // namespace whorl
