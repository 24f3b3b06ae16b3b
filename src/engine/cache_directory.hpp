/// Internal to engine/: the folder of the code cache, and how files get into it and out of it.
///
/// A file appears whole or not at all: it is written under a temporary name, synced and renamed.
/// @thread any
#pragma once

#include "base/result.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::engine {

/// Endings of names in the folder.
inline constexpr std::string_view kCodeSuffix = ".code";            ///< of a module
inline constexpr std::string_view kFactSuffix = ".fact";            ///< ModuleCache::add_fact()
inline constexpr std::string_view kFunctionsSuffix = ".functions";  ///< function_packs.hpp

/// What the last failed call of the C library says.
[[nodiscard]] std::string errno_text();

/// An open file, or none.
class File {
 public:
  File() = default;
  explicit File(int fd) noexcept : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

class CacheDirectory {
 public:
  explicit CacheDirectory(int fd) noexcept : file_(fd) {}
  CacheDirectory(const CacheDirectory&) = delete;
  CacheDirectory& operator=(const CacheDirectory&) = delete;

  [[nodiscard]] int fd() const noexcept { return file_.fd(); }
  /// Opens a file for reading; errno says why it can't be.
  [[nodiscard]] File open(const std::string& name) const noexcept;
  /// Writes a file. @param write  given the descriptor of the new, empty file
  [[nodiscard]] Result<> put(
      const std::string& name, std::move_only_function<Result<>(int fd)> write
  ) const;
  /// Removes what was unused for longest when the folder is larger than ModuleCache::kMaxBytes.
  void prune() const;

 private:
  File file_;
};

}  // namespace whorl::engine
