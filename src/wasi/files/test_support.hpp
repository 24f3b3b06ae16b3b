/// A directory tree for tests of files: what is granted, and what lies outside and must stay
/// untouched.
#pragma once

#include "fs/test_folder.hpp"
#include "wasi/files/directory.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace whorl::wasi::files::test {

/// A new temporary folder, removed in the end; in memory where the system has such a place.
class TempFolder : public fs::test::TestFolder {
 public:
  TempFolder() : TestFolder(base()) {}
  [[nodiscard]] std::string at(std::string_view name) const { return path(name); }

 private:
  static std::string base() {
    return ::access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm"
                                                  : std::filesystem::temp_directory_path().string();
  }
};

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path) << text;
}

inline std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A granted directory.
inline std::shared_ptr<const Directory> grant(
    const std::string& path, Grant what = Grant::ReadWrite
) {
  auto opened = Directory::open_host(path, what);
  REQUIRE(opened);
  return *opened;
}

/// A file's identity on the host.
using Identity = std::pair<std::uint64_t, std::uint64_t>;

}  // namespace whorl::wasi::files::test
