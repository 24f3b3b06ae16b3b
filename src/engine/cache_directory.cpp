#include "engine/cache_directory.hpp"

#include "engine/capi.hpp"
#include "engine/module.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <vector>

namespace whorl::engine {
namespace {

constexpr std::string_view kTemporary = ".tmp-";
constexpr std::time_t kTemporaryLifeSeconds = 3600;

bool is_ours(std::string_view name) noexcept {
  return name.ends_with(kCodeSuffix) || name.ends_with(kFactSuffix) ||
         name.ends_with(kFunctionsSuffix);
}

}  // namespace

std::string errno_text() {
  return std::strerror(errno);
}

File CacheDirectory::open(const std::string& name) const noexcept {
  return File(::openat(fd(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

Result<> CacheDirectory::put(
    const std::string& name, std::move_only_function<Result<>(int fd)> write
) const {
  static constinit std::atomic<unsigned> counter{0};
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::string temporary =
      fmt::format("{}{}-{}-{}", kTemporary, ::getpid(), counter.fetch_add(1), now.tv_nsec);
  const File out(::openat(fd(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.is_open()) {
    return fail(ErrorKind::Unavailable, "creating a file: {}", errno_text());
  }
  Result<> written = write(out.fd());
  if (written &&
      (::fsync(out.fd()) != 0 || ::renameat(fd(), temporary.c_str(), fd(), name.c_str()) != 0 ||
       ::fsync(fd()) != 0)) {
    written = fail(ErrorKind::Unavailable, "syncing: {}", errno_text());
  }
  if (!written) {
    ::unlinkat(fd(), temporary.c_str(), 0);
  }
  return written;
}

void CacheDirectory::prune() const {
  struct Entry {
    std::string name;
    std::uint64_t bytes;
    std::time_t used;
  };
  DIR* listing = ::fdopendir(::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (listing == nullptr) {
    return;
  }
  const std::unique_ptr<DIR, capi::Deleter<::closedir>> owned(listing);
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  while (const dirent* item = ::readdir(listing)) {
    const std::string name = item->d_name;
    struct stat status = {};
    if (::fstatat(fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    if (name.starts_with(kTemporary)) {
      // Left behind by a process that was killed while it wrote.
      if (status.st_mtime + kTemporaryLifeSeconds < std::time(nullptr)) {
        ::unlinkat(fd(), name.c_str(), 0);
      }
    } else if (is_ours(name)) {
      total += static_cast<std::uint64_t>(status.st_size);
      entries.push_back({name, static_cast<std::uint64_t>(status.st_size), status.st_mtime});
    }
  }
  if (total <= ModuleCache::kMaxBytes) {
    return;
  }
  std::ranges::sort(entries, {}, &Entry::used);
  for (const Entry& entry : entries) {
    if (total <= ModuleCache::kMaxBytes / 4 * 3) {
      break;
    }
    if (::unlinkat(fd(), entry.name.c_str(), 0) == 0) {
      total -= entry.bytes;
    }
  }
}

}  // namespace whorl::engine
