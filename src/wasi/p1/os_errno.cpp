#include "wasi/p1/os_errno.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::wasi::p1 {
namespace {

/// What the file system calls we make can answer; anything else is Io.
constexpr std::array<std::pair<int, Errno>, 44> kErrnos{{
    {E2BIG, Errno::TooBig},
    {EACCES, Errno::Access},
    {EAGAIN, Errno::Again},
    {EBADF, Errno::BadDescriptor},
    {EBUSY, Errno::Busy},
    {ECANCELED, Errno::Canceled},
    {EDOM, Errno::Domain},
    {EDQUOT, Errno::QuotaExceeded},
    {EEXIST, Errno::Exists},
    {EFAULT, Errno::Fault},
    {EFBIG, Errno::FileTooBig},
    {EILSEQ, Errno::IllegalSequence},
    {EINPROGRESS, Errno::InProgress},
    {EINTR, Errno::Interrupted},
    {EINVAL, Errno::Invalid},
    {EIO, Errno::Io},
    {EISDIR, Errno::IsDirectory},
    {ELOOP, Errno::Loop},
    {EMFILE, Errno::TooManyOpen},
    {EMLINK, Errno::TooManyLinks},
    {ENAMETOOLONG, Errno::NameTooLong},
    {ENFILE, Errno::TooManyOpenInSystem},
    {ENOBUFS, Errno::NoBufferSpace},
    {ENODEV, Errno::NoDevice},
    {ENOENT, Errno::NoEntry},
    {ENOLCK, Errno::NoLocks},
    {ENOMEM, Errno::NoMemory},
    {ENOSPC, Errno::NoSpace},
    {ENOSYS, Errno::NotImplemented},
    {ENOTDIR, Errno::NotDirectory},
    {ENOTEMPTY, Errno::NotEmpty},
    {ENOTSUP, Errno::NotSupported},
    {ENOTTY, Errno::NotTerminal},
    {ENXIO, Errno::NoSuchDevice},
    {EOVERFLOW, Errno::Overflow},
    {EPERM, Errno::NotPermitted},
    {EPIPE, Errno::Pipe},
    {ERANGE, Errno::Range},
    {EROFS, Errno::ReadOnly},
    {ESPIPE, Errno::IllegalSeek},
    {ESTALE, Errno::Stale},
    {ETIMEDOUT, Errno::TimedOut},
    {ETXTBSY, Errno::TextBusy},
    {EXDEV, Errno::CrossDevice},
}};

}  // namespace

Errno to_errno(int number) noexcept {
  const auto* const found = std::ranges::find(kErrnos, number, &std::pair<int, Errno>::first);
  return found == kErrnos.end() ? Errno::Io : found->second;
}

FileType to_file_type(files::Type type) noexcept {
  switch (type) {
    case files::Type::BlockDevice:
      return FileType::BlockDevice;
    case files::Type::CharacterDevice:
      return FileType::CharacterDevice;
    case files::Type::Directory:
      return FileType::Directory;
    case files::Type::RegularFile:
      return FileType::RegularFile;
    case files::Type::Socket:
      return FileType::SocketStream;
    case files::Type::SymbolicLink:
      return FileType::SymbolicLink;
    default:
      return FileType::Unknown;
  }
}

}  // namespace whorl::wasi::p1
