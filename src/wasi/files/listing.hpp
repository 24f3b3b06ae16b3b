/// Listing: the entries of a directory, one after another.
///
/// A place in the list is a cookie of the file system, which stays good while entries come and go.
/// Entries whose names are not UTF-8 cannot be named by a guest and are left out. @thread shard
#pragma once

#include "fs/file.hpp"
#include "wasi/files/directory.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace whorl::wasi::files {

struct Entry {
  std::string_view name;  ///< good until the next call on the listing; `.` and `..` occur too
  std::uint64_t inode = 0;
  Type type = Type::Unknown;
  std::uint64_t next = 0;  ///< the cookie of the entry after it
};

class Listing {
 public:
  /// Opens the directory anew: the place in it is this object's alone.
  [[nodiscard]] static OsResult<Listing> open(const Directory& directory);

  /// Goes to a cookie; 0 is the start. A cookie that was never given out is some place or EINVAL.
  [[nodiscard]] OsResult<> seek(std::uint64_t cookie);
  /// The next entry, nothing at the end.
  [[nodiscard]] OsResult<std::optional<Entry>> next();

 private:
  explicit Listing(fs::Fd fd, std::uint64_t own_inode) noexcept
      : fd_(std::move(fd)), own_inode_(own_inode) {}
  [[nodiscard]] Type find_type(const char* name) const noexcept;

  fs::Fd fd_;
  std::uint64_t own_inode_;
  alignas(8) std::array<char, 4096> buffer_;
  std::size_t used_ = 0;    ///< bytes of buffer_ with entries
  std::size_t offset_ = 0;  ///< of the next entry in it
};

}  // namespace whorl::wasi::files
