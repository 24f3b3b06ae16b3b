#include "wasi/files/metadata.hpp"

#include <sys/stat.h>

namespace whorl::wasi::files {
namespace {

Timestamp to_timestamp(const struct timespec& time) noexcept {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace

Type type_of_mode(std::uint32_t mode) noexcept {
  switch (mode & S_IFMT) {
    case S_IFBLK:
      return Type::BlockDevice;
    case S_IFCHR:
      return Type::CharacterDevice;
    case S_IFDIR:
      return Type::Directory;
    case S_IFIFO:
      return Type::Fifo;
    case S_IFREG:
      return Type::RegularFile;
    case S_IFSOCK:
      return Type::Socket;
    case S_IFLNK:
      return Type::SymbolicLink;
    default:
      return Type::Unknown;
  }
}

Metadata to_metadata(const struct stat& from) noexcept {
  return {
      .device = from.st_dev,
      .inode = from.st_ino,
      .type = type_of_mode(from.st_mode),
      .links = from.st_nlink,
      .size = from.st_size < 0 ? 0 : static_cast<std::uint64_t>(from.st_size),
      .accessed = to_timestamp(from.st_atim),
      .modified = to_timestamp(from.st_mtim),
      .changed = to_timestamp(from.st_ctim),
  };
}

}  // namespace whorl::wasi::files
