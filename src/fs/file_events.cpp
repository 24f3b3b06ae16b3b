#include "fs/file_events.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace whorl::fs {
namespace {

/// A file that is being written is told of when it is closed.
constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

Result<FileEvents> FileEvents::create() {
  Fd notify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!notify.is_open()) {
    return errno_error(errno).context("cannot watch files");
  }
  return FileEvents(std::move(notify));
}

Result<void> FileEvents::watch(const std::string& folder) {
  if (folders_.contains(folder)) {
    return {};
  }
  if (folders_.size() >= kMaxFolders) {
    return fail(ErrorKind::ResourceLimit, "more than {} folders to watch", kMaxFolders);
  }
  const int number = ::inotify_add_watch(notify_.get(), folder.c_str(), kMask);
  if (number < 0) {
    auto error = errno_error(errno);
    return errno == ENOSPC
               ? fail(ErrorKind::ResourceLimit, "the system allows no more folders to be watched")
                     .with_help("raise fs.inotify.max_user_watches")
               : std::move(error).context("cannot watch " + quote_path(folder));
  }
  folders_.emplace(folder, number);
  names_.insert_or_assign(number, folder);
  return {};
}

void FileEvents::clear() {
  for (const auto& [folder, number] : folders_) {
    ::inotify_rm_watch(notify_.get(), number);
  }
  folders_.clear();
  names_.clear();
}

FileEvents::Changes FileEvents::take() {
  Changes out;
  alignas(inotify_event) std::array<char, 8192> buffer{};
  for (auto count = ::read(notify_.get(), buffer.data(), buffer.size()); count > 0;
       count = ::read(notify_.get(), buffer.data(), buffer.size())) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(count);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += sizeof event + event.len;
      out.is_incomplete |= (event.mask & IN_Q_OVERFLOW) != 0;
      const auto folder = names_.find(event.wd);
      if (folder == names_.end()) {
        continue;
      }
      if ((event.mask & IN_IGNORED) != 0) {
        folders_.erase(folder->second);
        names_.erase(folder);
      } else if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
        out.changes.push_back({.path = folder->second, .is_folder = true});
      } else if (event.len > 0) {
        // The name is followed by NULs up to event.len.
        out.changes.push_back(
            {.path = join(folder->second, name), .is_folder = (event.mask & IN_ISDIR) != 0}
        );
      }
    }
  }
  return out;
}

}  // namespace whorl::fs
