#include "wasi/files/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <limits>

namespace whorl::wasi::files {
namespace {

constexpr auto kMaxOffset = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());

/// The offset that stands for the position of the file.
constexpr off_t kAtPosition = -1;

OsResult<std::uint64_t> transferred(ssize_t count) noexcept {
  if (count < 0) {
    return os_error();
  }
  return static_cast<std::uint64_t>(count);
}

int flags_of(WriteMode mode) noexcept {
  return (mode.append ? RWF_APPEND : 0) | (mode.data_sync ? RWF_DSYNC : 0) |
         (mode.sync ? RWF_SYNC : 0);
}

OsResult<std::uint64_t> do_read(int fd, std::span<const iovec> into, off_t offset, int flags = 0) {
  ssize_t count = 0;
  do {
    count = ::preadv2(fd, into.data(), static_cast<int>(into.size()), offset, flags);
  } while (count < 0 && errno == EINTR);
  return transferred(count);
}

OsResult<std::uint64_t> do_write(int fd, std::span<const iovec> from, off_t offset, int flags) {
  ssize_t count = 0;
  do {
    count = ::pwritev2(fd, from.data(), static_cast<int>(from.size()), offset, flags);
  } while (count < 0 && errno == EINTR);
  return transferred(count);
}

struct timespec to_timespec(const TimeChange& change) noexcept {
  struct timespec out{};
  switch (change.kind) {
    case TimeChange::Kind::Keep:
      out.tv_nsec = UTIME_OMIT;
      break;
    case TimeChange::Kind::Now:
      out.tv_nsec = UTIME_NOW;
      break;
    case TimeChange::Kind::Set:
      out.tv_sec = change.time.seconds;
      out.tv_nsec = change.time.nanoseconds;
      break;
  }
  return out;
}

}  // namespace

OsResult<std::uint64_t> File::read(std::span<const iovec> into) {
  return access_.readable ? do_read(fd_.get(), into, kAtPosition) : os_error(EBADF);
}

OsResult<std::uint64_t> File::read_at(std::span<const iovec> into, std::uint64_t offset) {
  if (offset > kMaxOffset) {
    return os_error(EINVAL);
  }
  return access_.readable ? do_read(fd_.get(), into, static_cast<off_t>(offset)) : os_error(EBADF);
}

OsResult<std::uint64_t> File::read_cached_at(std::span<const iovec> into, std::uint64_t offset) {
  if (offset > kMaxOffset) {
    return os_error(EINVAL);
  }
  if (!access_.readable) {
    return os_error(EBADF);
  }
  auto read = do_read(fd_.get(), into, static_cast<off_t>(offset), RWF_NOWAIT);
  const bool cannot_tell = !read && (read.error() == EOPNOTSUPP || read.error() == EINVAL);
  return cannot_tell ? os_error(EAGAIN) : read;
}

OsResult<std::uint64_t> File::write(std::span<const iovec> from, WriteMode mode) {
  return access_.writable ? do_write(fd_.get(), from, kAtPosition, flags_of(mode))
                          : os_error(EBADF);
}

OsResult<std::uint64_t> File::write_at(
    std::span<const iovec> from, std::uint64_t offset, WriteMode mode
) {
  if (offset > kMaxOffset) {
    return os_error(EINVAL);
  }
  mode.append = false;
  return access_.writable ? do_write(fd_.get(), from, static_cast<off_t>(offset), flags_of(mode))
                          : os_error(EBADF);
}

OsResult<std::uint64_t> File::seek(std::int64_t offset, Whence whence) {
  constexpr std::array kWhences{SEEK_SET, SEEK_CUR, SEEK_END};
  const off_t at = ::lseek(fd_.get(), offset, kWhences[static_cast<std::size_t>(whence)]);
  return transferred(at);
}

OsResult<Metadata> File::metadata() const {
  struct stat found{};
  if (::fstat(fd_.get(), &found) != 0) {
    return os_error();
  }
  return to_metadata(found);
}

OsResult<> File::set_size(std::uint64_t size) {
  if (!access_.writable) {
    return os_error(EBADF);
  }
  return size > kMaxOffset ? os_error(EFBIG)
                           : checked(::ftruncate(fd_.get(), static_cast<off_t>(size)));
}

OsResult<> File::set_times(const TimeChanges& changes) {
  return access_.grant == Grant::ReadWrite ? set_times_of(fd_.get(), changes) : os_error(EPERM);
}

OsResult<> File::allocate(std::uint64_t offset, std::uint64_t length) {
  if (!access_.writable) {
    return os_error(EBADF);
  }
  if (length == 0) {
    return os_error(EINVAL);
  }
  if (offset > kMaxOffset || length > kMaxOffset - offset) {
    return os_error(EFBIG);
  }
  // Not the C library's function: where the file system cannot do it, that writes zeros.
  return checked(::fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length)));
}

OsResult<> File::advise(std::uint64_t offset, std::uint64_t length, Advice advice) {
  constexpr std::array kAdvices{
      POSIX_FADV_NORMAL,
      POSIX_FADV_SEQUENTIAL,
      POSIX_FADV_RANDOM,
      POSIX_FADV_WILLNEED,
      POSIX_FADV_DONTNEED,
      POSIX_FADV_NOREUSE,
  };
  if (offset > kMaxOffset || length > kMaxOffset) {
    return os_error(EINVAL);
  }
  const int error = ::posix_fadvise(
      fd_.get(),
      static_cast<off_t>(offset),
      static_cast<off_t>(length),
      kAdvices[static_cast<std::size_t>(advice)]
  );
  return error == 0 ? OsResult<>() : os_error(error);
}

OsResult<> File::sync() {
  return checked(::fsync(fd_.get()));
}

OsResult<> File::sync_data() {
  return checked(::fdatasync(fd_.get()));
}

OsResult<> set_times_of(int fd, const TimeChanges& changes) {
  const struct timespec times[] = {to_timespec(changes.accessed), to_timespec(changes.modified)};
  return checked(::utimensat(fd, "", times, AT_EMPTY_PATH));
}

}  // namespace whorl::wasi::files
