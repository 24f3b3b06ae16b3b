#include "wasi/files/listing.hpp"

#include "component/utf8.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <limits>

namespace whorl::wasi::files {
namespace {

/// The kernel's record. @spec getdents64(2)
struct Record {
  std::uint64_t inode;
  std::int64_t next;
  std::uint16_t size;
  std::uint8_t type;
};
constexpr std::size_t kNameOffset = offsetof(Record, type) + 1;

Type type_of(std::uint8_t type) noexcept {
  // Directory entries hold the four type bits of a mode.
  return type == DT_UNKNOWN ? Type::Unknown : type_of_mode(std::uint32_t{type} << 12);
}

}  // namespace

OsResult<Listing> Listing::open(const Directory& directory) {
  fs::Fd fd(::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return os_error();
  }
  const auto own = directory.metadata();
  if (!own) {
    return os_error(own.error());
  }
  return Listing(std::move(fd), own->inode);
}

OsResult<> Listing::seek(std::uint64_t cookie) {
  if (cookie > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return os_error(EINVAL);
  }
  used_ = offset_ = 0;
  return checked(::lseek(fd_.get(), static_cast<off_t>(cookie), SEEK_SET));
}

OsResult<std::optional<Entry>> Listing::next() {
  for (;;) {
    if (offset_ >= used_) {
      const long got = ::syscall(SYS_getdents64, fd_.get(), buffer_.data(), buffer_.size());
      if (got < 0) {
        return os_error();
      }
      if (got == 0) {
        return std::optional<Entry>();
      }
      used_ = static_cast<std::size_t>(got);
      offset_ = 0;
    }
    Record record{};
    std::memcpy(&record, buffer_.data() + offset_, kNameOffset);
    const char* name = buffer_.data() + offset_ + kNameOffset;
    offset_ += record.size;
    Entry out{name, record.inode, type_of(record.type), static_cast<std::uint64_t>(record.next)};
    if (!component::is_valid_utf8(out.name)) {
      continue;
    }
    if (out.name == "..") {
      // What is above is not the guest's to know.
      out.inode = own_inode_;
    }
    if (out.type == Type::Unknown) {
      out.type = find_type(name);
    }
    return std::optional(out);
  }
}

Type Listing::find_type(const char* name) const noexcept {
  struct stat found{};
  return ::fstatat(fd_.get(), name, &found, AT_SYMLINK_NOFOLLOW) == 0 ? type_of_mode(found.st_mode)
                                                                      : Type::Unknown;
}

}  // namespace whorl::wasi::files
