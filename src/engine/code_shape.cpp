#include "engine/code_shape.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace whorl::engine {
namespace {

constexpr std::size_t kPreambleBytes = 8;
constexpr std::uint8_t kCodeSection = 10;

/// Takes an unsigned LEB128 of 32 bits off the front.
std::optional<std::uint32_t> take_u32(ByteView& rest) noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35 && !rest.empty(); shift += 7) {
    const std::uint8_t byte = rest.front();
    rest = rest.subspan(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if ((byte & 0x80U) == 0) {
      return value <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(value)) : std::nullopt;
    }
  }
  return std::nullopt;
}

/// Takes a length and so many bytes off the front.
std::optional<ByteView> take_sized(ByteView& rest) noexcept {
  const auto size = take_u32(rest);
  if (!size || *size > rest.size()) {
    return std::nullopt;
  }
  const ByteView taken = rest.first(*size);
  rest = rest.subspan(*size);
  return taken;
}

ByteView code_section(ByteView wasm) noexcept {
  ByteView rest = wasm.subspan(std::min(wasm.size(), kPreambleBytes));
  while (!rest.empty()) {
    const std::uint8_t id = rest.front();
    rest = rest.subspan(1);
    const auto section = take_sized(rest);
    if (!section) {
      break;
    }
    if (id == kCodeSection) {
      return *section;
    }
  }
  return {};
}

std::uint64_t fingerprint(ByteView body) noexcept {
  constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15U;
  std::uint64_t hash = body.size() * kPrime;
  while (!body.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(body.size(), sizeof(word));
    std::memcpy(&word, body.data(), size);
    body = body.subspan(size);
    hash = (hash ^ word) * kPrime;
    hash ^= hash >> 32U;
  }
  return hash;
}

}  // namespace

std::vector<CodeBody> code_bodies(ByteView wasm) {
  std::vector<CodeBody> bodies;
  ByteView rest = code_section(wasm);
  if (!take_u32(rest)) {
    return bodies;
  }
  while (const auto body = rest.empty() ? std::nullopt : take_sized(rest)) {
    bodies.push_back({fingerprint(*body), body->size()});
  }
  return bodies;
}

std::uint64_t code_bytes(ByteView wasm) noexcept {
  return code_section(wasm).size();
}

}  // namespace whorl::engine
