#include "fs/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>

namespace whorl::fs {
namespace {

constexpr std::size_t kReadChunk = 64 * 1024;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kFolderMode = 0755;

ErrorKind kind_of_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::NotFound;
    case EEXIST:
      return ErrorKind::AlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::PermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorKind::ResourceLimit;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorKind::InvalidInput;
    default:
      return ErrorKind::Unavailable;
  }
}

Error path_error(
    int error_number,
    std::string_view what,
    const std::string& path,
    std::source_location where = std::source_location::current()
) {
  return errno_error(error_number, where).context(fmt::format("{} {}", what, quote_path(path)));
}

int open_retrying(const char* path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Result<void> write_fd(int fd, ByteView data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count < 0 && errno != EINTR) {
      return path_error(errno, "failed to write", path);
    }
    if (count > 0) {
      data = data.subspan(static_cast<std::size_t>(count));
    }
  }
  return {};
}

/// Makes a rename survive a crash; a file system that cannot sync folders is left alone.
void sync_folder_of(const std::string& path) {
  const std::string folder(parent(path).empty() ? "." : parent(path));
  const Fd fd(open_retrying(folder.c_str(), O_RDONLY | O_DIRECTORY, 0));
  if (fd.is_open()) {
    static_cast<void>(::fsync(fd.get()));
  }
}

Result<void> write_and_sync(const Fd& fd, ByteView data, const std::string& path) {
  WHORL_CHECKED(write_fd(fd.get(), data, path));
  if (::fchmod(fd.get(), kFileMode) != 0 || ::fsync(fd.get()) != 0) {
    return path_error(errno, "failed to write", path);
  }
  return {};
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

Error errno_error(int error_number, std::source_location where) {
  char buffer[256];
  const char* text = ::strerror_r(error_number, buffer, sizeof buffer);
  return Error(
      kind_of_errno(error_number), fmt::format("{} (os error {})", text, error_number), where
  );
}

std::string quote_path(std::string_view path) {
  std::string out = "\"";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{{{:x}}}", byte);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

Result<Fd> open(const std::string& path, Access access) {
  const int flags = access == Access::Read ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
  Fd fd(open_retrying(path.c_str(), flags, kFileMode));
  if (!fd.is_open()) {
    return path_error(errno, "failed to open", path);
  }
  return fd;
}

Result<Bytes> read_file(const std::string& path, std::uint64_t limit) {
  WHORL_TRY(const Fd fd, open(path, Access::Read));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) {
    return path_error(errno, "failed to read", path);
  }
  if (S_ISDIR(info.st_mode)) {
    return path_error(EISDIR, "failed to read", path);
  }
  const auto too_long = [&] {
    return fail(ErrorKind::ResourceLimit, "{} is longer than {} bytes", quote_path(path), limit);
  };
  const auto announced = static_cast<std::uint64_t>(info.st_size);
  if (announced > limit) {
    return too_long();
  }
  Bytes data(announced);
  std::size_t filled = 0;
  // A pipe or a growing file has more than it announced.
  while (true) {
    if (filled == data.size()) {
      if (filled > limit) {
        return too_long();
      }
      data.resize(filled + kReadChunk);
    }
    const ssize_t count = ::read(fd.get(), data.data() + filled, data.size() - filled);
    if (count < 0 && errno != EINTR) {
      return path_error(errno, "failed to read", path);
    }
    if (count == 0) {
      break;
    }
    filled += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  if (filled > limit) {
    return too_long();
  }
  data.resize(filled);
  return data;
}

Result<void> write_file_atomic(const std::string& path, ByteView data) {
  std::string draft = path + ".XXXXXX";
  const Fd fd(::mkostemp(draft.data(), O_CLOEXEC));
  if (!fd.is_open()) {
    return path_error(errno, "failed to write", path);
  }
  auto written = write_and_sync(fd, data, path);
  if (written && ::rename(draft.c_str(), path.c_str()) != 0) {
    written = path_error(errno, "failed to write", path);
  }
  if (!written) {
    ::unlink(draft.c_str());
    return written;
  }
  sync_folder_of(path);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const std::string folder = path.empty() ? "." : path;
  const Fd fd(open_retrying(folder.c_str(), O_RDONLY | O_DIRECTORY, 0));
  // Some file systems cannot sync folders, and say so with EINVAL.
  if (!fd.is_open() || (::fsync(fd.get()) != 0 && errno != EINVAL)) {
    return errno_error(errno).context(fmt::format("cannot sync {}", quote_path(folder)));
  }
  return {};
}

Result<void> create_directories(const std::string& path) {
  for (std::size_t end = 1; end <= path.size(); ++end) {
    if (end != path.size() && path[end] != '/') {
      continue;
    }
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), kFolderMode) != 0) {
      const int why = errno;
      // Whatever mkdir says of a folder that is there already is no reason to fail.
      if (kind_of(part) != Kind::Directory) {
        return path_error(why, "failed to create directory", path);
      }
    }
  }
  return {};
}

Result<std::string> canonical(const std::string& path) {
  struct FreeText {
    void operator()(char* text) const noexcept { std::free(text); }
  };
  const std::unique_ptr<char, FreeText> text(::realpath(path.c_str(), nullptr));
  if (text == nullptr) {
    return path_error(errno, "failed to resolve", path);
  }
  return std::string(text.get());
}

Result<std::string> absolute(std::string_view path) {
  if (path.starts_with('/')) {
    return std::string(path);
  }
  char buffer[PATH_MAX];
  if (::getcwd(buffer, sizeof buffer) == nullptr) {
    return errno_error(errno).context("failed to find the working directory");
  }
  return join(buffer, path);
}

Kind kind_of(const std::string& path) noexcept {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Kind::Missing : Kind::Other;
  }
  if (S_ISREG(info.st_mode)) {
    return Kind::File;
  }
  return S_ISDIR(info.st_mode) ? Kind::Directory : Kind::Other;
}

std::string join(std::string_view base, std::string_view path) {
  if (base.empty() || path.starts_with('/')) {
    return std::string(path);
  }
  std::string out(base);
  if (!out.ends_with('/')) {
    out.push_back('/');
  }
  out += path;
  return out;
}

std::string normalised(std::string_view path) {
  return std::filesystem::path(path).lexically_normal().string();
}

std::string_view parent(std::string_view path) noexcept {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) {
    return {};
  }
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::string_view file_name(std::string_view path) noexcept {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view stem(std::string_view path) noexcept {
  const std::string_view name = file_name(path);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

std::string_view extension(std::string_view path) noexcept {
  const std::string_view name = file_name(path);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string_view{} : name.substr(dot + 1);
}

}  // namespace whorl::fs
