/// What is known of a file without opening it. @thread any
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <limits>

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

/// A time as the system has it: before 1970 seconds are negative, and nanoseconds count forwards.
struct Timestamp {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;  ///< less than a second

  static constexpr std::uint32_t kSecond = 1'000'000'000;
  [[nodiscard]] static constexpr Timestamp of_nanoseconds(std::uint64_t since_1970) noexcept {
    return {
        static_cast<std::int64_t>(since_1970 / kSecond),
        static_cast<std::uint32_t>(since_1970 % kSecond)
    };
  }
  /// For interfaces that know no others: times before 1970 are 1970, those too late the last one.
  [[nodiscard]] constexpr std::uint64_t nanoseconds_since_1970() const noexcept {
    constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
    if (seconds < 0) {
      return 0;
    }
    const auto whole = static_cast<std::uint64_t>(seconds);
    return whole >= kLast / kSecond ? kLast : whole * kSecond + nanoseconds;
  }
};

struct Metadata {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Type type = Type::Unknown;
  std::uint64_t links = 0;
  std::uint64_t size = 0;
  Timestamp accessed;
  Timestamp modified;
  Timestamp changed;
};

[[nodiscard]] Metadata to_metadata(const struct stat& from) noexcept;

/// What to do with one of the times of a file.
struct TimeChange {
  enum class Kind : std::uint8_t { Keep, Now, Set };
  Kind kind = Kind::Keep;
  Timestamp time;  ///< of Set
};
struct TimeChanges {
  TimeChange accessed;
  TimeChange modified;
};

}  // namespace whorl::wasi::files
