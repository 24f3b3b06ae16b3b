/// Handle: an open file or folder of a guest, as every version of wasi:filesystem has it.
///
/// Each version tells its guests in its own words what is decided here; flags are the bits of the
/// interface, which all versions share. What paths may reach is files::Directory's business.
/// @thread shard. @spec wasi:filesystem/types, resource descriptor
#pragma once

#include "wasi/blocking_work.hpp"
#include "wasi/files/directory.hpp"
#include "wasi/files/file.hpp"
#include "wasi/files/listing.hpp"
#include "wasi/host_memory.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace whorl::wasi::files {

/// Bits of `descriptor-flags`.
struct DescriptorBits {
  static constexpr std::uint32_t kRead = 1;
  static constexpr std::uint32_t kWrite = 2;
  /// Of writes that are on the disk when they return.
  static constexpr std::uint32_t kSyncs = 4 | 8 | 16;
  static constexpr std::uint32_t kMutateDirectory = 32;
};
/// Bits of `open-flags`.
struct OpenBits {
  static constexpr std::uint32_t kCreate = 1;
  static constexpr std::uint32_t kDirectory = 2;
  static constexpr std::uint32_t kExclusive = 4;
  static constexpr std::uint32_t kTruncate = 8;
};

/// `metadata-hash-value`.
struct MetadataHash {
  std::uint64_t lower = 0;
  std::uint64_t upper = 0;
};
[[nodiscard]] MetadataHash hash_of(const Metadata& from) noexcept;

class Handle {
 public:
  /// Each open thing stands for a descriptor of the process, and is charged so much.
  static constexpr std::size_t kCharge = std::size_t{128} * 1024;

  /// @param charge  of kCharge; none for what the host opened
  Handle(
      std::shared_ptr<const Directory> directory, std::uint32_t flags, MemoryCharge charge = {}
  ) noexcept
      : target_(std::move(directory)),
        flags_(flags),
        opened_flags_(flags),
        charge_(std::move(charge)) {}
  Handle(std::shared_ptr<File> file, std::uint32_t flags, MemoryCharge charge) noexcept
      : target_(std::move(file)), flags_(flags), opened_flags_(flags), charge_(std::move(charge)) {}

  /// What may be done with it: a folder may change what is below it when the one it was opened
  /// through may.
  [[nodiscard]] std::uint32_t flags() const noexcept { return flags_; }
  /// The same, without what was not asked for when it was opened.
  [[nodiscard]] std::uint32_t opened_flags() const noexcept { return opened_flags_; }
  /// RegularFile or Directory.
  [[nodiscard]] Type type() const noexcept;

  /// The file to read; EISDIR, EBADF.
  [[nodiscard]] OsResult<std::shared_ptr<File>> readable() const;
  /// The file to write; EISDIR, EBADF.
  [[nodiscard]] OsResult<std::shared_ptr<File>> writable() const;
  /// The file, however it may be used; EBADF.
  [[nodiscard]] OsResult<std::shared_ptr<File>> file() const;
  /// ENOTDIR.
  [[nodiscard]] OsResult<Listing> list() const;

  [[nodiscard]] OsResult<> advise(std::uint64_t offset, std::uint64_t length, Advice advice) const;
  [[nodiscard]] OsResult<> set_size(std::uint64_t size) const;
  [[nodiscard]] OsResult<> set_times(const TimeChanges& changes) const;
  [[nodiscard]] OsResult<Metadata> metadata() const;
  [[nodiscard]] bool is_same_as(const Handle& other) const;
  enum class Sync : std::uint8_t { All, Data };
  /// Waits for the disk, away from the shard. The guest may drop the handle meanwhile.
  /// @return Cancelled when the guest is being ended
  [[nodiscard]] Result<OsResult<>> sync(Sync what, BlockingWork* blocking, async::Parkable* fiber)
      const;

  // Below a folder; ENOTDIR where it is none.
  [[nodiscard]] OsResult<> create_directory(std::string_view path) const;
  [[nodiscard]] OsResult<Metadata> metadata_at(std::string_view path, Links links) const;
  [[nodiscard]] OsResult<> set_times_at(
      std::string_view path, Links links, const TimeChanges& changes
  ) const;
  [[nodiscard]] OsResult<> link(
      Links links, std::string_view path, const Handle& to, std::string_view new_path
  ) const;
  /// @param memory  charged for what is opened
  /// @param open    OpenBits
  /// @param flags   DescriptorBits wanted
  [[nodiscard]] OsResult<Handle> open(
      HostMemory& memory,
      Links links,
      std::string_view path,
      std::uint32_t open,
      std::uint32_t flags
  ) const;
  [[nodiscard]] OsResult<std::string> read_link(std::string_view path) const;
  [[nodiscard]] OsResult<> remove_directory(std::string_view path) const;
  [[nodiscard]] OsResult<> rename(
      std::string_view path, const Handle& to, std::string_view new_path
  ) const;
  [[nodiscard]] OsResult<> symlink(std::string_view contents, std::string_view path) const;
  [[nodiscard]] OsResult<> unlink_file(std::string_view path) const;

 private:
  using FilePtr = std::shared_ptr<File>;
  using DirectoryPtr = std::shared_ptr<const Directory>;
  /// Null when it is the other.
  [[nodiscard]] const FilePtr* as_file() const noexcept { return std::get_if<FilePtr>(&target_); }
  [[nodiscard]] const DirectoryPtr* as_directory() const noexcept {
    return std::get_if<DirectoryPtr>(&target_);
  }

  std::variant<FilePtr, DirectoryPtr> target_;
  std::uint32_t flags_;
  std::uint32_t opened_flags_;
  MemoryCharge charge_;
};

}  // namespace whorl::wasi::files
