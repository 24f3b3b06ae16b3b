/// wasi:filesystem of 0.3: descriptors over files::Handle (what all versions have is in
/// wasi/descriptor_calls.hpp), and the folders that are open to a component.
///
/// Calls go to the kernel on the shard, but for syncs and reads that miss the page cache
/// (wasi/blocking_work.hpp).
#pragma once

#include "wasi/context.hpp"
#include "wasi/descriptor_calls.hpp"
#include "wasi/files/handle.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wasi/p3/channels.hpp"
#include "wasi/p3/error.hpp"
#include "wit/wasi_filesystem_preopens_p3.hpp"
#include "wit/wasi_filesystem_types_p3.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace whorl::wasi::p3 {

namespace fs_wit = wit::wasi_filesystem_types_p3;
using p2::Surroundings;

/// The version for DescriptorCalls.
struct FilesystemVersion {
  using Base = fs_wit::Descriptor;
  using Advice = fs_wit::Advice;
  using Error = FileErrorCode;
  using Flags = fs_wit::DescriptorFlags;
  using Hash = fs_wit::MetadataHashValue;
  using Instant = fs_wit::Instant;
  using NewTimestamp = fs_wit::NewTimestamp;
  using OpenFlags = fs_wit::OpenFlags;
  using Path = std::string;
  using PathFlags = fs_wit::PathFlags;
  using Stat = fs_wit::DescriptorStat;
  using Type = fs_wit::DescriptorType;
  static constexpr int kNoThread = EBUSY;
  [[nodiscard]] static Error error(int number) { return to_file_error(number); }
  [[nodiscard]] static Type type(files::Type from);
  [[nodiscard]] static Instant instant(files::Timestamp time);
  [[nodiscard]] static files::Timestamp timestamp(const Instant& from);
  [[nodiscard]] static std::uint32_t flags(const files::Handle& handle) {
    return handle.opened_flags();
  }
  [[nodiscard]] static component::Own<Base> make(
      const Surroundings& around, BlockingWork* blocking, files::Handle handle
  );
};

class Descriptor final : public DescriptorCalls<FilesystemVersion> {
 public:
  using DescriptorCalls::DescriptorCalls;

  [[nodiscard]] component::HostResult<ReadChannel<FileErrorCode>> read_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] component::HostResult<DoneFuture<FileErrorCode>> write_via_stream(
      component::Call& call, ByteReader data, std::uint64_t offset
  ) override;
  [[nodiscard]] component::HostResult<DoneFuture<FileErrorCode>> append_via_stream(
      component::Call& call, ByteReader data
  ) override;
  [[nodiscard]] component::HostResult<
      std::tuple<component::StreamReader<fs_wit::DirectoryEntry>, DoneFuture<FileErrorCode>>>
  read_directory(component::Call& call) override;

 private:
  [[nodiscard]] DoneFuture<FileErrorCode> write(
      ByteReader data, std::optional<std::uint64_t> offset
  );
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
