// What a descriptor is: its flags and rights, metadata, granted name, entries.
#include "wasi/p1/os_errno.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p1/records.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace whorl::wasi::p1 {
namespace {

using Kind = Descriptor::Kind;

/// The rights of every directory. Fixed: programs written for hosts that enforced rights look for
/// these before they try anything; what may really be done follows from the grant.
constexpr std::uint64_t kDirectoryRights =
    rights::kCreateDirectory | rights::kCreateFile | rights::kLinkSource | rights::kLinkTarget |
    rights::kOpen | rights::kReaddir | rights::kReadlink | rights::kRenameSource |
    rights::kRenameTarget | rights::kSymlink | rights::kRemoveDirectory | rights::kUnlinkFile |
    rights::kPathFilestatGet | rights::kPathFilestatSetTimes | rights::kFilestatGet |
    rights::kFilestatSetTimes;
constexpr std::uint64_t kInheritingRights =
    kDirectoryRights | rights::kDatasync | rights::kRead | rights::kSeek | rights::kSetFlags |
    rights::kSync | rights::kTell | rights::kWrite | rights::kAdvise | rights::kAllocate |
    rights::kFilestatSetSize | rights::kPoll;

/// Its type, flags and rights, base and inheriting.
struct Fdstat {
  FileType type = FileType::Unknown;
  std::uint32_t flags = 0;
  std::uint64_t base = 0;
  std::uint64_t inheriting = 0;
};

Fdstat describe(const Descriptor& descriptor) noexcept {
  switch (descriptor.kind) {
    case Kind::Input:
      return {FileType::Unknown, 0, rights::kRead, rights::kRead};
    case Kind::Output:
      return {FileType::Unknown, 0, rights::kWrite, rights::kWrite};
    case Kind::Directory:
      return {FileType::Directory, 0, kDirectoryRights, kInheritingRights};
    default: {
      const files::FileAccess access = descriptor.file->access();
      std::uint64_t base = rights::kAll;
      base &= access.readable ? rights::kAll : ~(rights::kRead | rights::kReaddir);
      base &= access.writable ? rights::kAll : ~rights::kWrite;
      return {FileType::RegularFile, descriptor.flags, base, base};
    }
  }
}

/// Fills the guest's buffer with directory entries; the last one may be cut off.
class DirentWriter {
 public:
  DirentWriter(Guest& guest, Ptr buffer, std::uint32_t size)
      : guest_(guest), buffer_(buffer, size) {}

  [[nodiscard]] bool is_full() const noexcept { return used_ == buffer_.size; }
  [[nodiscard]] std::uint32_t used() const noexcept { return used_; }
  void add(const files::Entry& entry) {
    std::array<std::uint8_t, kDirentSize> head{};
    const auto name_size = static_cast<std::uint32_t>(entry.name.size());
    std::memcpy(head.data(), &entry.next, 8);
    std::memcpy(head.data() + 8, &entry.inode, 8);
    std::memcpy(head.data() + 16, &name_size, 4);
    head[20] = static_cast<std::uint8_t>(to_file_type(entry.type));
    put(head);
    put(as_bytes(entry.name));
  }

 private:
  void put(ByteView bytes) {
    bytes = bytes.first(std::min<std::size_t>(bytes.size(), buffer_.size - used_));
    guest_.write_bytes(buffer_.ptr + used_, bytes);
    used_ += static_cast<std::uint32_t>(bytes.size());
  }

  Guest& guest_;
  Range buffer_;
  std::uint32_t used_ = 0;
};

}  // namespace

Errno Preview1::fd_fdstat_get(Guest& guest, U32 fd, Ptr out) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  if (!guest.check(out, kFdstatSize, 8)) {
    return Errno::Fault;
  }
  const Fdstat state = describe(*found);
  guest.write(
      out, std::uint64_t{std::to_underlying(state.type)} | std::uint64_t{state.flags} << 16
  );
  guest.write(out + 8, state.base);
  guest.write(out + 16, state.inheriting);
  return Errno::Success;
}

Errno Preview1::fd_fdstat_set_flags(Guest&, U32 fd, U32 flags) {
  const auto found = file_at(fd);
  if (!found) {
    return found.error();
  }
  if ((flags & ~fdflags::kAll) != 0) {
    return Errno::Invalid;
  }
  (*found)->flags = flags;
  return Errno::Success;
}

Errno Preview1::fd_fdstat_set_rights(Guest&, U32 fd, U64, U64) {
  // Rights follow from how a descriptor was opened; hosts of today let nobody drop them.
  return descriptors_.find(fd) == nullptr ? Errno::BadDescriptor : Errno::NotSupported;
}

Errno Preview1::fd_filestat_get(Guest& guest, U32 fd, Ptr out) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  if (!guest.check(out, kFilestatSize, 8)) {
    return Errno::Fault;
  }
  files::OsResult<files::Metadata> metadata;
  if (found->kind == Kind::File) {
    metadata = found->file->metadata();
  } else if (found->kind == Kind::Directory) {
    metadata = found->directory->metadata();
  }
  if (metadata) {
    write_filestat(guest, out, *metadata);
  }
  return to_errno(metadata);
}

Errno Preview1::fd_filestat_set_size(Guest&, U32 fd, U64 size) {
  const auto found = file_at(fd);
  return found ? to_errno((*found)->file->set_size(size)) : found.error();
}

Errno Preview1::fd_filestat_set_times(Guest&, U32 fd, U64 access, U64 modify, U32 fst_flags) {
  Descriptor* found = descriptors_.find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  const auto changes = to_time_changes(access, modify, fst_flags);
  if (!changes) {
    return changes.error();
  }
  switch (found->kind) {
    case Kind::File:
      return to_errno(found->file->set_times(*changes));
    case Kind::Directory:
      return to_errno(found->directory->set_times(*changes));
    default:
      return Errno::BadDescriptor;
  }
}

Errno Preview1::fd_advise(Guest&, U32 fd, U64 offset, U64 length, U32 advice) {
  using files::Advice;
  constexpr std::array kAdvices{
      Advice::Normal,
      Advice::Sequential,
      Advice::Random,
      Advice::WillNeed,
      Advice::DontNeed,
      Advice::NoReuse,
  };
  const auto found = file_at(fd, Errno::IllegalSeek);
  if (!found) {
    return found.error();
  }
  return advice < kAdvices.size()
             ? to_errno((*found)->file->advise(offset, length, kAdvices[advice]))
             : Errno::Invalid;
}

Errno Preview1::fd_allocate(Guest&, U32 fd, U64 offset, U64 length) {
  const auto found = file_at(fd);
  return found ? to_errno((*found)->file->allocate(offset, length)) : found.error();
}

Errno Preview1::fd_datasync(Guest&, U32 fd) {
  const Descriptor* directory = descriptors_.find(fd);
  if (directory != nullptr && directory->kind == Kind::Directory) {
    return to_errno(directory->directory->sync());
  }
  const auto found = file_at(fd);
  return found ? to_errno((*found)->file->sync_data()) : found.error();
}

Errno Preview1::fd_sync(Guest&, U32 fd) {
  const Descriptor* directory = descriptors_.find(fd);
  if (directory != nullptr && directory->kind == Kind::Directory) {
    return to_errno(directory->directory->sync());
  }
  const auto found = file_at(fd);
  return found ? to_errno((*found)->file->sync()) : found.error();
}

Errno Preview1::fd_prestat_get(Guest& guest, U32 fd, Ptr out) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || !found->guest_path) {
    return Errno::BadDescriptor;
  }
  if (!guest.check(out, kPrestatSize, 4)) {
    return Errno::Fault;
  }
  guest.write(out, std::uint32_t{0});  // a directory
  guest.write(out + 4, static_cast<std::uint32_t>(found->guest_path->size()));
  return Errno::Success;
}

Errno Preview1::fd_prestat_dir_name(Guest& guest, U32 fd, Ptr path, U32 path_size) {
  const Descriptor* found = descriptors_.find(fd);
  if (found == nullptr) {
    return Errno::BadDescriptor;
  }
  if (!found->guest_path) {
    return Errno::NotDirectory;
  }
  if (found->guest_path->size() > path_size) {
    return Errno::NameTooLong;
  }
  guest.write_bytes(path, as_bytes(*found->guest_path));
  return Errno::Success;
}

Errno Preview1::fd_readdir(Guest& guest, U32 fd, Ptr buffer, U32 size, U64 cookie, Ptr bytes_used) {
  const auto found = directory_at(fd);
  if (!found) {
    return found.error();
  }
  if (!guest.check(buffer, size) || !guest.check(bytes_used, 4, 4)) {
    return Errno::Fault;
  }
  Descriptor& descriptor = **found;
  if (descriptor.listing == nullptr) {
    auto opened = files::Listing::open(*descriptor.directory);
    if (!opened) {
      return to_errno(opened.error());
    }
    descriptor.listing = std::make_unique<files::Listing>(std::move(*opened));
  }
  if (const auto there = descriptor.listing->seek(cookie); !there) {
    return to_errno(there.error());
  }
  DirentWriter out(guest, buffer, size);
  while (!out.is_full()) {
    const auto entry = descriptor.listing->next();
    if (!entry) {
      return to_errno(entry.error());
    }
    if (!*entry) {
      break;
    }
    out.add(**entry);
  }
  guest.write(bytes_used, out.used());
  return Errno::Success;
}

}  // namespace whorl::wasi::p1
