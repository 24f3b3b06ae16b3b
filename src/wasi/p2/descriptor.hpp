/// wasi:filesystem/types of 0.2: descriptor and directory-entry-stream, over files::Handle.
///
/// Calls go to the kernel on the shard, but for syncs and reads that miss the page cache
/// (wasi/blocking_work.hpp).
#pragma once

#include "wasi/blocking_work.hpp"
#include "wasi/files/handle.hpp"
#include "wasi/p2/file_error.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_filesystem_types.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace whorl::wasi::p2 {

namespace fs_wit = wit::wasi_filesystem_types;

/// What a function of the interface tells the guest.
template <class T = void>
using FileOutcome = std::expected<T, FileErrorCode>;
/// The same, or a trap.
template <class T = void>
using FileResult = component::HostResult<FileOutcome<T>>;

class Descriptor final : public fs_wit::Descriptor {
 public:
  using Flags = fs_wit::DescriptorFlags;
  using Path = std::string_view;
  using NewTimestamp = fs_wit::NewTimestamp;
  /// @param blocking  null: everything runs on the shard. Outlives the instance.
  Descriptor(const Surroundings& around, BlockingWork* blocking, files::Handle handle) noexcept
      : around_(around), blocking_(blocking), handle_(std::move(handle)) {}

  // descriptor.cpp: what is open
  [[nodiscard]] FileResult<component::Own<fs_wit::InputStream>> read_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::OutputStream>> write_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::OutputStream>> append_via_stream(
      component::Call& call
  ) override;
  [[nodiscard]] FileResult<> advise(
      component::Call& call, std::uint64_t offset, std::uint64_t length, fs_wit::Advice advice
  ) override;
  [[nodiscard]] FileResult<> sync_data(component::Call& call) override;
  [[nodiscard]] FileResult<Flags> get_flags(component::Call& call) override;
  [[nodiscard]] FileResult<fs_wit::DescriptorType> get_type(component::Call& call) override;
  [[nodiscard]] FileResult<> set_size(component::Call& call, std::uint64_t size) override;
  [[nodiscard]] FileResult<> set_times(
      component::Call& call, NewTimestamp access, NewTimestamp modification
  ) override;
  [[nodiscard]] FileResult<std::tuple<Bytes, bool>> read(
      component::Call& call, std::uint64_t length, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<std::uint64_t> write(
      component::Call& call, ByteView buffer, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::DirectoryEntryStream>> read_directory(
      component::Call& call
  ) override;
  [[nodiscard]] FileResult<> sync(component::Call& call) override;
  [[nodiscard]] FileResult<fs_wit::DescriptorStat> stat(component::Call& call) override;
  [[nodiscard]] component::HostResult<bool> is_same_object(
      component::Call& call, fs_wit::Descriptor& other
  ) override;
  [[nodiscard]] FileResult<fs_wit::MetadataHashValue> metadata_hash(component::Call& call) override;

  // descriptor_paths.cpp: what is below
  [[nodiscard]] FileResult<> create_directory_at(component::Call& call, Path path) override;
  [[nodiscard]] FileResult<fs_wit::DescriptorStat> stat_at(
      component::Call& call, fs_wit::PathFlags path_flags, Path path
  ) override;
  [[nodiscard]] FileResult<> set_times_at(
      component::Call& call,
      fs_wit::PathFlags path_flags,
      Path path,
      NewTimestamp access,
      NewTimestamp modification
  ) override;
  [[nodiscard]] FileResult<> link_at(
      component::Call& call,
      fs_wit::PathFlags old_path_flags,
      Path old_path,
      fs_wit::Descriptor& new_descriptor,
      Path new_path
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::Descriptor>> open_at(
      component::Call& call,
      fs_wit::PathFlags path_flags,
      Path path,
      fs_wit::OpenFlags open_flags,
      Flags flags
  ) override;
  [[nodiscard]] FileResult<std::string> readlink_at(component::Call& call, Path path) override;
  [[nodiscard]] FileResult<> remove_directory_at(component::Call& call, Path path) override;
  [[nodiscard]] FileResult<> rename_at(
      component::Call& call, Path old_path, fs_wit::Descriptor& new_descriptor, Path new_path
  ) override;
  [[nodiscard]] FileResult<> symlink_at(component::Call& call, Path old_path, Path new_path)
      override;
  [[nodiscard]] FileResult<> unlink_file_at(component::Call& call, Path path) override;
  [[nodiscard]] FileResult<fs_wit::MetadataHashValue> metadata_hash_at(
      component::Call& call, fs_wit::PathFlags path_flags, Path path
  ) override;

 private:
  /// Of a handle that the guest passed along; every descriptor is ours.
  [[nodiscard]] static const files::Handle& handle_of(fs_wit::Descriptor& other) noexcept {
    return static_cast<Descriptor&>(other).handle_;
  }
  [[nodiscard]] FileResult<> run_sync(component::Call& call, files::Handle::Sync what);

  const Surroundings& around_;
  BlockingWork* blocking_;
  files::Handle handle_;
};

class DirectoryEntryStream final : public fs_wit::DirectoryEntryStream {
 public:
  DirectoryEntryStream(files::Listing listing, MemoryCharge charge) noexcept
      : listing_(std::move(listing)), charge_(std::move(charge)) {}
  [[nodiscard]] FileResult<std::optional<fs_wit::DirectoryEntry>> read_directory_entry(
      component::Call& call
  ) override;

 private:
  files::Listing listing_;
  MemoryCharge charge_;
};

// Shared by the two halves of Descriptor.

[[nodiscard]] std::unexpected<FileErrorCode> refused(int number);
/// What the guest is told.
template <class T>
[[nodiscard]] FileOutcome<T> told(files::OsResult<T> outcome) {
  if (!outcome) {
    return refused(outcome.error());
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(outcome);
  }
}
[[nodiscard]] files::TimeChanges to_time_changes(
    const fs_wit::NewTimestamp& access, const fs_wit::NewTimestamp& modification
);
[[nodiscard]] FileOutcome<fs_wit::DescriptorStat> told_stat(files::OsResult<files::Metadata> found);
[[nodiscard]] FileOutcome<fs_wit::MetadataHashValue> told_hash(
    files::OsResult<files::Metadata> found
);

}  // namespace whorl::wasi::p2
