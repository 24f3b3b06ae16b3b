#include "wasi/files/handle.hpp"

#include <cerrno>

namespace whorl::wasi::files {
namespace {

/// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::unexpected<int> refused(int number) noexcept {
  return std::unexpected(number);
}

}  // namespace

MetadataHash hash_of(const Metadata& from) noexcept {
  // The number of an inode is what identifies a file; it is not a secret, only not a promise.
  const std::uint64_t lower = mixed(from.inode + mixed(from.device));
  return {.lower = lower, .upper = mixed(lower + from.device + 1)};
}

Type Handle::type() const noexcept {
  return as_file() != nullptr ? Type::RegularFile : Type::Directory;
}

OsResult<std::shared_ptr<File>> Handle::readable() const {
  if (as_file() == nullptr) {
    return refused(EISDIR);
  }
  if ((flags_ & DescriptorBits::kRead) == 0) {
    return refused(EBADF);
  }
  return *as_file();
}

OsResult<std::shared_ptr<File>> Handle::writable() const {
  if (as_file() == nullptr) {
    return refused(EISDIR);
  }
  if ((flags_ & DescriptorBits::kWrite) == 0) {
    return refused(EBADF);
  }
  return *as_file();
}

OsResult<std::shared_ptr<File>> Handle::file() const {
  if (as_file() == nullptr) {
    return refused(EBADF);
  }
  return *as_file();
}

OsResult<Listing> Handle::list() const {
  if (as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  return Listing::open(**as_directory());
}

OsResult<> Handle::advise(std::uint64_t offset, std::uint64_t length, Advice advice) const {
  return as_file() != nullptr ? (*as_file())->advise(offset, length, advice) : refused(EBADF);
}

OsResult<> Handle::set_size(std::uint64_t size) const {
  return as_file() != nullptr ? (*as_file())->set_size(size) : refused(EBADF);
}

OsResult<> Handle::set_times(const TimeChanges& changes) const {
  return std::visit([&](const auto& target) { return target->set_times(changes); }, target_);
}

OsResult<Metadata> Handle::metadata() const {
  return std::visit([](const auto& target) { return target->metadata(); }, target_);
}

bool Handle::is_same_as(const Handle& other) const {
  const auto mine = metadata();
  const auto theirs = other.metadata();
  return mine && theirs && mine->device == theirs->device && mine->inode == theirs->inode;
}

Result<OsResult<>> Handle::sync(Sync what, BlockingWork* blocking, async::Parkable* fiber) const {
  return run_blocking(blocking, fiber, [what, target = target_]() -> OsResult<> {
    if (const auto* file = std::get_if<FilePtr>(&target)) {
      return what == Sync::All ? (*file)->sync() : (*file)->sync_data();
    }
    return std::get<DirectoryPtr>(target)->sync();
  });
}

OsResult<> Handle::create_directory(std::string_view path) const {
  return as_directory() != nullptr ? (*as_directory())->create_directory(path) : refused(ENOTDIR);
}

OsResult<Metadata> Handle::metadata_at(std::string_view path, Links links) const {
  if (as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  return (*as_directory())->metadata_at(path, links);
}

OsResult<> Handle::set_times_at(std::string_view path, Links links, const TimeChanges& changes)
    const {
  return as_directory() != nullptr ? (*as_directory())->set_times_at(path, links, changes)
                                   : refused(ENOTDIR);
}

OsResult<> Handle::link(
    Links links, std::string_view path, const Handle& to, std::string_view new_path
) const {
  if (as_directory() == nullptr || to.as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  if (links == Links::Follow) {
    return refused(EINVAL);
  }
  return (*as_directory())->link(path, **to.as_directory(), new_path);
}

OsResult<Handle> Handle::open(
    HostMemory& memory, Links links, std::string_view path, std::uint32_t open, std::uint32_t flags
) const {
  if (as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  // Nobody offers writes that are on the disk when they return: to say so is better than to lie.
  if ((flags & DescriptorBits::kSyncs) != 0) {
    return refused(ENOTSUP);
  }
  if ((flags & DescriptorBits::kMutateDirectory & ~flags_) != 0) {
    return refused(EPERM);
  }
  constexpr std::uint32_t kMaking = OpenBits::kCreate | OpenBits::kExclusive | OpenBits::kTruncate;
  const bool wants_directory = (open & OpenBits::kDirectory) != 0;
  if (wants_directory && (open & kMaking) != 0) {
    return refused(EINVAL);
  }
  MemoryCharge charge(memory);
  if (!charge.try_resize(kCharge)) {
    return refused(ENOMEM);
  }
  // Reading is what is meant where nothing is said; who makes or empties a file may write it.
  constexpr std::uint32_t kUses = DescriptorBits::kRead | DescriptorBits::kWrite;
  if ((flags & kUses) == 0) {
    flags |= DescriptorBits::kRead;
  }
  if ((open & (OpenBits::kCreate | OpenBits::kTruncate)) != 0) {
    flags |= DescriptorBits::kWrite;
  }
  auto opened = (*as_directory())
                    ->open(
                        path,
                        {
                            .create = (open & OpenBits::kCreate) != 0,
                            .exclusive = (open & OpenBits::kExclusive) != 0,
                            .truncate = (open & OpenBits::kTruncate) != 0,
                            .directory = wants_directory,
                            .read = (flags & DescriptorBits::kRead) != 0,
                            .write = (flags & DescriptorBits::kWrite) != 0,
                            .links = links,
                        }
                    );
  if (!opened) {
    return refused(opened.error());
  }
  if (auto* file = std::get_if<File>(&*opened)) {
    const FileAccess access = file->access();
    const std::uint32_t held = (access.readable ? DescriptorBits::kRead : 0U) |
                               (access.writable ? DescriptorBits::kWrite : 0U);
    return Handle(std::make_shared<File>(std::move(*file)), held, std::move(charge));
  }
  const std::uint32_t held = DescriptorBits::kRead | (flags_ & DescriptorBits::kMutateDirectory);
  Handle made(std::get<DirectoryPtr>(*std::move(opened)), held, std::move(charge));
  made.opened_flags_ = held & (flags | DescriptorBits::kRead);
  return made;
}

OsResult<std::string> Handle::read_link(std::string_view path) const {
  if (as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  return (*as_directory())->read_link(path);
}

OsResult<> Handle::remove_directory(std::string_view path) const {
  return as_directory() != nullptr ? (*as_directory())->remove_directory(path) : refused(ENOTDIR);
}

OsResult<> Handle::rename(std::string_view path, const Handle& to, std::string_view new_path)
    const {
  if (as_directory() == nullptr || to.as_directory() == nullptr) {
    return refused(ENOTDIR);
  }
  return (*as_directory())->rename(path, **to.as_directory(), new_path);
}

OsResult<> Handle::symlink(std::string_view contents, std::string_view path) const {
  return as_directory() != nullptr ? (*as_directory())->symlink(contents, path) : refused(ENOTDIR);
}

OsResult<> Handle::unlink_file(std::string_view path) const {
  return as_directory() != nullptr ? (*as_directory())->unlink_file(path) : refused(ENOTDIR);
}

}  // namespace whorl::wasi::files
