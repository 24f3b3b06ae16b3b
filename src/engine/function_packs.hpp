/// Internal to engine/: compiled functions on disk, for the next module that has the same ones.
///
/// An application in JavaScript or Python is an engine of 12 MB and a few functions of its own; the
/// next one, or the next build of this one, compiles only those. The engine names a function by a
/// digest of all that it is compiled from (ADR 60); what it compiled of one module goes into one
/// file, a pack: the functions that no pack had before.
///
/// A pack is trusted as code is (README.md), checked as code is, and pruned with it.
/// @thread any, store() aside
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "engine/capi.hpp"
#include "engine/code_shape.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::engine {

class CacheDirectory;

class FunctionPacks {
 public:
  /// Packs that are looked into at most, those used last, and their bytes together.
  static constexpr std::size_t kMaxPacks = 32;
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{512} << 20;

  /// Opens the packs of engines of this kind. Those that are damaged or can't be read are left out.
  FunctionPacks(const CacheDirectory& directory, std::string_view compatibility_key);
  FunctionPacks(const FunctionPacks&) = delete;
  FunctionPacks& operator=(const FunctionPacks&) = delete;
  ~FunctionPacks();

  /// Has engines made from the config use the packs, and keeps those alive as long.
  static void attach(const std::shared_ptr<FunctionPacks>& packs, wasm_config_t& config);

  /// The share of the bytes of these bodies that other modules had, 0 to 1. A guess.
  [[nodiscard]] double known_share(std::span<const CodeBody> bodies) const;

  [[nodiscard]] std::optional<ByteView> find(ByteView key) const noexcept;
  void insert(ByteView key, ByteView value);
  /// How many find() found, and how many came by insert().
  [[nodiscard]] std::size_t hits() const noexcept { return hits_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t inserted() const;

  /// Writes what was inserted as a pack, when no engine uses this object any more.
  /// @param module  digest of what was compiled
  /// @return errors: Unavailable; ResourceLimit when it is too much for a pack
  [[nodiscard]] Result<> store(
      const CacheDirectory& directory, const Sha256Digest& module, std::span<const CodeBody> bodies
  ) const;

 private:
  class Pack;
  using Key = std::array<std::uint8_t, 32>;
  struct Entry {
    Key key;
    std::uint64_t offset;
    std::uint64_t bytes;
  };

  [[nodiscard]] std::string name_of(const Sha256Digest& module) const;

  std::string prefix_;  ///< of the names of packs for engines of this kind
  std::vector<std::unique_ptr<Pack>> packs_;
  mutable std::atomic<std::size_t> hits_{0};
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;  ///< under mutex_; offsets into values_
  Bytes values_;                ///< under mutex_
};

}  // namespace whorl::engine
