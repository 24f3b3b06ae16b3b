#include "wasi/p3/descriptor.hpp"

#include "wasi/p2/file_streams.hpp"
#include "wit/wasi_filesystem_types_p3_abi.hpp"

#include <algorithm>
#include <limits>
#include <memory>

namespace whorl::wasi::p3 {
namespace {

using component::Progress;

std::unexpected<FileErrorCode> refused(int number) {
  return std::unexpected(to_file_error(number));
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
        items.push_back(
            {.type = FilesystemVersion::type((*entry)->type), .name = std::string((*entry)->name)}
        );
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

fs_wit::Instant FilesystemVersion::instant(files::Timestamp time) {
  return {.seconds = time.seconds, .nanoseconds = time.nanoseconds};
}

files::Timestamp FilesystemVersion::timestamp(const Instant& from) {
  // Room for the seconds that are in the nanoseconds.
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() - 4;
  return {
      std::min(from.seconds, kLast) + from.nanoseconds / files::Timestamp::kSecond,
      from.nanoseconds % files::Timestamp::kSecond
  };
}

fs_wit::DescriptorType FilesystemVersion::type(files::Type from) {
  switch (from) {
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

component::Own<fs_wit::Descriptor> FilesystemVersion::make(
    const Surroundings& around, BlockingWork* blocking, files::Handle handle
) {
  return std::make_unique<Descriptor>(around, blocking, std::move(handle));
}

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
      make_local<p2::FileSource>(*std::move(file), offset, blocking_, std::move(charge)), to_error
  );
}

DoneFuture<FileErrorCode> Descriptor::write(ByteReader data, std::optional<std::uint64_t> offset) {
  auto file = handle_.writable();
  if (!file) {
    return DoneFuture<FileErrorCode>::ready(Done(refused(file.error())));
  }
  return write_channel<FileErrorCode>(
      std::move(data),
      make_local<p2::FileSink>(*std::move(file), offset),
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
