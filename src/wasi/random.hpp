/// Random numbers for guests: from the operating system, and fast ones that are no secret.
///
/// @thread shard (each instance has its own)
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace whorl::wasi {

/// Guests get many random bytes in pieces, between which others get their turn: some 100 µs of the
/// kernel's time.
inline constexpr std::uint32_t kRandomPiece = 32 << 10;

/// Bytes of the operating system's generator, fetched a little ahead so that the few bytes a guest
/// takes to seed its hash maps do not cost a system call each: at first for one event, then, since
/// the instance serves one event after the other, for many. Handed-out bytes are wiped.
class SecureRandom {
 public:
  SecureRandom() = default;
  SecureRandom(const SecureRandom&) = delete;
  SecureRandom& operator=(const SecureRandom&) = delete;
  ~SecureRandom();

  /// Most bytes that a fill() copies out of those fetched ahead. For more the kernel writes to
  /// `out` itself.
  static constexpr std::size_t kMostCopied = 32;

  void fill(MutableByteView out);
  [[nodiscard]] std::uint64_t next();

 private:
  static constexpr std::size_t kFirst = 64;

  std::array<std::uint8_t, 512> ahead_;
  std::size_t fetched_ = 0;  ///< bytes of ahead_ that were filled
  std::size_t used_ = 0;     ///< of these, handed out already
};

/// xoshiro256** (Blackman and Vigna, 2018), seeded by the operating system at its first use.
class InsecureRandom {
 public:
  [[nodiscard]] std::uint64_t next(SecureRandom& seed);
  void fill(MutableByteView out, SecureRandom& seed);

 private:
  std::array<std::uint64_t, 4> state_{};
  bool seeded_ = false;
};

}  // namespace whorl::wasi
