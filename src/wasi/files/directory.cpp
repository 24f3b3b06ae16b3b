#include "wasi/files/directory.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <utility>

namespace whorl::wasi::files {
namespace {

constexpr std::uint64_t kByPath = O_PATH | O_CLOEXEC;
/// A directory renamed while its `..` is resolved makes the kernel ask for another try.
constexpr int kMaxTries = 128;
constexpr mode_t kFileMode = 0666;
constexpr mode_t kDirectoryMode = 0777;

/// As the kernel wants it; EINVAL, ENAMETOOLONG and ENOENT where it cannot be a path.
OsResult<std::string> checked_path(std::string_view path) {
  if (path.size() >= PATH_MAX) {
    return os_error(ENAMETOOLONG);  // unread: it may be very long
  }
  if (path.find('\0') != std::string_view::npos) {
    return os_error(EINVAL);
  }
  if (path.empty()) {
    return os_error(ENOENT);
  }
  if (path.front() == '/') {
    return os_error(EPERM);
  }
  return std::string(path);
}

bool is_dots(std::string_view name) noexcept {
  return name == "." || name == "..";
}

enum class Existing : std::uint8_t { Missing, Directory, Other };

Existing what_is(int parent, const std::string& name) noexcept {
  struct stat found{};
  if (::fstatat(parent, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return Existing::Missing;
  }
  return S_ISDIR(found.st_mode) ? Existing::Directory : Existing::Other;
}

OsResult<Metadata> metadata_of(int fd) {
  struct stat found{};
  if (::fstat(fd, &found) != 0) {
    return os_error();
  }
  return to_metadata(found);
}

std::uint64_t open_flags(const OpenOptions& options) noexcept {
  // Never waits for the other end of a FIFO, never becomes anybody's terminal.
  std::uint64_t flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  if (options.directory && !options.write) {
    flags |= O_RDONLY;
  } else if (options.write || options.truncate) {
    flags |= options.read || !options.write ? O_RDWR : O_WRONLY;
  }
  flags |= options.create ? O_CREAT : 0;
  flags |= options.create && options.exclusive ? O_EXCL : 0;
  flags |= options.truncate ? O_TRUNC : 0;
  flags |= options.directory ? O_DIRECTORY : 0;
  flags |= options.links == Links::Keep ? O_NOFOLLOW : 0;
  return flags;
}

}  // namespace

/// Where an entry is: its parent, resolved, and its name in it.
struct Directory::Place {
  fs::Fd own;  ///< of the parent, unless that is the directory itself
  int parent = -1;
  std::string name;              ///< one component, never `.` or `..`
  bool wants_directory = false;  ///< the path ends in a slash

  /// For an entry that is to be there: ENOTDIR where the path ends in a slash and it is none.
  [[nodiscard]] OsResult<> check_slash() const noexcept {
    return wants_directory && what_is(parent, name) == Existing::Other ? os_error(ENOTDIR)
                                                                       : OsResult<>();
  }
  /// For an entry that is to be made and will be no directory.
  [[nodiscard]] OsResult<> check_new_slash() const noexcept {
    if (!wants_directory) {
      return {};
    }
    switch (what_is(parent, name)) {
      case Existing::Missing:
        return os_error(ENOENT);
      case Existing::Directory:
        return os_error(EEXIST);
      default:
        return os_error(ENOTDIR);
    }
  }
};

OsResult<std::shared_ptr<const Directory>> Directory::open_host(
    const std::string& path, Grant grant
) {
  fs::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) {
    return os_error();
  }
  return std::make_shared<const Directory>(std::move(fd), grant);
}

OsResult<fs::Fd> Directory::open_beneath(
    const std::string& path, std::uint64_t flags, std::uint64_t mode
) const {
  open_how how{};
  how.flags = flags;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const long fd = ::syscall(SYS_openat2, fd_.get(), path.c_str(), &how, sizeof(how));
    if (fd >= 0) {
      return fs::Fd(static_cast<int>(fd));
    }
    if (errno == EXDEV) {
      return os_error(EPERM);
    }
    if (errno != EAGAIN && errno != EINTR) {
      return os_error();
    }
  }
  return os_error(EAGAIN);
}

/// `inside` where the path ends in dots within the directory, otherwise why it leads nowhere.
int Directory::dots_error(const std::string& path, int inside) const {
  const auto opened = open_beneath(path, kByPath);
  return opened ? inside : opened.error();
}

OsResult<Directory::Place> Directory::locate(std::string_view path) const {
  auto text = checked_path(path);
  if (!text) {
    return os_error(text.error());
  }
  const std::size_t end = text->find_last_not_of('/') + 1;
  const std::size_t slash = text->rfind('/', end - 1);
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  Place out;
  out.name = text->substr(begin, end - begin);
  out.wants_directory = end < text->size();
  if (out.name.size() > NAME_MAX) {
    return os_error(ENAMETOOLONG);
  }
  if (is_dots(out.name)) {
    return os_error(dots_error(*text, EBUSY));
  }
  if (begin == 0) {
    out.parent = fd_.get();
    return out;
  }
  auto parent = open_beneath(text->substr(0, begin), kByPath | O_DIRECTORY);
  if (!parent) {
    return os_error(parent.error());
  }
  out.own = std::move(*parent);
  out.parent = out.own.get();
  return out;
}

OsResult<Directory::Place> Directory::locate_for_change(std::string_view path) const {
  return grant_ == Grant::ReadWrite ? locate(path) : os_error(EPERM);
}

OsResult<Metadata> Directory::metadata() const {
  return metadata_of(fd_.get());
}

OsResult<> Directory::set_times(const TimeChanges& changes) const {
  return grant_ == Grant::ReadWrite ? set_times_of(fd_.get(), changes) : os_error(EPERM);
}

OsResult<> Directory::sync() const {
  return checked(::fsync(fd_.get()));
}

OsResult<Opened> Directory::open(std::string_view path, const OpenOptions& options) const {
  const bool changes = options.create || options.truncate || options.write;
  if (changes && grant_ == Grant::Read) {
    return os_error(EPERM);
  }
  if (options.create && options.directory) {
    return os_error(EINVAL);
  }
  const auto text = checked_path(path);
  if (!text) {
    return os_error(text.error());
  }
  auto fd = open_beneath(*text, open_flags(options), options.create ? kFileMode : 0);
  if (!fd) {
    return os_error(fd.error());
  }
  const auto found = metadata_of(fd->get());
  if (!found) {
    return os_error(found.error());
  }
  if (found->type == Type::Directory) {
    return Opened(std::make_shared<const Directory>(std::move(*fd), grant_));
  }
  if (found->type != Type::RegularFile) {
    return os_error(ENOTSUP);
  }
  return Opened(File(std::move(*fd), {options.read || !options.write, options.write, grant_}));
}

OsResult<Metadata> Directory::metadata_at(std::string_view path, Links links) const {
  const auto text = checked_path(path);
  if (!text) {
    return os_error(text.error());
  }
  const auto fd = open_beneath(*text, kByPath | (links == Links::Keep ? O_NOFOLLOW : 0));
  return fd ? metadata_of(fd->get()) : os_error(fd.error());
}

OsResult<> Directory::set_times_at(std::string_view path, Links links, const TimeChanges& changes)
    const {
  if (grant_ == Grant::Read) {
    return os_error(EPERM);
  }
  const auto text = checked_path(path);
  if (!text) {
    return os_error(text.error());
  }
  const auto fd = open_beneath(*text, kByPath | (links == Links::Keep ? O_NOFOLLOW : 0));
  return fd ? set_times_of(fd->get(), changes) : os_error(fd.error());
}

OsResult<> Directory::create_directory(std::string_view path) const {
  const auto place = locate_for_change(path);
  if (!place) {
    return os_error(place.error() == EBUSY ? EEXIST : place.error());
  }
  return checked(::mkdirat(place->parent, place->name.c_str(), kDirectoryMode));
}

OsResult<> Directory::remove_directory(std::string_view path) const {
  const auto place = locate_for_change(path);
  if (!place) {
    return os_error(place.error() == EBUSY ? EINVAL : place.error());
  }
  auto removed = checked(::unlinkat(place->parent, place->name.c_str(), AT_REMOVEDIR));
  // A link that leads out is an attempt to get out here too.
  if (!removed && removed.error() == ENOTDIR) {
    const auto behind = metadata_at(path, Links::Follow);
    if (!behind && behind.error() == EPERM) {
      return os_error(EPERM);
    }
  }
  return removed;
}

OsResult<> Directory::unlink_file(std::string_view path) const {
  const auto place = locate_for_change(path);
  if (!place) {
    return os_error(place.error() == EBUSY ? EISDIR : place.error());
  }
  if (const auto slash = place->check_slash(); !slash) {
    return slash;
  }
  return checked(::unlinkat(place->parent, place->name.c_str(), 0));
}

OsResult<> Directory::link(std::string_view path, const Directory& to, std::string_view new_path)
    const {
  // Of the source too: a link under a write grant would let a read-only file be written.
  const auto from = locate_for_change(path);
  if (!from) {
    return os_error(from.error() == EBUSY ? EPERM : from.error());
  }
  const auto place = to.locate_for_change(new_path);
  if (!place) {
    return os_error(place.error() == EBUSY ? EEXIST : place.error());
  }
  if (const auto slash = from->check_slash(); !slash) {
    return slash;
  }
  if (const auto slash = place->check_new_slash(); !slash) {
    return slash;
  }
  return checked(::linkat(from->parent, from->name.c_str(), place->parent, place->name.c_str(), 0));
}

OsResult<> Directory::rename(std::string_view path, const Directory& to, std::string_view new_path)
    const {
  const auto from = locate_for_change(path);
  if (!from) {
    return os_error(from.error());
  }
  const auto place = to.locate_for_change(new_path);
  if (!place) {
    return os_error(place.error());
  }
  const bool wants_directory = from->wants_directory || place->wants_directory;
  if (wants_directory && what_is(from->parent, from->name) == Existing::Other) {
    return os_error(ENOTDIR);
  }
  return checked(::renameat(from->parent, from->name.c_str(), place->parent, place->name.c_str()));
}

OsResult<> Directory::symlink(std::string_view contents, std::string_view path) const {
  const auto text = checked_path(contents);
  if (!text) {
    return os_error(text.error());
  }
  const auto place = locate_for_change(path);
  if (!place) {
    return os_error(place.error() == EBUSY ? EEXIST : place.error());
  }
  if (const auto slash = place->check_new_slash(); !slash) {
    return slash;
  }
  return checked(::symlinkat(text->c_str(), place->parent, place->name.c_str()));
}

OsResult<std::string> Directory::read_link(std::string_view path) const {
  const auto text = checked_path(path);
  if (!text) {
    return os_error(text.error());
  }
  const auto fd = open_beneath(*text, kByPath | O_NOFOLLOW);
  if (!fd) {
    return os_error(fd.error());
  }
  std::string contents(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(fd->get(), "", contents.data(), contents.size());
  if (size < 0) {
    // The empty path of what is no link is ENOENT.
    return os_error(errno == ENOENT ? EINVAL : errno);
  }
  contents.resize(static_cast<std::size_t>(size));
  return contents.starts_with('/') ? os_error(EPERM) : OsResult<std::string>(std::move(contents));
}

}  // namespace whorl::wasi::files
