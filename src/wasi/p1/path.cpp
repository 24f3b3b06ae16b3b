// Functions that take a path below a directory. What a path may reach is files::Directory's
// business; here it is only read and its outcome numbered.
#include "component/utf8.hpp"
#include "wasi/p1/os_errno.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/p1/records.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace whorl::wasi::p1 {
namespace {

using Kind = Descriptor::Kind;

files::Links links_of(std::uint32_t lookup_flags) noexcept {
  return (lookup_flags & lookup::kFollow) != 0 ? files::Links::Follow : files::Links::Keep;
}

files::OpenOptions open_options(
    std::uint32_t lookup_flags, std::uint32_t open_flags, std::uint64_t base
) noexcept {
  return {
      .create = (open_flags & oflags::kCreate) != 0,
      .exclusive = (open_flags & oflags::kExclusive) != 0,
      .truncate = (open_flags & oflags::kTruncate) != 0,
      .directory = (open_flags & oflags::kDirectory) != 0,
      .read = (base & rights::kRead) != 0,
      .write = (base & rights::kWrite) != 0,
      .links = links_of(lookup_flags),
  };
}

Descriptor to_descriptor(files::Opened opened, std::uint32_t flags) {
  Descriptor out;
  if (auto* file = std::get_if<files::File>(&opened)) {
    out.kind = Kind::File;
    out.flags = flags;
    out.file = std::make_unique<files::File>(std::move(*file));
  } else {
    out.kind = Kind::Directory;
    out.directory = std::get<std::shared_ptr<const files::Directory>>(std::move(opened));
  }
  return out;
}

}  // namespace

std::expected<Descriptor*, Errno> Preview1::directory_at(U32 fd) {
  Descriptor* found = descriptors_.find(fd);
  if (found == nullptr || found->kind == Kind::Input || found->kind == Kind::Output) {
    return std::unexpected(Errno::BadDescriptor);
  }
  if (found->kind != Kind::Directory) {
    return std::unexpected(Errno::NotDirectory);
  }
  return found;
}

std::expected<Preview1::Path, Errno> Preview1::path_at(Guest& guest, U32 fd, Ptr path, U32 size) {
  const auto found = directory_at(fd);
  if (!found) {
    return std::unexpected(found.error());
  }
  const auto text = text_at(guest, path, size);
  if (!text) {
    return std::unexpected(text.error());
  }
  return Path{*(*found)->directory, *text};
}

std::expected<std::string_view, Errno> Preview1::text_at(Guest& guest, Ptr text, U32 size) {
  if (!guest.check(text, size)) {
    return std::unexpected(Errno::Fault);
  }
  if (size > kMaxPath) {
    return std::unexpected(Errno::NameTooLong);
  }
  const std::string_view found = guest.text(text, size);
  if (!component::is_valid_utf8(found)) {
    return std::unexpected(Errno::IllegalSequence);
  }
  return found;
}

Errno Preview1::path_create_directory(Guest& guest, U32 fd, Ptr path, U32 path_size) {
  const auto at = path_at(guest, fd, path, path_size);
  return at ? to_errno(at->directory.create_directory(at->path)) : at.error();
}

Errno Preview1::path_filestat_get(
    Guest& guest, U32 fd, U32 lookup_flags, Ptr path, U32 path_size, Ptr out
) {
  const auto at = path_at(guest, fd, path, path_size);
  if (!at) {
    return at.error();
  }
  if (!guest.check(out, kFilestatSize, 8)) {
    return Errno::Fault;
  }
  const auto metadata = at->directory.metadata_at(at->path, links_of(lookup_flags));
  if (metadata) {
    write_filestat(guest, out, *metadata);
  }
  return to_errno(metadata);
}

Errno Preview1::path_filestat_set_times(
    Guest& guest,
    U32 fd,
    U32 lookup_flags,
    Ptr path,
    U32 path_size,
    U64 access,
    U64 modify,
    U32 fst_flags
) {
  const auto at = path_at(guest, fd, path, path_size);
  if (!at) {
    return at.error();
  }
  const auto changes = to_time_changes(access, modify, fst_flags);
  if (!changes) {
    return changes.error();
  }
  return to_errno(at->directory.set_times_at(at->path, links_of(lookup_flags), *changes));
}

Errno Preview1::path_link(
    Guest& guest,
    U32 old_fd,
    U32 old_flags,
    Ptr old_path,
    U32 old_size,
    U32 new_fd,
    Ptr new_path,
    U32 new_size
) {
  const auto from = path_at(guest, old_fd, old_path, old_size);
  if (!from) {
    return from.error();
  }
  const auto to = path_at(guest, new_fd, new_path, new_size);
  if (!to) {
    return to.error();
  }
  if (links_of(old_flags) == files::Links::Follow) {
    return Errno::Invalid;
  }
  return to_errno(from->directory.link(from->path, to->directory, to->path));
}

Errno Preview1::path_open(
    Guest& guest,
    U32 fd,
    U32 lookup_flags,
    Ptr path,
    U32 path_size,
    U32 open_flags,
    U64 base,
    U64,
    U32 fd_flags,
    Ptr opened
) {
  const auto at = path_at(guest, fd, path, path_size);
  if (!at) {
    return at.error();
  }
  if ((open_flags & ~oflags::kAll) != 0 || (fd_flags & ~fdflags::kAll) != 0) {
    return Errno::Invalid;
  }
  if (!guest.check(opened, 4, 4)) {
    return Errno::Fault;
  }
  if (!descriptors_.has_room()) {
    return Errno::TooManyOpen;
  }
  auto found = at->directory.open(at->path, open_options(lookup_flags, open_flags, base));
  if (!found) {
    return to_errno(found.error());
  }
  const auto number = descriptors_.add(to_descriptor(std::move(*found), fd_flags));
  if (!number) {
    return number.error();
  }
  guest.write(opened, *number);
  return Errno::Success;
}

Errno Preview1::path_readlink(
    Guest& guest, U32 fd, Ptr path, U32 path_size, Ptr buffer, U32 size, Ptr bytes_used
) {
  const auto at = path_at(guest, fd, path, path_size);
  if (!at) {
    return at.error();
  }
  if (!guest.check(buffer, size) || !guest.check(bytes_used, 4, 4)) {
    return Errno::Fault;
  }
  const auto contents = at->directory.read_link(at->path);
  if (!contents) {
    return to_errno(contents.error());
  }
  const auto used = static_cast<U32>(std::min<std::size_t>(contents->size(), size));
  guest.write_bytes(buffer, as_bytes(*contents).first(used));
  guest.write(bytes_used, used);
  return Errno::Success;
}

Errno Preview1::path_remove_directory(Guest& guest, U32 fd, Ptr path, U32 path_size) {
  const auto at = path_at(guest, fd, path, path_size);
  return at ? to_errno(at->directory.remove_directory(at->path)) : at.error();
}

Errno Preview1::path_rename(
    Guest& guest, U32 fd, Ptr old_path, U32 old_size, U32 new_fd, Ptr new_path, U32 new_size
) {
  const auto from = path_at(guest, fd, old_path, old_size);
  if (!from) {
    return from.error();
  }
  const auto to = path_at(guest, new_fd, new_path, new_size);
  if (!to) {
    return to.error();
  }
  return to_errno(from->directory.rename(from->path, to->directory, to->path));
}

Errno Preview1::path_symlink(
    Guest& guest, Ptr contents, U32 contents_size, U32 fd, Ptr path, U32 path_size
) {
  const auto at = path_at(guest, fd, path, path_size);
  if (!at) {
    return at.error();
  }
  const auto text = text_at(guest, contents, contents_size);
  return text ? to_errno(at->directory.symlink(*text, at->path)) : text.error();
}

Errno Preview1::path_unlink_file(Guest& guest, U32 fd, Ptr path, U32 path_size) {
  const auto at = path_at(guest, fd, path, path_size);
  return at ? to_errno(at->directory.unlink_file(at->path)) : at.error();
}

}  // namespace whorl::wasi::p1
