#include "cli/work_folder.hpp"

#include "fs/file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace whorl::cli {

FolderGuard::~FolderGuard() {
  // Nothing can be done about what cannot be removed; the system clears its temporary folder.
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<WorkFolder> WorkFolder::open(const std::string& given) {
  if (!given.empty()) {
    WHORL_CHECKED(fs::create_directories(given));
    WHORL_TRY(std::string path, fs::canonical(given));
    return WorkFolder(std::move(path), nullptr);
  }
  std::error_code failed;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(failed);
  std::string path = (failed ? std::filesystem::path("/tmp") : parent) / "spinup-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fs::errno_error(errno).context("Failed to create a working directory");
  }
  auto guard = std::make_shared<FolderGuard>(path);
  return WorkFolder(std::move(path), std::move(guard));
}

WorkFolder::Assets WorkFolder::next_assets() {
  const std::uint64_t version = versions_++;
  if (version == 0) {
    std::string path = fs::join(path_, "assets");
    auto guard = guard_ == nullptr ? nullptr : std::make_shared<FolderGuard>(path);
    return {.path = std::move(path), .guard = std::move(guard)};
  }
  std::string path = fs::join(path_, fmt::format("assets.{}", version));
  auto guard = std::make_shared<FolderGuard>(path);
  return {.path = std::move(path), .guard = std::move(guard)};
}

}  // namespace whorl::cli
