/// wasi:filesystem/types: descriptor and directory-entry-stream, over the files of wasi/files.
///
/// What paths may reach is files::Directory's business. Calls go to the kernel on the shard, but
/// for syncs and reads that miss the page cache (wasi/blocking_work.hpp).
#pragma once

#include "wasi/blocking_work.hpp"
#include "wasi/files/directory.hpp"
#include "wasi/files/file.hpp"
#include "wasi/files/listing.hpp"
#include "wasi/p2/file_error.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_filesystem_types.hpp"

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

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
  /// Open things an instance may have: each stands for a descriptor of the process.
  static constexpr std::size_t kCharge = std::size_t{128} * 1024;

  /// @param blocking  null: everything runs on the shard. Outlives the instance.
  /// @param charge    of kCharge; none for what the host opened
  Descriptor(
      const Surroundings& around,
      BlockingWork* blocking,
      std::shared_ptr<const files::Directory> directory,
      Flags flags,
      MemoryCharge charge = {}
  ) noexcept
      : around_(around),
        blocking_(blocking),
        target_(std::move(directory)),
        flags_(flags),
        charge_(std::move(charge)) {}
  Descriptor(
      const Surroundings& around,
      BlockingWork* blocking,
      std::shared_ptr<files::File> file,
      Flags flags,
      MemoryCharge charge
  ) noexcept
      : around_(around),
        blocking_(blocking),
        target_(std::move(file)),
        flags_(flags),
        charge_(std::move(charge)) {}

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
  /// Null when it is the other.
  [[nodiscard]] const std::shared_ptr<files::File>* file() const noexcept {
    return std::get_if<std::shared_ptr<files::File>>(&target_);
  }
  [[nodiscard]] const std::shared_ptr<const files::Directory>* directory() const noexcept {
    return std::get_if<std::shared_ptr<const files::Directory>>(&target_);
  }
  /// Of a handle that the guest passed along.
  [[nodiscard]] static const std::shared_ptr<const files::Directory>* directory_of(
      fs_wit::Descriptor& other
  ) noexcept {
    return static_cast<Descriptor&>(other).directory();  // every descriptor is ours
  }
  [[nodiscard]] files::OsResult<files::Metadata> metadata() const;
  template <class Sync>
  [[nodiscard]] FileResult<> run_sync(component::Call& call, Sync sync);

  const Surroundings& around_;
  BlockingWork* blocking_;
  std::variant<std::shared_ptr<files::File>, std::shared_ptr<const files::Directory>> target_;
  Flags flags_;
  MemoryCharge charge_;
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

/// What the guest is told of an operation that gives nothing.
[[nodiscard]] FileResult<> told(files::OsResult<> outcome);
[[nodiscard]] std::unexpected<FileErrorCode> refused(int number);
[[nodiscard]] files::TimeChanges to_time_changes(
    const fs_wit::NewTimestamp& access, const fs_wit::NewTimestamp& modification
);
[[nodiscard]] fs_wit::DescriptorStat to_stat(const files::Metadata& from);
[[nodiscard]] fs_wit::MetadataHashValue to_hash(const files::Metadata& from);

}  // namespace whorl::wasi::p2
