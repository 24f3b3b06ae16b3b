/// DescriptorCalls: the functions of wasi:filesystem's `descriptor` that all versions of the
/// interface have, written once over files::Handle. What a version streams, it adds itself.
///
/// `V` is a version:
/// - `Base`, `Advice`, `Error`, `Flags`, `NewTimestamp`, `OpenFlags`, `PathFlags`, `Hash`, `Stat`,
///   `Type`: the interface's types, as generated; `Instant`: of its time stamps;
/// - `Path`: of its functions' parameters, a view or a string;
/// - `kNoThread`: the error number where a call that may block can't be made;
/// - `error(int)`: an `Error` from Linux's error number; `type(files::Type)`: a `Type`;
/// - `instant(files::Timestamp)`, and back `timestamp(const Instant&)`: the nearest one there is;
/// - `flags(const files::Handle&)`: the bits that `get-flags` answers;
/// - `make(surroundings, blocking, handle)`: an `Own<Base>`.
///
/// @thread shard. @spec wasi:filesystem/types, resource descriptor
#pragma once

#include "component/host.hpp"
#include "wasi/files/handle.hpp"
#include "wasi/p2/surroundings.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <type_traits>
#include <utility>

namespace whorl::wasi {

template <class V>
class DescriptorCalls : public V::Base {
 public:
  using Base = typename V::Base;
  using Call = component::Call;
  using Flags = typename V::Flags;
  using Hash = typename V::Hash;
  using NewTimestamp = typename V::NewTimestamp;
  using Path = typename V::Path;
  using PathFlags = typename V::PathFlags;
  using Stat = typename V::Stat;
  using Type = typename V::Type;
  /// What a function of the interface tells the guest.
  template <class T = void>
  using Outcome = std::expected<T, typename V::Error>;
  /// The same, or a trap.
  template <class T = void>
  using Result = component::HostResult<Outcome<T>>;

  /// @param blocking  null: everything runs on the shard. Outlives the instance.
  DescriptorCalls(
      const p2::Surroundings& around, BlockingWork* blocking, files::Handle handle
  ) noexcept
      : around_(around), blocking_(blocking), handle_(std::move(handle)) {}

  // --- the open thing --------------------------------------------------------------------------

  [[nodiscard]] Result<> advise(
      Call&, std::uint64_t offset, std::uint64_t length, typename V::Advice advice
  ) override {
    constexpr std::array kAdvices{
        files::Advice::Normal,
        files::Advice::Sequential,
        files::Advice::Random,
        files::Advice::WillNeed,
        files::Advice::DontNeed,
        files::Advice::NoReuse,
    };
    return told(handle_.advise(offset, length, kAdvices[static_cast<std::size_t>(advice)]));
  }
  [[nodiscard]] Result<> sync(Call& call) override {
    return run_sync(call, files::Handle::Sync::All);
  }
  [[nodiscard]] Result<> sync_data(Call& call) override {
    return run_sync(call, files::Handle::Sync::Data);
  }
  [[nodiscard]] Result<Flags> get_flags(Call&) override {
    return Outcome<Flags>(Flags{V::flags(handle_)});
  }
  [[nodiscard]] Result<Type> get_type(Call&) override {
    return Outcome<Type>(V::type(handle_.type()));
  }
  [[nodiscard]] Result<> set_size(Call&, std::uint64_t size) override {
    return told(handle_.set_size(size));
  }
  [[nodiscard]] Result<> set_times(Call&, NewTimestamp access, NewTimestamp modification) override {
    return told(handle_.set_times({change(access), change(modification)}));
  }
  [[nodiscard]] Result<Stat> stat(Call&) override { return told_stat(handle_.metadata()); }
  [[nodiscard]] component::HostResult<bool> is_same_object(Call&, Base& other) override {
    return handle_.is_same_as(handle_of(other));
  }
  [[nodiscard]] Result<Hash> metadata_hash(Call&) override { return told_hash(handle_.metadata()); }

  // --- what is below: what a path may reach is files::Directory's business ---------------------

  [[nodiscard]] Result<> create_directory_at(Call&, Path path) override {
    return told(handle_.create_directory(path));
  }
  [[nodiscard]] Result<Stat> stat_at(Call&, PathFlags path_flags, Path path) override {
    return told_stat(handle_.metadata_at(path, links_of(path_flags)));
  }
  [[nodiscard]] Result<> set_times_at(
      Call&, PathFlags path_flags, Path path, NewTimestamp access, NewTimestamp modification
  ) override {
    const files::TimeChanges changes{change(access), change(modification)};
    return told(handle_.set_times_at(path, links_of(path_flags), changes));
  }
  [[nodiscard]] Result<> link_at(
      Call&, PathFlags old_path_flags, Path old_path, Base& new_descriptor, Path new_path
  ) override {
    const files::Handle& to = handle_of(new_descriptor);
    return told(handle_.link(links_of(old_path_flags), old_path, to, new_path));
  }
  [[nodiscard]] Result<component::Own<Base>> open_at(
      Call&, PathFlags path_flags, Path path, typename V::OpenFlags open_flags, Flags flags
  ) override {
    auto opened =
        handle_.open(around_.memory, links_of(path_flags), path, open_flags.bits, flags.bits);
    if (!opened) {
      return Outcome<component::Own<Base>>(refused(opened.error()));
    }
    return Outcome<component::Own<Base>>(V::make(around_, blocking_, *std::move(opened)));
  }
  [[nodiscard]] Result<std::string> readlink_at(Call&, Path path) override {
    return told(handle_.read_link(path));
  }
  [[nodiscard]] Result<> remove_directory_at(Call&, Path path) override {
    return told(handle_.remove_directory(path));
  }
  [[nodiscard]] Result<> rename_at(Call&, Path old_path, Base& new_descriptor, Path new_path)
      override {
    return told(handle_.rename(old_path, handle_of(new_descriptor), new_path));
  }
  [[nodiscard]] Result<> symlink_at(Call&, Path old_path, Path new_path) override {
    return told(handle_.symlink(old_path, new_path));
  }
  [[nodiscard]] Result<> unlink_file_at(Call&, Path path) override {
    return told(handle_.unlink_file(path));
  }
  [[nodiscard]] Result<Hash> metadata_hash_at(Call&, PathFlags path_flags, Path path) override {
    return told_hash(handle_.metadata_at(path, links_of(path_flags)));
  }

 protected:
  [[nodiscard]] static auto refused(int number) { return std::unexpected(V::error(number)); }

  const p2::Surroundings& around_;
  BlockingWork* blocking_;
  files::Handle handle_;

 private:
  template <class T>
  [[nodiscard]] static Outcome<T> told(files::OsResult<T> outcome) {
    if (!outcome) {
      return refused(outcome.error());
    }
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return *std::move(outcome);
    }
  }
  [[nodiscard]] static Outcome<Stat> told_stat(const files::OsResult<files::Metadata>& found) {
    if (!found) {
      return refused(found.error());
    }
    return Stat{
        .type = V::type(found->type),
        .link_count = found->links,
        .size = found->size,
        .data_access_timestamp = V::instant(found->accessed),
        .data_modification_timestamp = V::instant(found->modified),
        .status_change_timestamp = V::instant(found->changed),
    };
  }
  [[nodiscard]] static Outcome<Hash> told_hash(const files::OsResult<files::Metadata>& found) {
    if (!found) {
      return refused(found.error());
    }
    const files::MetadataHash hash = files::hash_of(*found);
    return Hash{.lower = hash.lower, .upper = hash.upper};
  }
  [[nodiscard]] static files::TimeChange change(const NewTimestamp& from) {
    using Kind = files::TimeChange::Kind;
    switch (from.tag) {
      case NewTimestamp::Tag::NoChange:
        return {};
      case NewTimestamp::Tag::Now:
        return {Kind::Now, {}};
      case NewTimestamp::Tag::Timestamp:
        break;
    }
    return {Kind::Set, V::timestamp(from.template as<typename V::Instant>())};
  }
  [[nodiscard]] static files::Links links_of(PathFlags flags) noexcept {
    return flags.has(PathFlags::kSymlinkFollow) ? files::Links::Follow : files::Links::Keep;
  }
  /// Of a handle that the guest passed along; every descriptor is ours.
  [[nodiscard]] static const files::Handle& handle_of(Base& other) noexcept {
    return static_cast<DescriptorCalls&>(other).handle_;
  }
  [[nodiscard]] Result<> run_sync(Call& call, files::Handle::Sync what) {
    auto outcome = handle_.sync(what, blocking_, call.fiber);
    if (!outcome) {
      return outcome.error().kind() == ErrorKind::Cancelled
                 ? Result<>(component::trap("the guest is being ended"))
                 : Result<>(Outcome<>(refused(V::kNoThread)));
    }
    return told(*outcome);
  }
};

}  // namespace whorl::wasi
