#include "wasi/p2/descriptor.hpp"

#include "wasi/p2/file_streams.hpp"
#include "wasi/p2/streams.hpp"

#include <algorithm>
#include <limits>
#include <memory>

namespace whorl::wasi::p2 {
namespace {

std::unexpected<FileErrorCode> refused(int number) {
  return std::unexpected(to_file_error(number));
}

}  // namespace

fs_wit::Datetime FilesystemVersion::instant(files::Timestamp time) {
  if (time.seconds < 0) {
    return {0, 0};
  }
  return {static_cast<std::uint64_t>(time.seconds), time.nanoseconds};
}

files::Timestamp FilesystemVersion::timestamp(const Instant& from) {
  // Room for the seconds that are in the nanoseconds.
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max() - 4;
  return {
      static_cast<std::int64_t>(
          std::min(from.seconds, kLast) + from.nanoseconds / files::Timestamp::kSecond
      ),
      from.nanoseconds % files::Timestamp::kSecond
  };
}

component::Own<fs_wit::Descriptor> FilesystemVersion::make(
    const Surroundings& around, BlockingWork* blocking, files::Handle handle
) {
  return std::make_unique<Descriptor>(around, blocking, std::move(handle));
}

// --- streams -------------------------------------------------------------------------------------

FileResult<component::Own<fs_wit::InputStream>> Descriptor::read_via_stream(
    component::Call&, std::uint64_t offset
) {
  using Outcome = FileOutcome<component::Own<fs_wit::InputStream>>;
  auto file = handle_.readable();
  if (!file) {
    // As Wasmtime says it of folders; read() does, too.
    return Outcome(refused(file.error() == EISDIR ? EBADF : file.error()));
  }
  MemoryCharge charge(around_.memory);
  if (!charge.try_resize(FileSource::kBufferBytes)) {
    return Outcome(refused(ENOMEM));
  }
  return Outcome(std::make_unique<InputStream>(
      around_.timers, make_local<FileSource>(*std::move(file), offset, blocking_, std::move(charge))
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
  return Outcome(
      std::make_unique<OutputStream>(around_.timers, make_local<FileSink>(*std::move(file), offset))
  );
}

FileResult<component::Own<fs_wit::OutputStream>> Descriptor::append_via_stream(component::Call&) {
  using Outcome = FileOutcome<component::Own<fs_wit::OutputStream>>;
  auto file = handle_.writable();
  if (!file) {
    return Outcome(refused(file.error()));
  }
  return Outcome(std::make_unique<OutputStream>(
      around_.timers, make_local<FileSink>(*std::move(file), std::nullopt)
  ));
}

// --- the open thing ------------------------------------------------------------------------------

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

}  // namespace whorl::wasi::p2
