/// Internal to engine/: the check that ends each file of the code cache.
///
/// A file is the compiled artefact followed by one trailer. The artefact comes first so that the
/// engine can map the file as it is: a 36 MB artefact loads in a millisecond and its pages are
/// shared and reclaimable. The checksum is GMAC under a key that everybody knows: any damage is
/// noticed (2^-128), at several times the speed of SHA-256. It is no signature: who can write to
/// the folder can run code as the user anyway, which is why the folder's owner and mode are
/// checked.
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"

#include <array>
#include <cstdint>

namespace whorl::engine {

/// What follows the artefact; little-endian, no padding.
struct CacheTrailer {
  static constexpr std::array<char, 8> kMagic = {'W', 'H', 'R', 'L', 'C', 'O', 'D', '1'};
  std::array<char, 8> magic = kMagic;
  std::uint64_t payload_bytes = 0;
  Sha256Digest key = {};  ///< what the entry is for
  std::array<std::uint8_t, 16> checksum = {};
};
static_assert(sizeof(CacheTrailer) == 64);

/// Checksum over payload parts in order.
class EntryChecksum {
 public:
  explicit EntryChecksum(const Sha256Digest& key);
  EntryChecksum(const EntryChecksum&) = delete;
  EntryChecksum& operator=(const EntryChecksum&) = delete;
  ~EntryChecksum();
  void update(ByteView part);
  /// Ends the computation.
  [[nodiscard]] std::array<std::uint8_t, 16> finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Reads the open file through and says whether it is the sound entry for `key`.
/// @return NotFound never; Corrupt with what is wrong
[[nodiscard]] Result<> verify_entry(int fd, const Sha256Digest& key);
/// Writes artefact and trailer to the open, empty file.
[[nodiscard]] Result<> write_entry(int fd, const Sha256Digest& key, ByteView payload);

}  // namespace whorl::engine
