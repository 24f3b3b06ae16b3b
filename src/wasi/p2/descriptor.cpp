#include "wasi/p2/descriptor.hpp"

#include "wasi/p2/file_streams.hpp"
#include "wasi/p2/streams.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace whorl::wasi::p2 {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;

fs_wit::Datetime to_datetime(files::Timestamp time) {
  return {time / kNanoseconds, static_cast<std::uint32_t>(time % kNanoseconds)};
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
  const auto& time = from.as<fs_wit::Datetime>();
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max() / kNanoseconds - 1;
  return {Kind::Set, std::min(time.seconds, kLast) * kNanoseconds + time.nanoseconds};
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood, 2014).
std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

FileResult<> told(files::OsResult<> outcome) {
  return outcome ? FileOutcome<>() : FileOutcome<>(refused(outcome.error()));
}

std::unexpected<FileErrorCode> refused(int number) {
  return std::unexpected(to_file_error(number));
}

files::TimeChanges to_time_changes(
    const fs_wit::NewTimestamp& access, const fs_wit::NewTimestamp& modification
) {
  return {to_time_change(access), to_time_change(modification)};
}

fs_wit::DescriptorStat to_stat(const files::Metadata& from) {
  return {
      .type = to_descriptor_type(from.type),
      .link_count = from.links,
      .size = from.size,
      .data_access_timestamp = to_datetime(from.accessed),
      .data_modification_timestamp = to_datetime(from.modified),
      .status_change_timestamp = to_datetime(from.changed),
  };
}

fs_wit::MetadataHashValue to_hash(const files::Metadata& from) {
  // The number of an inode is what identifies a file; it is not a secret, only not a promise.
  const std::uint64_t lower = mixed(from.inode + mixed(from.device));
  return {.lower = lower, .upper = mixed(lower + from.device + 1)};
}

files::OsResult<files::Metadata> Descriptor::metadata() const {
  return file() != nullptr ? (*file())->metadata() : (*directory())->metadata();
}

// --- streams -------------------------------------------------------------------------------------

FileResult<component::Own<fs_wit::InputStream>> Descriptor::read_via_stream(
    component::Call&, std::uint64_t offset
) {
  using Outcome = FileOutcome<component::Own<fs_wit::InputStream>>;
  if (file() == nullptr) {
    return Outcome(refused(EISDIR));
  }
  if (!flags_.has(Flags::kRead)) {
    return Outcome(refused(EBADF));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(FileSource::kBufferBytes)) {
    return Outcome(refused(ENOMEM));
  }
  return Outcome(std::make_unique<InputStream>(
      around_.timers, std::make_shared<FileSource>(*file(), offset, blocking_, std::move(charge))
  ));
}

FileResult<component::Own<fs_wit::OutputStream>> Descriptor::write_via_stream(
    component::Call&, std::uint64_t offset
) {
  using Outcome = FileOutcome<component::Own<fs_wit::OutputStream>>;
  if (file() == nullptr) {
    return Outcome(refused(EISDIR));
  }
  if (!flags_.has(Flags::kWrite)) {
    return Outcome(refused(EBADF));
  }
  return Outcome(
      std::make_unique<OutputStream>(around_.timers, std::make_shared<FileSink>(*file(), offset))
  );
}

FileResult<component::Own<fs_wit::OutputStream>> Descriptor::append_via_stream(component::Call&) {
  using Outcome = FileOutcome<component::Own<fs_wit::OutputStream>>;
  if (file() == nullptr) {
    return Outcome(refused(EISDIR));
  }
  if (!flags_.has(Flags::kWrite)) {
    return Outcome(refused(EBADF));
  }
  return Outcome(std::make_unique<OutputStream>(
      around_.timers, std::make_shared<FileSink>(*file(), std::nullopt)
  ));
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
  if (file() == nullptr) {
    return FileOutcome<>(refused(EBADF));
  }
  return told((*file())->advise(offset, length, kAdvices[static_cast<std::size_t>(advice)]));
}

template <class Sync>
FileResult<> Descriptor::run_sync(component::Call& call, Sync sync) {
  // A copy of the target: the guest may drop its handle while the disk works.
  auto outcome = run_blocking(blocking_, call.fiber, [target = target_, sync] {
    return std::visit(sync, target);
  });
  if (!outcome) {
    return outcome.error().kind() == ErrorKind::Cancelled
               ? FileResult<>(component::trap("the guest is being ended"))
               : FileResult<>(FileOutcome<>(refused(EAGAIN)));
  }
  return told(*outcome);
}

FileResult<> Descriptor::sync(component::Call& call) {
  return run_sync(call, [](const auto& target) -> files::OsResult<> { return target->sync(); });
}

FileResult<> Descriptor::sync_data(component::Call& call) {
  return run_sync(call, [](const auto& target) -> files::OsResult<> {
    if constexpr (requires { target->sync_data(); }) {
      return target->sync_data();
    } else {
      return target->sync();
    }
  });
}

FileResult<Descriptor::Flags> Descriptor::get_flags(component::Call&) {
  return FileOutcome<Flags>(flags_);
}

FileResult<fs_wit::DescriptorType> Descriptor::get_type(component::Call&) {
  return FileOutcome<fs_wit::DescriptorType>(
      file() != nullptr ? fs_wit::DescriptorType::RegularFile : fs_wit::DescriptorType::Directory
  );
}

FileResult<> Descriptor::set_size(component::Call&, std::uint64_t size) {
  return file() != nullptr ? told((*file())->set_size(size)) : FileOutcome<>(refused(EBADF));
}

FileResult<> Descriptor::set_times(
    component::Call&, NewTimestamp access, NewTimestamp modification
) {
  const files::TimeChanges changes = to_time_changes(access, modification);
  return told(
      file() != nullptr ? (*file())->set_times(changes) : (*directory())->set_times(changes)
  );
}

FileResult<std::tuple<Bytes, bool>> Descriptor::read(
    component::Call& call, std::uint64_t length, std::uint64_t offset
) {
  using Outcome = FileOutcome<std::tuple<Bytes, bool>>;
  if (file() == nullptr) {
    return Outcome(refused(EBADF));
  }
  struct Read {
    Bytes bytes;
    files::OsResult<std::uint64_t> count{0};
  };
  auto read = std::make_shared<Read>();
  read->bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, kMaxRead)));
  const iovec into{read->bytes.data(), read->bytes.size()};
  read->count = (*file())->read_cached_at({&into, 1}, offset);
  if (!read->count && read->count.error() == EAGAIN) {
    auto waited = run_blocking(blocking_, call.fiber, [read, into, offset, file = *file()] {
      return file->read_at({&into, 1}, offset);
    });
    if (!waited) {
      return component::trap("the guest is being ended");
    }
    read->count = *waited;
  }
  if (!read->count) {
    return Outcome(refused(read->count.error()));
  }
  read->bytes.resize(static_cast<std::size_t>(*read->count));
  const bool at_end = read->bytes.empty() && length > 0;
  return Outcome(std::tuple(std::move(read->bytes), at_end));
}

FileResult<std::uint64_t> Descriptor::write(
    component::Call&, ByteView buffer, std::uint64_t offset
) {
  using Outcome = FileOutcome<std::uint64_t>;
  if (file() == nullptr) {
    return Outcome(refused(EBADF));
  }
  const iovec from{const_cast<std::uint8_t*>(buffer.data()), buffer.size()};
  const auto written = (*file())->write_at({&from, 1}, offset, {});
  return written ? Outcome(*written) : Outcome(refused(written.error()));
}

FileResult<component::Own<fs_wit::DirectoryEntryStream>>
Descriptor::read_directory(component::Call&) {
  using Outcome = FileOutcome<component::Own<fs_wit::DirectoryEntryStream>>;
  if (directory() == nullptr) {
    return Outcome(refused(ENOTDIR));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(kCharge)) {
    return Outcome(refused(ENOMEM));
  }
  auto listing = files::Listing::open(**directory());
  if (!listing) {
    return Outcome(refused(listing.error()));
  }
  return Outcome(std::make_unique<DirectoryEntryStream>(*std::move(listing), std::move(charge)));
}

FileResult<std::optional<fs_wit::DirectoryEntry>>
DirectoryEntryStream::read_directory_entry(component::Call&) {
  using Outcome = FileOutcome<std::optional<fs_wit::DirectoryEntry>>;
  while (true) {
    const auto entry = listing_.next();
    if (!entry) {
      return Outcome(refused(entry.error()));
    }
    if (!*entry) {
      return Outcome(std::nullopt);
    }
    if ((*entry)->name == "." || (*entry)->name == "..") {
      continue;
    }
    return Outcome(fs_wit::DirectoryEntry{
        .type = to_descriptor_type((*entry)->type), .name = std::string((*entry)->name)
    });
  }
}

FileResult<fs_wit::DescriptorStat> Descriptor::stat(component::Call&) {
  using Outcome = FileOutcome<fs_wit::DescriptorStat>;
  const auto found = metadata();
  return found ? Outcome(to_stat(*found)) : Outcome(refused(found.error()));
}

component::HostResult<bool> Descriptor::is_same_object(
    component::Call&, fs_wit::Descriptor& other
) {
  const auto mine = metadata();
  const auto theirs = static_cast<Descriptor&>(other).metadata();
  return mine && theirs && mine->device == theirs->device && mine->inode == theirs->inode;
}

FileResult<fs_wit::MetadataHashValue> Descriptor::metadata_hash(component::Call&) {
  using Outcome = FileOutcome<fs_wit::MetadataHashValue>;
  const auto found = metadata();
  return found ? Outcome(to_hash(*found)) : Outcome(refused(found.error()));
}

}  // namespace whorl::wasi::p2
