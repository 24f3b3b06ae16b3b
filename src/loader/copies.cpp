// Carrying out a plan of copies.

#include "fs/file.hpp"
#include "loader/assets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>

namespace whorl::loader {
namespace {

/// Copies by reading and writing, to the end of the source.
Result<void> copy_by_hand(const fs::Fd& from, const fs::Fd& to) {
  constexpr std::size_t kBuffer = 64 * 1024;
  std::vector<std::uint8_t> buffer(kBuffer);
  while (true) {
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count == 0) {
      return {};
    }
    if (count < 0 && errno != EINTR) {
      return fs::errno_error(errno);
    }
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::write(to.get(), buffer.data() + done, static_cast<std::size_t>(count - done));
      if (written < 0 && errno != EINTR) {
        return fs::errno_error(errno);
      }
      done += std::max<ssize_t>(written, 0);
    }
  }
}

/// Lets the kernel copy as many bytes as the file had when it was opened, where it can.
Result<void> copy_bytes(const fs::Fd& from, const fs::Fd& to, std::uint64_t size) {
  std::uint64_t left = size;
  while (left > 0) {
    const ssize_t count = ::copy_file_range(from.get(), nullptr, to.get(), nullptr, left, 0);
    if (count > 0) {
      left -= static_cast<std::uint64_t>(count);
    } else if (count == 0) {
      return {};  // it has become shorter
    } else if (errno != EINTR) {
      const bool is_unable =
          errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
      if (left != size || !is_unable) {
        return fs::errno_error(errno);
      }
      return copy_by_hand(from, to);
    }
  }
  // Some files that the kernel makes up say that they are empty.
  return size == 0 ? copy_by_hand(from, to) : Result<void>();
}

Result<void> copy_file(const std::string& source, const std::string& target) {
  // Not waiting for somebody to write into a pipe that took the file's place.
  const fs::Fd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info{};
  if (!from.is_open() || ::fstat(from.get(), &info) != 0) {
    return fs::errno_error(errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return fail(ErrorKind::InvalidInput, "not a regular file");
  }
  constexpr mode_t kPermissions = 0777;
  const fs::Fd to(
      ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, info.st_mode & kPermissions)
  );
  if (!to.is_open()) {
    return fs::errno_error(errno == EEXIST ? EISDIR : errno);
  }
  return copy_bytes(from, to, static_cast<std::uint64_t>(info.st_size));
}

/// Says what was copied where.
Result<void> name_copy(
    Result<void> copied,
    const std::string& folder,
    const std::string& path,
    const std::string& source
) {
  return std::move(copied).context(
      "Failed to copy {} to working path {} (for destination path {})",
      fs::quote_path(source),
      fs::quote_path(fs::join(folder, path)),
      fs::quote_path(path)
  );
}

/// Makes files and folders below one folder.
class Copier {
 public:
  explicit Copier(const std::string& folder) : folder_(folder) {}

  Result<void> run(const CopyPlan& plan) {
    // Usually the folder above is there, of the component before.
    if (::mkdir(folder_.c_str(), 0755) != 0) {
      WHORL_CHECKED(fs::create_directories(folder_));
    }
    for (const std::string& path : plan.folders) {
      WHORL_CHECKED(make_folder(path));
    }
    for (const auto& [path, bytes] : plan.bytes) {
      WHORL_CHECKED(make_folder(fs::parent(path)));
      WHORL_CHECKED(fs::write_file_atomic(fs::join(folder_, path), as_bytes(bytes)));
    }
    for (const auto& [path, source] : plan.files) {
      WHORL_CHECKED(name_copy(copy(path, source), folder_, path, source));
    }
    return {};
  }

 private:
  Result<void> copy(const std::string& path, const std::string& source) {
    WHORL_CHECKED(make_folder(fs::parent(path)));
    return copy_file(source, fs::join(folder_, path));
  }

  /// Each folder is asked for once; what is no folder is noticed when something is put into it.
  Result<void> make_folder(std::string_view path) {
    if (path.empty() || made_.contains(path)) {
      return {};
    }
    WHORL_CHECKED(make_folder(fs::parent(path)));
    const std::string full = fs::join(folder_, path);
    if (::mkdir(full.c_str(), 0755) != 0 && errno != EEXIST) {
      return fs::errno_error(errno);
    }
    made_.emplace(path);
    return {};
  }

  const std::string& folder_;
  std::set<std::string, std::less<>> made_;
};

/// Removes a folder of ours and what is in it; links are removed, not followed.
Result<void> remove_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) {
    return fs::errno_error(error.value())
        .context(fmt::format("failed to remove {}", fs::quote_path(folder)));
  }
  return {};
}

}  // namespace

void take_back(const std::string& folder) {
  static_cast<void>(remove_folder(folder));
}

Result<void> check_readable(const CopyPlan& plan, const std::string& folder) {
  for (const auto& [path, source] : plan.files) {
    if (::access(source.c_str(), R_OK) != 0) {
      return name_copy(fs::errno_error(errno), folder, path, source);
    }
  }
  return {};
}

Result<void> carry_out(const CopyPlan& plan, const std::string& folder) {
  WHORL_CHECKED(remove_folder(folder));
  auto copied = Copier(folder).run(plan);
  if (!copied) {
    take_back(folder);
  }
  return copied;
}

}  // namespace whorl::loader
