/// What is known of a file without opening it. @thread any
#pragma once

#include <sys/stat.h>

#include <cstdint>

namespace whorl::wasi::files {

enum class Type : std::uint8_t {
  Unknown,
  BlockDevice,
  CharacterDevice,
  Directory,
  Fifo,
  RegularFile,
  Socket,
  SymbolicLink,
};

/// The type in a `st_mode`.
[[nodiscard]] Type type_of_mode(std::uint32_t mode) noexcept;

/// Nanoseconds since 1970; times before are 1970.
using Timestamp = std::uint64_t;

struct Metadata {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Type type = Type::Unknown;
  std::uint64_t links = 0;
  std::uint64_t size = 0;
  Timestamp accessed = 0;
  Timestamp modified = 0;
  Timestamp changed = 0;
};

[[nodiscard]] Metadata to_metadata(const struct stat& from) noexcept;

/// What to do with one of the times of a file.
struct TimeChange {
  enum class Kind : std::uint8_t { Keep, Now, Set };
  Kind kind = Kind::Keep;
  Timestamp time = 0;  ///< of Set
};
struct TimeChanges {
  TimeChange accessed;
  TimeChange modified;
};

}  // namespace whorl::wasi::files
