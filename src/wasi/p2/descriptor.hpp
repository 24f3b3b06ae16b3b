/// wasi:filesystem/types of 0.2: descriptor and directory-entry-stream, over files::Handle. What
/// all versions have is in wasi/descriptor_calls.hpp.
///
/// Calls go to the kernel on the shard, but for syncs and reads that miss the page cache
/// (wasi/blocking_work.hpp).
#pragma once

#include "wasi/blocking_work.hpp"
#include "wasi/descriptor_calls.hpp"
#include "wasi/files/handle.hpp"
#include "wasi/p2/file_error.hpp"
#include "wasi/p2/surroundings.hpp"
#include "wit/wasi_filesystem_types.hpp"

#include <cerrno>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace whorl::wasi::p2 {

namespace fs_wit = wit::wasi_filesystem_types;

/// What a function of the interface tells the guest.
template <class T = void>
using FileOutcome = std::expected<T, FileErrorCode>;
/// The same, or a trap.
template <class T = void>
using FileResult = component::HostResult<FileOutcome<T>>;

/// The version for DescriptorCalls.
struct FilesystemVersion {
  using Base = fs_wit::Descriptor;
  using Advice = fs_wit::Advice;
  using Error = FileErrorCode;
  using Flags = fs_wit::DescriptorFlags;
  using Hash = fs_wit::MetadataHashValue;
  using Instant = fs_wit::Datetime;
  using NewTimestamp = fs_wit::NewTimestamp;
  using OpenFlags = fs_wit::OpenFlags;
  using Path = std::string_view;
  using PathFlags = fs_wit::PathFlags;
  using Stat = fs_wit::DescriptorStat;
  using Type = fs_wit::DescriptorType;
  static constexpr int kNoThread = EAGAIN;
  [[nodiscard]] static Error error(int number) { return to_file_error(number); }
  [[nodiscard]] static Type type(files::Type from) { return to_descriptor_type(from); }
  [[nodiscard]] static Instant instant(files::Timestamp time);
  [[nodiscard]] static files::Timestamp timestamp(const Instant& from);
  [[nodiscard]] static std::uint32_t flags(const files::Handle& handle) { return handle.flags(); }
  [[nodiscard]] static component::Own<Base> make(
      const Surroundings& around, BlockingWork* blocking, files::Handle handle
  );
};

class Descriptor final : public DescriptorCalls<FilesystemVersion> {
 public:
  using DescriptorCalls::DescriptorCalls;

  [[nodiscard]] FileResult<component::Own<fs_wit::InputStream>> read_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::OutputStream>> write_via_stream(
      component::Call& call, std::uint64_t offset
  ) override;
  [[nodiscard]] FileResult<component::Own<fs_wit::OutputStream>> append_via_stream(
      component::Call& call
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

}  // namespace whorl::wasi::p2
