#include "wasi/p2/file_error.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::wasi::p2 {
namespace {

using Type = wit::wasi_filesystem_types::DescriptorType;

/// What the file system calls we make can answer and the interface has a code for; anything else is
/// Io.
constexpr std::array<std::pair<int, FileErrorCode>, 36> kCodes{{
    {EACCES, FileErrorCode::Access},
    {EAGAIN, FileErrorCode::WouldBlock},
    {EALREADY, FileErrorCode::Already},
    {EBADF, FileErrorCode::BadDescriptor},
    {EBUSY, FileErrorCode::Busy},
    {EDEADLK, FileErrorCode::Deadlock},
    {EDQUOT, FileErrorCode::Quota},
    {EEXIST, FileErrorCode::Exist},
    {EFBIG, FileErrorCode::FileTooLarge},
    {EILSEQ, FileErrorCode::IllegalByteSequence},
    {EINPROGRESS, FileErrorCode::InProgress},
    {EINTR, FileErrorCode::Interrupted},
    {EINVAL, FileErrorCode::Invalid},
    {EISDIR, FileErrorCode::IsDirectory},
    {ELOOP, FileErrorCode::Loop},
    {EMLINK, FileErrorCode::TooManyLinks},
    {EMSGSIZE, FileErrorCode::MessageSize},
    {ENAMETOOLONG, FileErrorCode::NameTooLong},
    {ENODEV, FileErrorCode::NoDevice},
    {ENOENT, FileErrorCode::NoEntry},
    {ENOLCK, FileErrorCode::NoLock},
    {ENOMEM, FileErrorCode::InsufficientMemory},
    {ENOSPC, FileErrorCode::InsufficientSpace},
    {ENOTDIR, FileErrorCode::NotDirectory},
    {ENOTEMPTY, FileErrorCode::NotEmpty},
    {ENOTSUP, FileErrorCode::Unsupported},
    {ENOSYS, FileErrorCode::Unsupported},
    {ENOTTY, FileErrorCode::NoTty},
    {ENXIO, FileErrorCode::NoSuchDevice},
    {EOVERFLOW, FileErrorCode::Overflow},
    {EPERM, FileErrorCode::NotPermitted},
    {EPIPE, FileErrorCode::Pipe},
    {EROFS, FileErrorCode::ReadOnly},
    {ESPIPE, FileErrorCode::InvalidSeek},
    {ETXTBSY, FileErrorCode::TextFileBusy},
    {EXDEV, FileErrorCode::CrossDevice},
}};

}  // namespace

FileErrorCode to_file_error(int number) noexcept {
  const auto* const found =
      std::ranges::find(kCodes, number, &std::pair<int, FileErrorCode>::first);
  return found == kCodes.end() ? FileErrorCode::Io : found->second;
}

Type to_descriptor_type(files::Type type) noexcept {
  switch (type) {
    case files::Type::BlockDevice:
      return Type::BlockDevice;
    case files::Type::CharacterDevice:
      return Type::CharacterDevice;
    case files::Type::Directory:
      return Type::Directory;
    case files::Type::Fifo:
      return Type::Fifo;
    case files::Type::RegularFile:
      return Type::RegularFile;
    case files::Type::Socket:
      return Type::Socket;
    case files::Type::SymbolicLink:
      return Type::SymbolicLink;
    case files::Type::Unknown:
      break;
  }
  return Type::Unknown;
}

}  // namespace whorl::wasi::p2
