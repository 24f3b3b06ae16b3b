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

}  // namespace

std::unexpected<FileErrorCode> refused(int number) {
  return std::unexpected(to_file_error(number));
}

files::TimeChanges to_time_changes(
    const fs_wit::NewTimestamp& access, const fs_wit::NewTimestamp& modification
) {
  return {to_time_change(access), to_time_change(modification)};
}

FileOutcome<fs_wit::DescriptorStat> told_stat(files::OsResult<files::Metadata> found) {
  if (!found) {
    return refused(found.error());
  }
  return fs_wit::DescriptorStat{
      .type = to_descriptor_type(found->type),
      .link_count = found->links,
      .size = found->size,
      .data_access_timestamp = to_datetime(found->accessed),
      .data_modification_timestamp = to_datetime(found->modified),
      .status_change_timestamp = to_datetime(found->changed),
  };
}

FileOutcome<fs_wit::MetadataHashValue> told_hash(files::OsResult<files::Metadata> found) {
  if (!found) {
    return refused(found.error());
  }
  const files::MetadataHash hash = files::hash_of(*found);
  return fs_wit::MetadataHashValue{.lower = hash.lower, .upper = hash.upper};
}

// --- streams -------------------------------------------------------------------------------------

FileResult<component::Own<fs_wit::InputStream>> Descriptor::read_via_stream(
    component::Call&, std::uint64_t offset
) {
  using Outcome = FileOutcome<component::Own<fs_wit::InputStream>>;
  auto file = handle_.readable();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(FileSource::kBufferBytes)) {
    return Outcome(refused(ENOMEM));
  }
  return Outcome(std::make_unique<InputStream>(
      around_.timers,
      std::make_shared<FileSource>(*std::move(file), offset, blocking_, std::move(charge))
  ));
}

FileResult<component::Own<fs_wit::OutputStream>> Descriptor::write_via_stream(
    component::Call&, std::uint64_t offset
) {
  using Outcome = FileOutcome<component::Own<fs_wit::OutputStream>>;
  auto file = handle_.writable();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  return Outcome(std::make_unique<OutputStream>(
      around_.timers, std::make_shared<FileSink>(*std::move(file), offset)
  ));
}

FileResult<component::Own<fs_wit::OutputStream>> Descriptor::append_via_stream(component::Call&) {
  using Outcome = FileOutcome<component::Own<fs_wit::OutputStream>>;
  auto file = handle_.writable();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  return Outcome(std::make_unique<OutputStream>(
      around_.timers, std::make_shared<FileSink>(*std::move(file), std::nullopt)
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
  return told(handle_.advise(offset, length, kAdvices[static_cast<std::size_t>(advice)]));
}

FileResult<> Descriptor::run_sync(component::Call& call, files::Handle::Sync what) {
  auto outcome = handle_.sync(what, blocking_, call.fiber);
  if (!outcome) {
    return outcome.error().kind() == ErrorKind::Cancelled
               ? FileResult<>(component::trap("the guest is being ended"))
               : FileResult<>(FileOutcome<>(refused(EAGAIN)));
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
  return FileOutcome<Flags>(Flags{handle_.flags()});
}

FileResult<fs_wit::DescriptorType> Descriptor::get_type(component::Call&) {
  return FileOutcome<fs_wit::DescriptorType>(to_descriptor_type(handle_.type()));
}

FileResult<> Descriptor::set_size(component::Call&, std::uint64_t size) {
  return told(handle_.set_size(size));
}

FileResult<> Descriptor::set_times(
    component::Call&, NewTimestamp access, NewTimestamp modification
) {
  return told(handle_.set_times(to_time_changes(access, modification)));
}

FileResult<std::tuple<Bytes, bool>> Descriptor::read(
    component::Call& call, std::uint64_t length, std::uint64_t offset
) {
  using Outcome = FileOutcome<std::tuple<Bytes, bool>>;
  const auto file = handle_.file();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  struct Read {
    Bytes bytes;
    files::OsResult<std::uint64_t> count{0};
  };
  auto read = std::make_shared<Read>();
  read->bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(length, kMaxRead)));
  const iovec into{read->bytes.data(), read->bytes.size()};
  read->count = (*file)->read_cached_at({&into, 1}, offset);
  if (!read->count && read->count.error() == EAGAIN) {
    auto waited = run_blocking(blocking_, call.fiber, [read, into, offset, file = *file] {
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
  const auto file = handle_.file();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  const iovec from{const_cast<std::uint8_t*>(buffer.data()), buffer.size()};
  const auto written = (*file)->write_at({&from, 1}, offset, {});
  return written ? Outcome(*written) : Outcome(refused(written.error()));
}

FileResult<component::Own<fs_wit::DirectoryEntryStream>>
Descriptor::read_directory(component::Call&) {
  using Outcome = FileOutcome<component::Own<fs_wit::DirectoryEntryStream>>;
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(files::Handle::kCharge)) {
    return Outcome(refused(ENOMEM));
  }
  auto listing = handle_.list();
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

}  // namespace whorl::wasi::p2
