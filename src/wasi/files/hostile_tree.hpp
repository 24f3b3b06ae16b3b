/// A tree full of hostile links with a granted directory in it, and the corpus of paths that try to
/// get out of there; for every version of WASI.
///
/// The corpus must not harm the machine on the day that confinement is broken: what changes
/// anything is only tried on paths for which may_change() holds.
#pragma once

#include "wasi/files/test_support.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace whorl::wasi::files::test {

/// root/ is granted; everything beside it is not.
class Tree {
 public:
  explicit Tree(const TempFolder& folder) : folder_(folder) { build(); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  ~Tree() { clear(); }

  /// Back to the tree as it was made.
  void rebuild() {
    clear();
    build();
  }

  /// Some folders deep, so that climbing a little stays within what is the test's own.
  [[nodiscard]] std::string at(std::string_view name) const {
    return folder_.at("a/b/c/d/" + std::string(name));
  }
  [[nodiscard]] bool outside_is_untouched() const { return snapshot() == before_; }
  [[nodiscard]] bool is_outside(const Metadata& found) const {
    return outside_.contains({found.device, found.inode});
  }
  /// Whether a path, taken without any confinement, names something outside, or would.
  [[nodiscard]] bool leads_out(const std::string& path) const {
    const auto full = unconfined(path);
    return full && !is_within(*full, at("root"));
  }
  /// Whether an operation that changes something may be tried: even without confinement it would
  /// touch nothing but the test's own folder, last link followed or not.
  [[nodiscard]] bool may_change(const std::string& path) const {
    const std::string own = folder_.at("a");
    const auto full = unconfined(path);
    const std::string bare = path.substr(0, path.find_last_not_of('/') + 1);
    const std::size_t slash = bare.rfind('/');
    const auto parent = unconfined(slash == std::string::npos ? "." : bare.substr(0, slash + 1));
    return full && parent && is_within(*full, own) && is_within(*parent, own);
  }

 private:
  /// What a path names without confinement; nothing where that cannot be told.
  [[nodiscard]] std::optional<std::filesystem::path> unconfined(const std::string& path) const {
    std::error_code error;
    const std::filesystem::path base = at("root");
    std::filesystem::path full = std::filesystem::weakly_canonical(
        path.starts_with('/') ? std::filesystem::path(path) : base / path, error
    );
    return error ? std::nullopt : std::optional(std::move(full));
  }
  static bool is_within(const std::filesystem::path& path, const std::string& folder) {
    return path == folder || path.string().starts_with(folder + "/");
  }

  void build() {
    outside_.clear();
    std::filesystem::create_directories(at("outside/inner"));
    std::filesystem::create_directories(at("root/dir/nested"));
    write_file(at("secret"), "secret");
    write_file(at("outside/secret"), "secret");
    write_file(at("outside/inner/secret"), "secret");
    write_file(at("root/file"), "file");
    write_file(at("root/dir/file"), "file");
    make_links();
    for (const char* name :
         {".", "secret", "outside", "outside/secret", "outside/inner", "outside/inner/secret"}) {
      outside_.insert(identity(at(name)));
    }
    outside_.insert(identity("/"));
    outside_.insert(identity("/proc/self"));
    before_ = snapshot();
  }
  void clear() const {
    // Links are removed, not followed.
    std::filesystem::remove_all(folder_.at("a"));
  }
  void make_links() const {
    const std::pair<const char*, std::string> links[] = {
        {"up", ".."},
        {"up_file", "../secret"},
        {"up_dir", "../outside"},
        {"dir/up2", "../../outside"},
        {"dir/up3", "../../outside/inner/secret"},
        {"dir/nested/up4", "../../../outside"},
        {"deep", "dir/nested/../../../secret"},
        {"dotted", "./dir/./../../outside"},
        {"abs", at("secret")},
        {"abs_dir", at("outside")},
        {"abs_root", "/"},
        {"abs_inside", at("root/dir")},
        {"chain1", "chain2"},
        {"chain2", "dir/nested/up4"},
        {"through", "up_dir/inner"},
        {"dangling_out", "../new"},
        {"dangling_abs", at("new")},
        {"dangling_in", "missing"},
        {"loop", "loop"},
        {"proc_root", "/proc/self/root"},
        {"proc_cwd", "/proc/self/cwd"},
        {"proc_fd", "/proc/self/fd"},
        {"inside", "dir"},
        {"inside_file", "dir/file"},
        {"self", "."},
    };
    for (const auto& [name, target] : links) {
      std::filesystem::create_symlink(target, at("root/" + std::string(name)));
    }
  }

  static Identity identity(const std::string& path) {
    struct stat found{};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return {found.st_dev, found.st_ino};
  }

  /// Everything outside root/: names, types, contents, times, links.
  [[nodiscard]] std::map<std::string, std::string> snapshot() const {
    std::map<std::string, std::string> out;
    for (const char* top :
         {"secret", "outside", "outside/secret", "outside/inner", "outside/inner/secret"}) {
      out[top] = describe(at(top));
    }
    for (const char* folder : {".", "outside", "outside/inner"}) {
      for (const auto& entry : std::filesystem::directory_iterator(at(folder))) {
        const std::string path = entry.path().string();
        if (!path.ends_with("/root")) {
          out.try_emplace(path, describe(path));
        }
      }
    }
    return out;
  }
  static std::string describe(const std::string& path) {
    struct stat found{};
    if (::lstat(path.c_str(), &found) != 0) {
      return "gone";
    }
    // Whatever is done to a file moves the time of its last change.
    return fmt::format(
        "{} {:o} {} {} {}.{}",
        found.st_ino,
        found.st_mode,
        found.st_nlink,
        found.st_size,
        found.st_ctim.tv_sec,
        found.st_ctim.tv_nsec
    );
  }

  const TempFolder& folder_;
  std::set<Identity> outside_;
  std::map<std::string, std::string> before_;
};

/// Prefixes that are somewhere inside or try to be somewhere else, times what to do from there.
inline std::vector<std::string> corpus(const Tree& tree) {
  const char* prefixes[] = {
      "",           "./",        "dir/",     "dir/nested/",
      "dir/..//",   "self/",     "inside/",  "dir/nested/../../",
      "up/",        "up_dir/",   "dir/up2/", "chain1/",
      "abs_dir/",   "abs_root/", "through/", "self/self/up/",
      "proc_root/", "proc_cwd/", "dotted/",  "missing/",
  };
  const char* targets[] = {
      "..",
      "../secret",
      "../outside/secret",
      "../../secret",
      "../new",
      "../../../../../../etc/passwd",
      "secret",
      "inner/secret",
      "up_file",
      "abs",
      "abs_inside",
      "deep",
      "dangling_out",
      "dangling_abs",
      "loop",
      "up3",
      "new",
      "root",
      ".",
      "file",
  };
  std::vector<std::string> out;
  for (const char* prefix : prefixes) {
    for (const char* target : targets) {
      const std::string path = std::string(prefix) + target;
      out.push_back(path);
      out.push_back(path + "/");
    }
    out.push_back(std::string(prefix) + "../root/../secret");
    out.push_back(std::string(prefix) + "dir/./../.././outside//secret");
  }
  for (const char* name : {"secret", "outside", "root/file", "new"}) {
    out.push_back(tree.at(name));
    out.push_back("/" + tree.at(name));
  }
  for (const char* path :
       {"/",
        "//",
        "/..",
        "/etc/passwd",
        "/proc/self/root/etc/passwd",
        "/dev/null",
        "proc_fd/0",
        "proc_fd/1/..",
        "../root",
        "../root/file",
        "./..",
        ".//..//",
        "dir/../..",
        "..\0x"}) {
    out.emplace_back(path);
  }
  out.push_back(std::string("../secret\0", 10));
  out.push_back(std::string(5000, '.'));
  std::string climbing;
  for (int i = 0; i < 400; ++i) {
    climbing += "../";
  }
  out.push_back(climbing + "etc/passwd");
  return out;
}

}  // namespace whorl::wasi::files::test
