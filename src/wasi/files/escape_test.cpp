// A corpus of paths that try to get out of a granted directory: every path with every operation, on
// a fresh tree full of hostile links, judged by what happened outside.
//
// The corpus must not harm the machine on the day that confinement is broken: what changes anything
// is only tried on paths that, taken without confinement, stay within the test's own folder. Paths
// that would lead to the rest of the machine are only read.
#include "wasi/files/hostile_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <optional>
#include <utility>
#include <vector>

namespace whorl::wasi::files {
namespace {

namespace std_fs = std::filesystem;
using test::corpus;
using test::Tree;

/// What an operation brought back from outside, if it did.
struct Verdict {
  bool succeeded = false;
  bool brought_outside = false;
};

Verdict judge(const Tree& tree, const OsResult<Metadata>& found) {
  return {found.has_value(), found && tree.is_outside(*found)};
}
Verdict judge(const Tree&, const OsResult<>& done) {
  return {done.has_value(), false};
}
Verdict judge(const Tree& tree, const OsResult<Opened>& opened) {
  if (!opened) {
    return {};
  }
  if (const auto* file = std::get_if<File>(&*opened)) {
    return judge(tree, file->metadata());
  }
  return judge(tree, std::get<std::shared_ptr<const Directory>>(*opened)->metadata());
}

constexpr TimeChange kFirst{TimeChange::Kind::Set, Timestamp::of_nanoseconds(1)};
constexpr TimeChanges kLongAgo{kFirst, kFirst};

struct Operation {
  const char* name;
  bool follows;  ///< succeeding means having reached what the path names
  bool changes;  ///< the tree, when it succeeds
  Verdict (*run)(const Tree&, const Directory&, const std::string&);
};

OpenOptions options(bool create, bool truncate, bool directory, bool write, Links links) {
  return {
      .create = create,
      .truncate = truncate,
      .directory = directory,
      .read = true,
      .write = write,
      .links = links,
  };
}

const Operation kOperations[] = {
    {"open",
     true,
     false,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(false, false, false, false, Links::Follow)));
     }},
    {"open nofollow",
     false,
     false,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(false, false, false, false, Links::Keep)));
     }},
    {"open directory",
     true,
     false,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(false, false, true, false, Links::Follow)));
     }},
    {"create",
     true,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(true, false, false, true, Links::Follow)));
     }},
    {"create nofollow",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(true, false, false, true, Links::Keep)));
     }},
    {"truncate",
     true,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.open(path, options(false, true, false, false, Links::Follow)));
     }},
    {"stat",
     true,
     false,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.metadata_at(path, Links::Follow));
     }},
    {"lstat",
     false,
     false,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.metadata_at(path, Links::Keep));
     }},
    {"set times",
     true,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.set_times_at(path, Links::Follow, kLongAgo));
     }},
    {"set times nofollow",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.set_times_at(path, Links::Keep, kLongAgo));
     }},
    {"mkdir",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.create_directory(path));
     }},
    {"rmdir",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.remove_directory(path));
     }},
    {"unlink",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.unlink_file(path));
     }},
    {"rename from",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       const auto done = root.rename(path, root, "renamed");
       const auto found = root.metadata_at("renamed", Links::Keep);
       return Verdict{done.has_value(), judge(tree, found).brought_outside};
     }},
    {"rename to",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.rename("file", root, path));
     }},
    {"link from",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       const auto done = root.link(path, root, "linked");
       const auto found = root.metadata_at("linked", Links::Keep);
       return Verdict{done.has_value(), judge(tree, found).brought_outside};
     }},
    {"link to",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.link("file", root, path));
     }},
    {"symlink at",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       return judge(tree, root.symlink("file", path));
     }},
    {"symlink to",
     false,
     true,
     [](const Tree& tree, const Directory& root, const std::string& path) {
       const auto made = root.symlink(path, "made");
       const auto opened = root.open("made", options(false, false, false, false, Links::Follow));
       return Verdict{made.has_value(), judge(tree, opened).brought_outside};
     }},
    {"readlink",
     false,
     false,
     [](const Tree&, const Directory& root, const std::string& path) {
       const auto contents = root.read_link(path);
       // Absolute contents tell of the host.
       return Verdict{contents.has_value(), contents && contents->starts_with('/')};
     }},
};

TEST_CASE("no path leads out of a granted directory") {
  const test::TempFolder folder;
  std::size_t cases = 0;
  std::size_t attempts = 0;
  Tree tree(folder);
  for (const std::string& path : corpus(tree)) {
    const bool leads_out = tree.leads_out(path);
    const bool may_change = tree.may_change(path);
    for (const Operation& operation : kOperations) {
      if (operation.changes && !may_change) {
        continue;
      }
      const auto root = test::grant(tree.at("root"));
      const Verdict verdict = operation.run(tree, *root, path);
      ++cases;
      attempts += leads_out ? 1 : 0;
      const bool escaped = verdict.brought_outside || !tree.outside_is_untouched() ||
                           (operation.follows && leads_out && verdict.succeeded);
      if (escaped) {
        CAPTURE(path);
        FAIL_CHECK("escaped by " << operation.name);
      }
      if (verdict.succeeded && operation.changes) {
        tree.rebuild();
      }
    }
  }
  MESSAGE(cases << " cases, " << attempts << " of them lead out where nothing confines them");
  CHECK(cases >= 8'000);
  CHECK(attempts >= 4'000);
}

TEST_CASE("paths within a granted directory work, links within it too") {
  const test::TempFolder folder;
  const Tree tree(folder);
  const auto root = test::grant(tree.at("root"));
  for (const char* path :
       {"file",
        "./file",
        "dir/../file",
        "dir/nested/../../file",
        "inside_file",
        "self/self/file",
        "inside/file",
        "inside/../file",
        "dir//file",
        "inside/nested/../../dir/file"}) {
    CAPTURE(path);
    const auto opened = root->open(path, options(false, false, false, false, Links::Follow));
    REQUIRE(opened);
    CHECK(std::holds_alternative<File>(*opened));
  }
}

TEST_CASE("attempts to get out are EPERM") {
  const test::TempFolder folder;
  const Tree tree(folder);
  const auto root = test::grant(tree.at("root"));
  for (const char* path :
       {"..",
        "../secret",
        "/",
        "/etc/passwd",
        "up",
        "up/secret",
        "up_file",
        "abs",
        "abs_inside",
        "chain1/secret",
        "deep",
        "proc_root",
        "dir/../../secret"}) {
    CAPTURE(path);
    const auto opened = root->open(path, options(false, false, false, false, Links::Follow));
    REQUIRE_FALSE(opened);
    CHECK(opened.error() == EPERM);
  }
}

/// A child process that moves things while paths are resolved.
class Meddler {
 public:
  /// @param meddle  one round
  template <class Meddle>
  explicit Meddler(Meddle meddle) : child_(::fork()) {
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) {
        meddle();
      }
    }
  }
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;
  ~Meddler() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_;
};

TEST_CASE("directories and links that change while a path is resolved lead nowhere") {
  const test::TempFolder folder;
  const Tree tree(folder);
  const auto root = test::grant(tree.at("root"));
  std_fs::create_directories(tree.at("root/flip/inner"));
  test::write_file(tree.at("root/flip/secret"), "mine");
  test::write_file(tree.at("root/flip/inner/secret"), "mine");
  std_fs::create_symlink("../outside", tree.at("root/flop"));
  std_fs::create_directories(tree.at("root/walk/a/b"));
  const std::string flip = tree.at("root/flip");
  const std::string flop = tree.at("root/flop");
  const std::string walk = tree.at("root/walk/a");
  const std::string away = tree.at("away");
  const Meddler meddler([&] {
    // A directory and a link out of the tree change places; a directory leaves and comes back.
    ::syscall(SYS_renameat2, AT_FDCWD, flip.c_str(), AT_FDCWD, flop.c_str(), 2 /* EXCHANGE */);
    ::rename(walk.c_str(), away.c_str());
    ::rename(away.c_str(), walk.c_str());
  });
  int reached = 0;
  for (int round = 0; round < 20'000; ++round) {
    for (const char* path :
         {"flip/secret", "flip/inner/secret", "walk/a/b/../../../file", "walk/a/b/../../../secret"
         }) {
      const auto opened = root->open(path, options(false, false, false, false, Links::Follow));
      const Verdict verdict = judge(tree, opened);
      reached += verdict.succeeded ? 1 : 0;
      if (verdict.brought_outside) {
        FAIL("escaped with " << path << " in round " << round);
      }
    }
    const auto made = root->create_directory("flip/made");
    if (made) {
      static_cast<void>(root->remove_directory("flip/made"));
    }
    if (std_fs::exists(tree.at("outside/made"))) {
      FAIL("made a directory outside in round " << round);
    }
  }
  CHECK(reached > 0);
}

}  // namespace
}  // namespace whorl::wasi::files
