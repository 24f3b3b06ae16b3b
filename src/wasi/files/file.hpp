/// File: an open regular file.
///
/// Every call goes straight to the kernel and may block on the disk. @thread shard (small calls)
#pragma once

#include "base/bytes.hpp"
#include "fs/file.hpp"
#include "wasi/files/metadata.hpp"
#include "wasi/files/os_result.hpp"

#include <sys/uio.h>

#include <cstdint>
#include <span>

namespace whorl::wasi::files {

/// What may be done with what is granted.
enum class Grant : std::uint8_t { Read, ReadWrite };

/// How a file may be used.
struct FileAccess {
  bool readable = false;
  bool writable = false;
  Grant grant = Grant::Read;  ///< of the directory it was opened below
};

/// What each write does beyond writing.
struct WriteMode {
  bool append = false;     ///< to the end, wherever the position is
  bool data_sync = false;  ///< until the data is on the disk
  bool sync = false;       ///< until data and metadata are on the disk
};

enum class Whence : std::uint8_t { Start, Current, End };
enum class Advice : std::uint8_t { Normal, Sequential, Random, WillNeed, DontNeed, NoReuse };

class File {
 public:
  /// @param fd  of a regular file, opened at least as `access` says
  File(fs::Fd fd, FileAccess access) noexcept : fd_(std::move(fd)), access_(access) {}

  [[nodiscard]] FileAccess access() const noexcept { return access_; }

  /// Reads at the position and moves it. May be short; 0 is the end. EBADF where it is not
  /// readable.
  [[nodiscard]] OsResult<std::uint64_t> read(std::span<const iovec> into);
  [[nodiscard]] OsResult<std::uint64_t> read_at(std::span<const iovec> into, std::uint64_t offset);
  /// As read_at(), but without waiting for a disk: EAGAIN where that would be needed, or where the
  /// file system cannot tell.
  [[nodiscard]] OsResult<std::uint64_t> read_cached_at(
      std::span<const iovec> into, std::uint64_t offset
  );
  /// Writes at the position, or to the end, and moves it behind what was written. May be short.
  [[nodiscard]] OsResult<std::uint64_t> write(std::span<const iovec> from, WriteMode mode);
  /// Writes at `offset` even where the file is appended to, as POSIX has it.
  [[nodiscard]] OsResult<std::uint64_t> write_at(
      std::span<const iovec> from, std::uint64_t offset, WriteMode mode
  );
  /// @return the new position
  [[nodiscard]] OsResult<std::uint64_t> seek(std::int64_t offset, Whence whence);

  [[nodiscard]] OsResult<Metadata> metadata() const;
  // EBADF where it is not writable.
  [[nodiscard]] OsResult<> set_size(std::uint64_t size);
  [[nodiscard]] OsResult<> allocate(std::uint64_t offset, std::uint64_t length);
  /// EPERM under a read grant.
  [[nodiscard]] OsResult<> set_times(const TimeChanges& changes);
  [[nodiscard]] OsResult<> advise(std::uint64_t offset, std::uint64_t length, Advice advice);
  [[nodiscard]] OsResult<> sync();
  [[nodiscard]] OsResult<> sync_data();

 private:
  fs::Fd fd_;
  FileAccess access_;
};

/// Sets the times of an open file or directory, also of one opened by path only.
[[nodiscard]] OsResult<> set_times_of(int fd, const TimeChanges& changes);

}  // namespace whorl::wasi::files
