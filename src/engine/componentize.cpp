#include "engine/componentize.hpp"

#include "engine/capi.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

extern "C" {
// Of third_party/wasmtime/src/componentize.rs.
bool whorl_componentize(const std::uint8_t* module, std::size_t bytes, wasm_byte_vec_t* out);
}

namespace whorl::engine {
namespace {

/// For a terminal: names of the module's may be in it.
std::string shown(std::string_view text) {
  constexpr std::size_t kMax = 500;
  std::string out;
  for (const char c : text.substr(0, kMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return text.size() > kMax ? out + "…" : out;
}

/// @param text  a line for each cause, the outermost first
Error failure(std::string_view text) {
  std::vector<std::string_view> causes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const std::string_view line = text.substr(0, end); !line.empty()) {
      causes.push_back(line);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (causes.empty()) {
    return fail(ErrorKind::InvalidInput, "it can't be made a component");
  }
  Error out = fail(ErrorKind::InvalidInput, "{}", shown(causes.back()));
  causes.pop_back();
  for (; !causes.empty(); causes.pop_back()) {
    out.add_context(shown(causes.back()));
  }
  return out;
}

}  // namespace

Result<Bytes> componentize(ByteView module) {
  capi::ByteVec out;
  const bool is_made = whorl_componentize(module.data(), module.size(), &out.vec);
  const std::string_view made = capi::text_of(out.vec);
  if (!is_made) {
    return failure(made);
  }
  const ByteView bytes = as_bytes(made);
  return Bytes(bytes.begin(), bytes.end());
}

}  // namespace whorl::engine
