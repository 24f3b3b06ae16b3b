#include "wasi/p3/descriptor.hpp"

#include "wasi/p2/file_streams.hpp"
#include "wit/wasi_filesystem_types_p3_abi.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;

constexpr std::int64_t kNanoseconds = 1'000'000'000;

fs_wit::Instant to_instant(files::Timestamp time) {
  return {
      .seconds = static_cast<std::int64_t>(time / kNanoseconds),
      .nanoseconds = static_cast<std::uint32_t>(time % kNanoseconds),
  };
}

files::TimeChange to_time_change(const fs_wit::NewTimestamp& from) {
  using Kind = files::TimeChange::Kind;
  switch (from.tag) {
    case fs_wit::NewTimestamp::Tag::NoChange:
      return {};
    case fs_wit::NewTimestamp::Tag::Now:
      return {Kind::Now, 0};
    case fs_wit::NewTimestamp::Tag::Timestamp:
      break;
  }
  const auto& time = from.as<fs_wit::Instant>();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / kNanoseconds - 1;
  const std::int64_t seconds = std::clamp<std::int64_t>(time.seconds, 0, kLast);
  return {Kind::Set, static_cast<files::Timestamp>(seconds * kNanoseconds) + time.nanoseconds};
}

files::TimeChanges to_time_changes(
    const fs_wit::NewTimestamp& access, const fs_wit::NewTimestamp& modification
) {
  return {to_time_change(access), to_time_change(modification)};
}

fs_wit::DescriptorType to_type(files::Type type) {
  using Type = fs_wit::DescriptorType;
  switch (type) {
    case files::Type::BlockDevice:
      return Type::block_device();
    case files::Type::CharacterDevice:
      return Type::character_device();
    case files::Type::Directory:
      return Type::directory();
    case files::Type::Fifo:
      return Type::fifo();
    case files::Type::RegularFile:
      return Type::regular_file();
    case files::Type::Socket:
      return Type::socket();
    case files::Type::SymbolicLink:
      return Type::symbolic_link();
    case files::Type::Unknown:
      break;
  }
  return Type::other(std::nullopt);
}

files::Links links_of(fs_wit::PathFlags flags) noexcept {
  return flags.has(fs_wit::PathFlags::kSymlinkFollow) ? files::Links::Follow : files::Links::Keep;
}

std::unexpected<FileErrorCode> refused(int number) {
  return std::unexpected(to_file_error(number));
}

/// What the guest is told.
template <class T>
FileOutcome<T> told(files::OsResult<T> outcome) {
  if (!outcome) {
    return refused(outcome.error());
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(outcome);
  }
}

FileOutcome<fs_wit::DescriptorStat> told_stat(const files::OsResult<files::Metadata>& found) {
  if (!found) {
    return refused(found.error());
  }
  return fs_wit::DescriptorStat{
      .type = to_type(found->type),
      .link_count = found->links,
      .size = found->size,
      .data_access_timestamp = to_instant(found->accessed),
      .data_modification_timestamp = to_instant(found->modified),
      .status_change_timestamp = to_instant(found->changed),
  };
}

FileOutcome<fs_wit::MetadataHashValue> told_hash(const files::OsResult<files::Metadata>& found) {
  if (!found) {
    return refused(found.error());
  }
  const files::MetadataHash hash = files::hash_of(*found);
  return fs_wit::MetadataHashValue{.lower = hash.lower, .upper = hash.upper};
}

FileErrorCode to_error(const IoError& failure) {
  return to_file_error(failure.os_error());
}

using Done = std::expected<void, FileErrorCode>;

/// The entries of a folder, without `.` and `..`.
class EntryProducer final : public component::StreamProducer<fs_wit::DirectoryEntry> {
 public:
  EntryProducer(
      files::Listing listing, MemoryCharge charge, component::FutureWriter<Done> done
  ) noexcept
      : listing_(std::move(listing)), charge_(std::move(charge)), done_(std::move(done)) {}
  ~EntryProducer() override { tell({}); }

  [[nodiscard]] Progress produce(std::size_t room, std::vector<fs_wit::DirectoryEntry>& items)
      override {
    while (items.size() < room) {
      const auto entry = listing_.next();
      if (!entry || !*entry) {
        tell(entry ? Done() : Done(refused(entry.error())));
        return items.empty() ? Progress::dropped() : Progress::last(items.size());
      }
      if ((*entry)->name != "." && (*entry)->name != "..") {
        items.push_back({.type = to_type((*entry)->type), .name = std::string((*entry)->name)});
      }
    }
    return Progress::items(items.size());
  }

 private:
  void tell(Done how) {
    if (!std::exchange(told_, true)) {
      done_.resolve(std::move(how));
    }
  }

  files::Listing listing_;
  MemoryCharge charge_;
  component::FutureWriter<Done> done_;
  bool told_ = false;
};

}  // namespace

// --- streams -------------------------------------------------------------------------------------

component::HostResult<ReadChannel<FileErrorCode>> Descriptor::read_via_stream(
    component::Call&, std::uint64_t offset
) {
  auto file = handle_.readable();
  MemoryCharge charge(around_.memory);
  if (!file || !charge.try_resize(p2::FileSource::kBufferBytes)) {
    return failed_channel<FileErrorCode>(to_file_error(file ? ENOMEM : file.error()));
  }
  return read_channel<FileErrorCode>(
      std::make_shared<p2::FileSource>(*std::move(file), offset, blocking_, std::move(charge)),
      to_error
  );
}

DoneFuture<FileErrorCode> Descriptor::write(ByteReader data, std::optional<std::uint64_t> offset) {
  auto file = handle_.writable();
  if (!file) {
    return DoneFuture<FileErrorCode>::ready(Done(refused(file.error())));
  }
  return write_channel<FileErrorCode>(
      std::move(data),
      std::make_shared<p2::FileSink>(*std::move(file), offset),
      FileErrorCode::pipe(),
      to_error
  );
}

component::HostResult<DoneFuture<FileErrorCode>> Descriptor::write_via_stream(
    component::Call&, ByteReader data, std::uint64_t offset
) {
  return write(std::move(data), offset);
}

component::HostResult<DoneFuture<FileErrorCode>> Descriptor::append_via_stream(
    component::Call&, ByteReader data
) {
  return write(std::move(data), std::nullopt);
}

component::HostResult<
    std::tuple<component::StreamReader<fs_wit::DirectoryEntry>, DoneFuture<FileErrorCode>>>
Descriptor::read_directory(component::Call&) {
  using Entries = component::StreamReader<fs_wit::DirectoryEntry>;
  using Channel = std::tuple<Entries, DoneFuture<FileErrorCode>>;
  MemoryCharge charge(around_.memory);
  auto listing = charge.try_resize(files::Handle::kCharge)
                     ? handle_.list()
                     : files::OsResult<files::Listing>(std::unexpected(ENOMEM));
  if (!listing) {
    return Channel(
        Entries::closed(), DoneFuture<FileErrorCode>::ready(Done(refused(listing.error())))
    );
  }
  component::FutureWriter<Done> done;
  auto future = done.reader();
  return Channel(
      Entries(
          std::make_unique<EntryProducer>(*std::move(listing), std::move(charge), std::move(done))
      ),
      std::move(future)
  );
}

// --- the open thing ------------------------------------------------------------------------------

FileResult<> Descriptor::advise(
    component::Call&, std::uint64_t offset, std::uint64_t length, fs_wit::Advice advice
) {
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

FileResult<> Descriptor::run_sync(component::Call& call, files::Handle::Sync what) {
  auto outcome = handle_.sync(what, blocking_, call.fiber);
  if (!outcome) {
    return outcome.error().kind() == ErrorKind::Cancelled
               ? FileResult<>(component::trap("the guest is being ended"))
               : FileResult<>(FileOutcome<>(refused(EBUSY)));
  }
  return told(*outcome);
}

FileResult<> Descriptor::sync(component::Call& call) {
  return run_sync(call, files::Handle::Sync::All);
}

FileResult<> Descriptor::sync_data(component::Call& call) {
  return run_sync(call, files::Handle::Sync::Data);
}

FileResult<Descriptor::Flags> Descriptor::get_flags(component::Call&) {
  return FileOutcome<Flags>(Flags{handle_.opened_flags()});
}

FileResult<fs_wit::DescriptorType> Descriptor::get_type(component::Call&) {
  return FileOutcome<fs_wit::DescriptorType>(to_type(handle_.type()));
}

FileResult<> Descriptor::set_size(component::Call&, std::uint64_t size) {
  return told(handle_.set_size(size));
}

FileResult<> Descriptor::set_times(
    component::Call&, NewTimestamp access, NewTimestamp modification
) {
  return told(handle_.set_times(to_time_changes(access, modification)));
}

FileResult<fs_wit::DescriptorStat> Descriptor::stat(component::Call&) {
  return told_stat(handle_.metadata());
}

component::HostResult<bool> Descriptor::is_same_object(
    component::Call&, fs_wit::Descriptor& other
) {
  return handle_.is_same_as(handle_of(other));
}

FileResult<fs_wit::MetadataHashValue> Descriptor::metadata_hash(component::Call&) {
  return told_hash(handle_.metadata());
}

// --- what is below -------------------------------------------------------------------------------

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

// --- preopens ------------------------------------------------------------------------------------

component::HostResult<std::vector<std::tuple<component::Own<fs_wit::Descriptor>, std::string>>>
PreopensHost::get_directories(component::Call&) {
  std::vector<std::tuple<component::Own<fs_wit::Descriptor>, std::string>> out;
  for (const Preopen& preopen : context_.preopens) {
    const bool writable = preopen.directory->grant() == files::Grant::ReadWrite;
    const std::uint32_t flags =
        files::DescriptorBits::kRead | (writable ? files::DescriptorBits::kMutateDirectory : 0U);
    out.emplace_back(
        std::make_unique<Descriptor>(
            around_, context_.blocking, files::Handle(preopen.directory, flags)
        ),
        preopen.guest_path
    );
  }
  return out;
}

}  // namespace whorl::wasi::p3
