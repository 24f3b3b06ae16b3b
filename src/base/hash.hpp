/// SHA-256 (FIPS 180-4), for content addresses and integrity. @thread any
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <memory>
#include <string>

namespace whorl {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Digest of one buffer.
[[nodiscard]] Sha256Digest sha256(ByteView data);
/// Lower-case hex of any bytes.
[[nodiscard]] std::string to_hex(ByteView data);

/// Digest of several parts, as if they were one buffer.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  Sha256& update(ByteView part);
  /// Ends the computation; the object is not used afterwards.
  [[nodiscard]] Sha256Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl
