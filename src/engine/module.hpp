/// Module: compiled core WebAssembly; ModuleCache: compiled code kept on disk, by content.
///
/// @thread any: modules are immutable and shared by all shards
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/types.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::engine {

/// Compiled code of one core module. Cheap to copy (shared).
class Module {
 public:
  /// Validates and compiles. @return InvalidInput with the engine's message for bad bytes
  [[nodiscard]] static Result<Module> compile(const Engine& engine, ByteView wasm);
  /// Only validates, bodies included. @return as compile()
  [[nodiscard]] static Result<> validate(const Engine& engine, ByteView wasm);

  struct Impl;
  explicit Module(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Compiled modules on disk: named by a digest of bytes, engine version, settings and CPU features;
/// checked before they are trusted (loading compiled code trusts it completely); written to a
/// temporary name, synced and renamed; in a folder only the user can enter. README.md tells the
/// format and why its check is what it is.
/// @thread any
class ModuleCache {
 public:
  /// @param directory  created with mode 0700 if missing; a folder that others can write to, or
  ///                   that belongs to someone else, is refused (PermissionDenied)
  [[nodiscard]] static Result<ModuleCache> open(std::filesystem::path directory);
  /// `$WHORL_CACHE_DIR`, else `$XDG_CACHE_HOME/whorl`, else `~/.cache/whorl`, plus "/code".
  [[nodiscard]] static std::filesystem::path default_directory();

  enum class Origin : std::uint8_t { Cache, Compiled };
  struct Loaded {
    Module module;
    Origin origin;
    /// What went wrong on the way, for a warning in the log: an entry that was damaged, one that
    /// could not be stored. Empty if nothing did.
    std::string note;
  };
  /// The module from disk, or compiled and then stored. Failing to read or store an entry costs a
  /// compile and a note, never the result.
  [[nodiscard]] Result<Loaded> load_or_compile(const Engine& engine, ByteView wasm) const;

  /// Something that was found out about bytes, and costs more to find out again than to look up:
  /// kept as a small file beside the code. `kind` is a word of ours, `about` a digest of all that
  /// the fact depends on.
  /// @return true only if exactly this fact was added: a damaged file says nothing
  [[nodiscard]] bool has_fact(std::string_view kind, const Sha256Digest& about) const;
  /// @return Unavailable when the file cannot be written; nothing but time is lost
  [[nodiscard]] Result<> add_fact(std::string_view kind, const Sha256Digest& about) const;

  /// The entry's file name for these bytes, whether it exists or not.
  [[nodiscard]] static std::string entry_name(const Engine& engine, ByteView wasm);
  /// Entries unused for longest are removed when a new one makes the folder larger than this.
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{4} << 30;

 private:
  struct Directory;
  explicit ModuleCache(std::shared_ptr<const Directory> directory) noexcept
      : directory_(std::move(directory)) {}
  std::shared_ptr<const Directory> directory_;
};

}  // namespace whorl::engine
