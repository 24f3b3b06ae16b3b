/// TestFolder: an empty folder of a test's own, removed with it. For tests of every room; needs
/// nothing linked.
/// @thread any
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace whorl::fs::test {

class TestFolder {
 public:
  /// @param under  an existing folder to make it in
  explicit TestFolder(const std::filesystem::path& under = std::filesystem::temp_directory_path()) {
    std::string name = (under / "whorl-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = std::filesystem::canonical(name).string();
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  /// Absolute, without symbolic links.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Of what is in it; the folder's own and a slash for an empty name.
  [[nodiscard]] std::string path(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

  /// Puts a file with this text there in one step, as editors do; makes the folders above it.
  /// @return its path
  std::string write(std::string_view name, std::string_view text) const {
    std::string target = path(name);
    const std::string made = target + ".new";
    std::filesystem::create_directories(std::filesystem::path(target).parent_path());
    std::ofstream file(made, std::ios::binary);
    file << text;
    file.close();
    REQUIRE(file.good());
    std::filesystem::rename(made, target);
    return target;
  }

  /// What is in a file; "(none)" if there is no such file.
  [[nodiscard]] std::string text(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    return file ? std::string(std::istreambuf_iterator<char>(file), {}) : "(none)";
  }

 private:
  std::string path_;
};

}  // namespace whorl::fs::test
