#include "wasi/p1/records.hpp"

#include "wasi/p1/os_errno.hpp"

#include <utility>

namespace whorl::wasi::p1 {
namespace {

files::TimeChange time_change(bool set, bool now, std::uint64_t time) noexcept {
  using Kind = files::TimeChange::Kind;
  return {now ? Kind::Now : set ? Kind::Set : Kind::Keep, files::Timestamp::of_nanoseconds(time)};
}

}  // namespace

void write_filestat(Guest& guest, Ptr out, const files::Metadata& metadata) {
  guest.write(out, metadata.device);
  guest.write(out + 8, metadata.inode);
  guest.write(out + 16, std::uint64_t{std::to_underlying(to_file_type(metadata.type))});
  guest.write(out + 24, metadata.links);
  guest.write(out + 32, metadata.size);
  guest.write(out + 40, metadata.accessed.nanoseconds_since_1970());
  guest.write(out + 48, metadata.modified.nanoseconds_since_1970());
  guest.write(out + 56, metadata.changed.nanoseconds_since_1970());
}

std::expected<files::TimeChanges, Errno> to_time_changes(
    std::uint64_t access, std::uint64_t modify, std::uint32_t flags
) noexcept {
  const auto has = [flags](std::uint32_t bit) { return (flags & bit) != 0; };
  if ((flags & ~fstflags::kAll) != 0 || (has(fstflags::kAccess) && has(fstflags::kAccessNow)) ||
      (has(fstflags::kModify) && has(fstflags::kModifyNow))) {
    return std::unexpected(Errno::Invalid);
  }
  return files::TimeChanges{
      .accessed = time_change(has(fstflags::kAccess), has(fstflags::kAccessNow), access),
      .modified = time_change(has(fstflags::kModify), has(fstflags::kModifyNow), modify),
  };
}

}  // namespace whorl::wasi::p1
