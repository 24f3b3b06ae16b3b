#include "engine/code_shape.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace whorl::engine {
namespace {

constexpr std::size_t kPreambleBytes = 8;
constexpr std::uint8_t kCustomSection = 0;
constexpr std::uint8_t kCodeSection = 10;
constexpr std::uint8_t kDataSection = 11;
constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15U;

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

struct Section {
  std::uint8_t id;
  ByteView body;
};

/// Takes a section off the front.
std::optional<Section> take_section(ByteView& rest) noexcept {
  if (rest.empty()) {
    return std::nullopt;
  }
  const std::uint8_t id = rest.front();
  rest = rest.subspan(1);
  const auto body = take_sized(rest);
  return body ? std::optional(Section{id, *body}) : std::nullopt;
}

ByteView behind_preamble(ByteView wasm) noexcept {
  return wasm.subspan(std::min(wasm.size(), kPreambleBytes));
}

ByteView code_section(ByteView wasm) noexcept {
  ByteView rest = behind_preamble(wasm);
  while (const auto section = take_section(rest)) {
    if (section->id == kCodeSection) {
      return section->body;
    }
  }
  return {};
}

std::uint64_t mix(std::uint64_t hash) noexcept {
  hash *= kPrime;
  return hash ^ (hash >> 32U);
}

std::uint64_t fingerprint(ByteView body) noexcept {
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

/// Of all that functions are compiled from, themselves and data aside: what the engine's names for
/// functions cover, as cranelift-reuse.patch has it.
std::uint64_t environment_of(ByteView wasm) noexcept {
  std::uint64_t hash = 0;
  ByteView rest = behind_preamble(wasm);
  while (const auto section = take_section(rest)) {
    if (section->id != kCustomSection && section->id != kCodeSection &&
        section->id != kDataSection) {
      hash = mix(hash + section->id) ^ fingerprint(section->body);
    }
  }
  return hash;
}

}  // namespace

std::vector<CodeBody> code_bodies(ByteView wasm) {
  std::vector<CodeBody> bodies;
  const std::uint64_t environment = environment_of(wasm);
  ByteView rest = code_section(wasm);
  if (!take_u32(rest)) {
    return bodies;
  }
  while (const auto body = rest.empty() ? std::nullopt : take_sized(rest)) {
    const std::uint64_t place = mix(environment + bodies.size());
    bodies.push_back({mix(fingerprint(*body) ^ place), body->size()});
  }
  return bodies;
}

std::uint64_t code_bytes(ByteView wasm) noexcept {
  return code_section(wasm).size();
}

}  // namespace whorl::engine
