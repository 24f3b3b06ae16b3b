// Functions that take a path below a directory. What a path may reach is files::Directory's
// business; here its outcome is told.
#include "wasi/p2/descriptor.hpp"

namespace whorl::wasi::p2 {
namespace {

files::Links links_of(fs_wit::PathFlags flags) noexcept {
  return flags.has(fs_wit::PathFlags::kSymlinkFollow) ? files::Links::Follow : files::Links::Keep;
}

}  // namespace

FileResult<> Descriptor::create_directory_at(component::Call&, Path path) {
  return told(handle_.create_directory(path));
}

FileResult<fs_wit::DescriptorStat> Descriptor::stat_at(
    component::Call&, fs_wit::PathFlags path_flags, Path path
) {
  return told_stat(handle_.metadata_at(path, links_of(path_flags)));
}

FileResult<> Descriptor::set_times_at(
    component::Call&,
    fs_wit::PathFlags path_flags,
    Path path,
    NewTimestamp access,
    NewTimestamp modification
) {
  const files::TimeChanges changes = to_time_changes(access, modification);
  return told(handle_.set_times_at(path, links_of(path_flags), changes));
}

FileResult<> Descriptor::link_at(
    component::Call&,
    fs_wit::PathFlags old_path_flags,
    Path old_path,
    fs_wit::Descriptor& new_descriptor,
    Path new_path
) {
  return told(handle_.link(links_of(old_path_flags), old_path, handle_of(new_descriptor), new_path)
  );
}

FileResult<component::Own<fs_wit::Descriptor>> Descriptor::open_at(
    component::Call&,
    fs_wit::PathFlags path_flags,
    Path path,
    fs_wit::OpenFlags open_flags,
    Flags flags
) {
  using Outcome = FileOutcome<component::Own<fs_wit::Descriptor>>;
  auto opened =
      handle_.open(around_.memory, links_of(path_flags), path, open_flags.bits, flags.bits);
  if (!opened) {
    return Outcome(refused(opened.error()));
  }
  return Outcome(std::make_unique<Descriptor>(around_, blocking_, *std::move(opened)));
}

FileResult<std::string> Descriptor::readlink_at(component::Call&, Path path) {
  return told(handle_.read_link(path));
}

FileResult<> Descriptor::remove_directory_at(component::Call&, Path path) {
  return told(handle_.remove_directory(path));
}

FileResult<> Descriptor::rename_at(
    component::Call&, Path old_path, fs_wit::Descriptor& new_descriptor, Path new_path
) {
  return told(handle_.rename(old_path, handle_of(new_descriptor), new_path));
}

FileResult<> Descriptor::symlink_at(component::Call&, Path old_path, Path new_path) {
  return told(handle_.symlink(old_path, new_path));
}

FileResult<> Descriptor::unlink_file_at(component::Call&, Path path) {
  return told(handle_.unlink_file(path));
}

FileResult<fs_wit::MetadataHashValue> Descriptor::metadata_hash_at(
    component::Call&, fs_wit::PathFlags path_flags, Path path
) {
  return told_hash(handle_.metadata_at(path, links_of(path_flags)));
}

}  // namespace whorl::wasi::p2
