/// Preview1: WASI preview 1 for one instance, without an adapter between it and the host.
///
/// One method per function of `wasi_snapshot_preview1`, called through the table that
/// register_preview1() registers. A method returns the error number the guest sees; a bad pointer
/// ends the guest. Nothing is written to guest memory before everything was checked.
/// @thread shard @spec WASI preview 1, wasi_snapshot_preview1.witx
#pragma once

#include "component/host.hpp"
#include "wasi/context.hpp"
#include "wasi/p1/abi.hpp"
#include "wasi/p1/descriptors.hpp"
#include "wasi/p1/guest.hpp"
#include "wasi/random.hpp"
#include "wasi/readiness.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>
#include <vector>

namespace whorl::wasi::p1 {

/// Registers the module. Once, at start. @return its host slot
[[nodiscard]] std::uint16_t register_preview1(component::HostRegistry& registry);
/// Registers what a bare core module sees that was not granted files, the environment or both, for
/// component/composition.hpp. @return their slots; all of them take the same object
[[nodiscard]] std::array<std::uint16_t, 3> register_preview1_variants(
    component::HostRegistry& registry
);

/// The host object of one instance. Cheap to make: the descriptor table is filled at its first use.
///
/// The component instances in it do not share descriptors, as they would not with an adapter each:
/// of() has the object of each.
class Preview1 {
 public:
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;

  /// @param context  what it borrows outlives this object
  explicit Preview1(const InstanceContext& context) noexcept : Preview1(context, opened_) {}
  /// For another component of the same instance.
  /// @param opened  what the tables of all of them count in
  Preview1(const InstanceContext& context, std::size_t& opened) noexcept
      : context_(context), descriptors_(context_, opened) {}
  Preview1(const Preview1&) = delete;
  Preview1& operator=(const Preview1&) = delete;

  /// The object of a component instance, by its number: the first that asks has this one.
  [[nodiscard]] Preview1& of(std::uint16_t component) {
    if (component == owner_) [[likely]] {
      return *this;
    }
    return other(component);
  }
  /// Closes what the last event opened, so that the next one starts like the first.
  void reset() noexcept {
    descriptors_.reset();
    others_.clear();
    opened_ = 0;
  }

  // The functions, in the order of the witx file.
  [[nodiscard]] Errno args_get(Guest& guest, Ptr argv, Ptr buffer);
  [[nodiscard]] Errno args_sizes_get(Guest& guest, Ptr count, Ptr bytes);
  [[nodiscard]] Errno environ_get(Guest& guest, Ptr environ, Ptr buffer);
  [[nodiscard]] Errno environ_sizes_get(Guest& guest, Ptr count, Ptr bytes);
  /// The same for a caller that was not granted the environment.
  [[nodiscard]] Errno no_environ_get(Guest& guest, Ptr array, Ptr buffer);
  [[nodiscard]] Errno no_environ_sizes_get(Guest& guest, Ptr count, Ptr bytes);
  [[nodiscard]] Errno clock_res_get(Guest& guest, U32 id, Ptr out);
  [[nodiscard]] Errno clock_time_get(Guest& guest, U32 id, U64 precision, Ptr out);
  [[nodiscard]] Errno fd_advise(Guest& guest, U32 fd, U64 offset, U64 length, U32 advice);
  [[nodiscard]] Errno fd_allocate(Guest& guest, U32 fd, U64 offset, U64 length);
  [[nodiscard]] Errno fd_close(Guest& guest, U32 fd);
  [[nodiscard]] Errno fd_datasync(Guest& guest, U32 fd);
  [[nodiscard]] Errno fd_fdstat_get(Guest& guest, U32 fd, Ptr out);
  [[nodiscard]] Errno fd_fdstat_set_flags(Guest& guest, U32 fd, U32 flags);
  [[nodiscard]] Errno fd_fdstat_set_rights(Guest& guest, U32 fd, U64 base, U64 inheriting);
  [[nodiscard]] Errno fd_filestat_get(Guest& guest, U32 fd, Ptr out);
  [[nodiscard]] Errno fd_filestat_set_size(Guest& guest, U32 fd, U64 size);
  [[nodiscard]] Errno fd_filestat_set_times(
      Guest& guest, U32 fd, U64 access, U64 modify, U32 fst_flags
  );
  [[nodiscard]] Errno fd_pread(
      Guest& guest, U32 fd, Ptr iovs, U32 count, U64 offset, Ptr bytes_read
  );
  [[nodiscard]] Errno fd_prestat_get(Guest& guest, U32 fd, Ptr out);
  [[nodiscard]] Errno fd_prestat_dir_name(Guest& guest, U32 fd, Ptr path, U32 path_size);
  [[nodiscard]] Errno fd_pwrite(
      Guest& guest, U32 fd, Ptr iovs, U32 count, U64 offset, Ptr bytes_written
  );
  [[nodiscard]] Errno fd_read(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_read);
  [[nodiscard]] Errno fd_readdir(
      Guest& guest, U32 fd, Ptr buffer, U32 size, U64 cookie, Ptr bytes_used
  );
  [[nodiscard]] Errno fd_renumber(Guest& guest, U32 from, U32 to);
  [[nodiscard]] Errno fd_seek(Guest& guest, U32 fd, U64 offset, U32 whence, Ptr out);
  [[nodiscard]] Errno fd_sync(Guest& guest, U32 fd);
  [[nodiscard]] Errno fd_tell(Guest& guest, U32 fd, Ptr out);
  [[nodiscard]] Errno fd_write(Guest& guest, U32 fd, Ptr iovs, U32 count, Ptr bytes_written);
  [[nodiscard]] Errno path_create_directory(Guest& guest, U32 fd, Ptr path, U32 path_size);
  [[nodiscard]] Errno path_filestat_get(
      Guest& guest, U32 fd, U32 lookup_flags, Ptr path, U32 path_size, Ptr out
  );
  [[nodiscard]] Errno path_filestat_set_times(
      Guest& guest,
      U32 fd,
      U32 lookup_flags,
      Ptr path,
      U32 path_size,
      U64 access,
      U64 modify,
      U32 fst_flags
  );
  [[nodiscard]] Errno path_link(
      Guest& guest,
      U32 old_fd,
      U32 old_flags,
      Ptr old_path,
      U32 old_size,
      U32 new_fd,
      Ptr new_path,
      U32 new_size
  );
  [[nodiscard]] Errno path_open(
      Guest& guest,
      U32 fd,
      U32 lookup_flags,
      Ptr path,
      U32 path_size,
      U32 open_flags,
      U64 base,
      U64 inheriting,
      U32 fd_flags,
      Ptr opened
  );
  [[nodiscard]] Errno path_readlink(
      Guest& guest, U32 fd, Ptr path, U32 path_size, Ptr buffer, U32 size, Ptr bytes_used
  );
  [[nodiscard]] Errno path_remove_directory(Guest& guest, U32 fd, Ptr path, U32 path_size);
  [[nodiscard]] Errno path_rename(
      Guest& guest, U32 fd, Ptr old_path, U32 old_size, U32 new_fd, Ptr new_path, U32 new_size
  );
  [[nodiscard]] Errno path_symlink(
      Guest& guest, Ptr contents, U32 contents_size, U32 fd, Ptr path, U32 path_size
  );
  [[nodiscard]] Errno path_unlink_file(Guest& guest, U32 fd, Ptr path, U32 path_size);
  [[nodiscard]] Errno poll_oneoff(Guest& guest, Ptr in, Ptr out, U32 count, Ptr events);
  void proc_exit(Guest& guest, U32 code);
  [[nodiscard]] Errno proc_raise(Guest& guest, U32 signal);
  [[nodiscard]] Errno sched_yield(Guest& guest);
  [[nodiscard]] Errno random_get(Guest& guest, Ptr buffer, U32 size);
  [[nodiscard]] Errno sock_accept(Guest& guest, U32 fd, U32 flags, Ptr out);
  [[nodiscard]] Errno sock_recv(
      Guest& guest, U32 fd, Ptr iovs, U32 count, U32 flags, Ptr bytes_read, Ptr out_flags
  );
  [[nodiscard]] Errno sock_send(
      Guest& guest, U32 fd, Ptr iovs, U32 count, U32 flags, Ptr bytes_sent
  );
  [[nodiscard]] Errno sock_shutdown(Guest& guest, U32 fd, U32 how);

 private:
  [[nodiscard]] Preview1& other(std::uint16_t component);

  /// Longest path or contents of a link that is looked at.
  static constexpr U32 kMaxPath = 4096;
  /// A path below a directory; both stay good while the guest waits for the answer.
  struct Path {
    const files::Directory& directory;
    std::string_view path;
  };

  /// The descriptor of a file. @param for_streams  what standard input and output are told
  [[nodiscard]] std::expected<Descriptor*, Errno> file_at(
      U32 fd, Errno for_streams = Errno::BadDescriptor
  );
  [[nodiscard]] std::expected<Descriptor*, Errno> directory_at(U32 fd);
  [[nodiscard]] std::expected<Path, Errno> path_at(Guest& guest, U32 fd, Ptr path, U32 size);
  [[nodiscard]] static std::expected<std::string_view, Errno> text_at(
      Guest& guest, Ptr text, U32 size
  );
  [[nodiscard]] Errno no_socket(U32 fd);
  /// Reads the buffers of a call and checks where its count will go. @return false after a failure
  [[nodiscard]] static bool take_buffers(
      Guest& guest, Ptr iovs, U32 count, Ptr out, Buffers& buffers
  );
  /// @return  false after the guest was told to end
  [[nodiscard]] bool wait_for(Guest& guest, Readiness& item);
  [[nodiscard]] Errno read_input(Guest& guest, InputSource* source, const Buffers& into, Ptr out);
  [[nodiscard]] Errno write_output(Guest& guest, OutputSink& sink, const Buffers& from, Ptr out);

  InstanceContext context_;
  std::size_t opened_ = 0;
  Descriptors descriptors_;
  SecureRandom random_;
  std::uint16_t owner_ = component::CallSite::kNone;  ///< nobody's before the first call
  std::vector<std::unique_ptr<Preview1>> others_;     ///< one for each further component
};

}  // namespace whorl::wasi::p1
