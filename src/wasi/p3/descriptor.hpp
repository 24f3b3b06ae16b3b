/// wasi:filesystem of 0.3: descriptors over files::Handle, and the folders that are open to a
/// component.
///
/// Calls go to the kernel on the shard, but for syncs and reads that miss the page cache
/// (wasi/blocking_work.hpp).
#pragma once

#include "wasi/context.hpp"
#include "wasi/files/handle.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/p3/channels.hpp"
#include "wasi/p3/error.hpp"
#include "wit/wasi_filesystem_preopens_p3.hpp"
#include "wit/wasi_filesystem_types_p3.hpp"

#include <expected>
#include <string>
#include <tuple>
#include <utility>

namespace whorl::wasi::p3 {

namespace fs_wit = wit::wasi_filesystem_types_p3;
using p2::Surroundings;

/// What a function of the interface tells the guest.
template <class T = void>
using FileOutcome = std::expected<T, FileErrorCode>;
/// The same, or a trap.
template <class T = void>
using FileResult = component::HostResult<FileOutcome<T>>;

class Descriptor final : public fs_wit::Descriptor {
 public:
  using Flags = fs_wit::DescriptorFlags;
  using Path = std::string;
  using NewTimestamp = fs_wit::NewTimestamp;

  /// @param blocking  null: everything runs on the shard. Outlives the instance.
  Descriptor(const Surroundings& around, BlockingWork* blocking, files::Handle handle) noexcept
      : around_(around), blocking_(blocking), handle_(std::move(handle)) {}

  [[nodiscard]] component::HostResult<ReadChannel<FileErrorCode>> read_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] component::HostResult<DoneFuture<FileErrorCode>> write_via_stream(
      component::Call& call, ByteReader data, std::uint64_t offset
  ) override;
  [[nodiscard]] component::HostResult<DoneFuture<FileErrorCode>> append_via_stream(
      component::Call& call, ByteReader data
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
  [[nodiscard]] component::HostResult<
      std::tuple<component::StreamReader<fs_wit::DirectoryEntry>, DoneFuture<FileErrorCode>>>
  read_directory(component::Call& call) override;
  [[nodiscard]] FileResult<> sync(component::Call& call) override;
  [[nodiscard]] FileResult<> create_directory_at(component::Call& call, Path path) override;
  [[nodiscard]] FileResult<fs_wit::DescriptorStat> stat(component::Call& call) override;
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
  [[nodiscard]] component::HostResult<bool> is_same_object(
      component::Call& call, fs_wit::Descriptor& other
  ) override;
  [[nodiscard]] FileResult<fs_wit::MetadataHashValue> metadata_hash(component::Call& call) override;
  [[nodiscard]] FileResult<fs_wit::MetadataHashValue> metadata_hash_at(
      component::Call& call, fs_wit::PathFlags path_flags, Path path
  ) override;

 private:
  /// Of a handle that the guest passed along; every descriptor is ours.
  [[nodiscard]] static const files::Handle& handle_of(fs_wit::Descriptor& other) noexcept {
    return static_cast<Descriptor&>(other).handle_;
  }
  [[nodiscard]] FileResult<> run_sync(component::Call& call, files::Handle::Sync what);
  [[nodiscard]] DoneFuture<FileErrorCode> write(
      ByteReader data, std::optional<std::uint64_t> offset
  );

  const Surroundings& around_;
  BlockingWork* blocking_;
  files::Handle handle_;
};

class PreopensHost final : public wit::wasi_filesystem_preopens_p3::Host {
 public:
  PreopensHost(const Surroundings& around, const InstanceContext& context) noexcept
      : around_(around), context_(context) {}
  [[nodiscard]] component::HostResult<
      std::vector<std::tuple<component::Own<fs_wit::Descriptor>, std::string>>>
  get_directories(component::Call& call) override;

 private:
  const Surroundings& around_;
  const InstanceContext& context_;
};

}  // namespace whorl::wasi::p3
