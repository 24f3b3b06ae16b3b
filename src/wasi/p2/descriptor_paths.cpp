// Functions that take a path below a directory. What a path may reach is files::Directory's
// business; here its outcome is told.
#include "wasi/p2/descriptor.hpp"

namespace whorl::wasi::p2 {
namespace {

files::Links links_of(fs_wit::PathFlags flags) noexcept {
  return flags.has(fs_wit::PathFlags::kSymlinkFollow) ? files::Links::Follow : files::Links::Keep;
}

/// Flags of writes that are on the disk when they return: nobody offers them, and to say so is
/// better than to lie.
constexpr std::uint32_t kSyncFlags = Descriptor::Flags::kFileIntegritySync |
                                     Descriptor::Flags::kDataIntegritySync |
                                     Descriptor::Flags::kRequestedWriteSync;

}  // namespace

FileResult<> Descriptor::create_directory_at(component::Call&, Path path) {
  return directory() != nullptr ? told((*directory())->create_directory(path))
                                : FileOutcome<>(refused(ENOTDIR));
}

FileResult<fs_wit::DescriptorStat> Descriptor::stat_at(
    component::Call&, fs_wit::PathFlags path_flags, Path path
) {
  using Outcome = FileOutcome<fs_wit::DescriptorStat>;
  if (directory() == nullptr) {
    return Outcome(refused(ENOTDIR));
  }
  const auto found = (*directory())->metadata_at(path, links_of(path_flags));
  return found ? Outcome(to_stat(*found)) : Outcome(refused(found.error()));
}

FileResult<> Descriptor::set_times_at(
    component::Call&,
    fs_wit::PathFlags path_flags,
    Path path,
    NewTimestamp access,
    NewTimestamp modification
) {
  if (directory() == nullptr) {
    return FileOutcome<>(refused(ENOTDIR));
  }
  const files::TimeChanges changes = to_time_changes(access, modification);
  return told((*directory())->set_times_at(path, links_of(path_flags), changes));
}

FileResult<> Descriptor::link_at(
    component::Call&,
    fs_wit::PathFlags old_path_flags,
    Path old_path,
    fs_wit::Descriptor& new_descriptor,
    Path new_path
) {
  const auto* to = directory_of(new_descriptor);
  if (directory() == nullptr || to == nullptr) {
    return FileOutcome<>(refused(ENOTDIR));
  }
  if (links_of(old_path_flags) == files::Links::Follow) {
    return FileOutcome<>(refused(EINVAL));
  }
  return told((*directory())->link(old_path, **to, new_path));
}

FileResult<component::Own<fs_wit::Descriptor>> Descriptor::open_at(
    component::Call&,
    fs_wit::PathFlags path_flags,
    Path path,
    fs_wit::OpenFlags open_flags,
    Flags flags
) {
  using Outcome = FileOutcome<component::Own<fs_wit::Descriptor>>;
  if (directory() == nullptr) {
    return Outcome(refused(ENOTDIR));
  }
  if ((flags.bits & kSyncFlags) != 0) {
    return Outcome(refused(ENOTSUP));
  }
  if (flags.has(Flags::kMutateDirectory) && !flags_.has(Flags::kMutateDirectory)) {
    return Outcome(refused(EPERM));
  }
  const bool wants_directory = open_flags.has(fs_wit::OpenFlags::kDirectory);
  constexpr std::uint32_t kMaking =
      fs_wit::OpenFlags::kCreate | fs_wit::OpenFlags::kExclusive | fs_wit::OpenFlags::kTruncate;
  if (wants_directory && (open_flags.bits & kMaking) != 0) {
    return Outcome(refused(EINVAL));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(kCharge)) {
    return Outcome(refused(ENOMEM));
  }
  auto opened = (*directory())
                    ->open(
                        path,
                        {
                            .create = open_flags.has(fs_wit::OpenFlags::kCreate),
                            .exclusive = open_flags.has(fs_wit::OpenFlags::kExclusive),
                            .truncate = open_flags.has(fs_wit::OpenFlags::kTruncate),
                            .directory = wants_directory,
                            .read = flags.has(Flags::kRead),
                            .write = flags.has(Flags::kWrite),
                            .links = links_of(path_flags),
                        }
                    );
  if (!opened) {
    return Outcome(refused(opened.error()));
  }
  if (auto* file = std::get_if<files::File>(&*opened)) {
    const files::FileAccess access = file->access();
    const Flags held{
        (access.readable ? Flags::kRead : 0U) | (access.writable ? Flags::kWrite : 0U)
    };
    return Outcome(std::make_unique<Descriptor>(
        around_, blocking_, std::make_shared<files::File>(std::move(*file)), held, std::move(charge)
    ));
  }
  // A directory may change what is below it when the one it was opened through may.
  const Flags held{Flags::kRead | (flags_.bits & Flags::kMutateDirectory)};
  return Outcome(std::make_unique<Descriptor>(
      around_,
      blocking_,
      std::get<std::shared_ptr<const files::Directory>>(*std::move(opened)),
      held,
      std::move(charge)
  ));
}

FileResult<std::string> Descriptor::readlink_at(component::Call&, Path path) {
  using Outcome = FileOutcome<std::string>;
  if (directory() == nullptr) {
    return Outcome(refused(ENOTDIR));
  }
  auto contents = (*directory())->read_link(path);
  return contents ? Outcome(*std::move(contents)) : Outcome(refused(contents.error()));
}

FileResult<> Descriptor::remove_directory_at(component::Call&, Path path) {
  return directory() != nullptr ? told((*directory())->remove_directory(path))
                                : FileOutcome<>(refused(ENOTDIR));
}

FileResult<> Descriptor::rename_at(
    component::Call&, Path old_path, fs_wit::Descriptor& new_descriptor, Path new_path
) {
  const auto* to = directory_of(new_descriptor);
  if (directory() == nullptr || to == nullptr) {
    return FileOutcome<>(refused(ENOTDIR));
  }
  return told((*directory())->rename(old_path, **to, new_path));
}

FileResult<> Descriptor::symlink_at(component::Call&, Path old_path, Path new_path) {
  return directory() != nullptr ? told((*directory())->symlink(old_path, new_path))
                                : FileOutcome<>(refused(ENOTDIR));
}

FileResult<> Descriptor::unlink_file_at(component::Call&, Path path) {
  return directory() != nullptr ? told((*directory())->unlink_file(path))
                                : FileOutcome<>(refused(ENOTDIR));
}

FileResult<fs_wit::MetadataHashValue> Descriptor::metadata_hash_at(
    component::Call&, fs_wit::PathFlags path_flags, Path path
) {
  using Outcome = FileOutcome<fs_wit::MetadataHashValue>;
  if (directory() == nullptr) {
    return Outcome(refused(ENOTDIR));
  }
  const auto found = (*directory())->metadata_at(path, links_of(path_flags));
  return found ? Outcome(to_hash(*found)) : Outcome(refused(found.error()));
}

}  // namespace whorl::wasi::p2
