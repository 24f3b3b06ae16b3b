/// Directory: a directory given to a guest, and everything that is done by paths below it.
///
/// No path leads out of it: the kernel resolves every path below the directory's descriptor
/// (openat2 with RESOLVE_BENEATH), so `..`, absolute paths, symbolic links and directories renamed
/// meanwhile are confined by the same rule, without a moment between a check and a use. What
/// changes an entry resolves the parent that way and then names the one last component. An attempt
/// to get out is EPERM.
///
/// Calls go straight to the kernel and may block on the disk.
/// @thread any (immutable); small calls on shards
#pragma once

#include "fs/file.hpp"
#include "wasi/files/file.hpp"
#include "wasi/files/metadata.hpp"
#include "wasi/files/os_result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace whorl::wasi::files {

/// Whether the last component of a path is followed where it is a symbolic link.
enum class Links : std::uint8_t { Keep, Follow };

struct OpenOptions {
  bool create = false;
  bool exclusive = false;  ///< with create: it must not exist
  bool truncate = false;
  bool directory = false;  ///< it must be one
  bool read = false;
  bool write = false;
  Links links = Links::Keep;
};

class Directory;
/// What was opened.
using Opened = std::variant<File, std::shared_ptr<const Directory>>;

class Directory {
 public:
  /// Opens a directory of the host, to be granted to guests.
  [[nodiscard]] static OsResult<std::shared_ptr<const Directory>> open_host(
      const std::string& path, Grant grant
  );
  /// @param fd  of a directory, opened for reading
  Directory(fs::Fd fd, Grant grant) noexcept : fd_(std::move(fd)), grant_(grant) {}
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] Grant grant() const noexcept { return grant_; }

  [[nodiscard]] OsResult<Metadata> metadata() const;
  [[nodiscard]] OsResult<> set_times(const TimeChanges& changes) const;
  [[nodiscard]] OsResult<> sync() const;

  // Paths are the guest's: any text, relative to the directory. Where nothing else is said, a last
  // component that is a symbolic link is not followed. Everything that changes something is EPERM
  // under a read grant.

  /// Opens a regular file or a directory; anything else is ENOTSUP.
  [[nodiscard]] OsResult<Opened> open(std::string_view path, const OpenOptions& options) const;
  [[nodiscard]] OsResult<Metadata> metadata_at(std::string_view path, Links links) const;
  [[nodiscard]] OsResult<> set_times_at(
      std::string_view path, Links links, const TimeChanges& changes
  ) const;
  [[nodiscard]] OsResult<> create_directory(std::string_view path) const;
  [[nodiscard]] OsResult<> remove_directory(std::string_view path) const;
  [[nodiscard]] OsResult<> unlink_file(std::string_view path) const;
  /// Makes a hard link.
  [[nodiscard]] OsResult<> link(
      std::string_view path, const Directory& to, std::string_view new_path
  ) const;
  [[nodiscard]] OsResult<> rename(
      std::string_view path, const Directory& to, std::string_view new_path
  ) const;
  /// Makes a symbolic link. Absolute contents are EPERM; where relative ones lead is checked by
  /// whoever follows them.
  [[nodiscard]] OsResult<> symlink(std::string_view contents, std::string_view path) const;
  /// The contents of a symbolic link; EPERM where they are absolute, which would tell of the host.
  [[nodiscard]] OsResult<std::string> read_link(std::string_view path) const;

 private:
  struct Place;

  [[nodiscard]] OsResult<fs::Fd> open_beneath(
      const std::string& path, std::uint64_t flags, std::uint64_t mode = 0
  ) const;
  [[nodiscard]] OsResult<Place> locate(std::string_view path) const;
  [[nodiscard]] OsResult<Place> locate_for_change(std::string_view path) const;
  [[nodiscard]] int dots_error(const std::string& path, int inside) const;

  fs::Fd fd_;
  Grant grant_;
};

}  // namespace whorl::wasi::files
