#include "app/lock_file.hpp"
#include "loader/test_support.hpp"

#include <fstream>
#include <sstream>

namespace whorl::loader {
namespace {

TEST_CASE("lock files are loaded with their files") {
  const TestFolder folder;
  folder.write("mounted/a", "x");
  folder.write("single.txt", "single");
  folder.write("r.wasm", "wasm");
  folder.write(
      "spin.lock",
      R"({"spin_lock_version": 0, "triggers": [], "components": [
    {"id": "r", "source": {"content_type": "application/wasm", "source": "file://)" +
          folder.path("r.wasm") + R"("}, "files": [
      {"source": "file://)" +
          folder.path("mounted") + R"(", "path": "/m"},
      {"source": "file://)" +
          folder.path("single.txt") + R"(", "path": "/s/1"},
      {"inline": "aGk=", "path": "i"}]},
    {"id": "i", "source": {"content_type": "application/wasm", "inline": "aGk="}},
    {"id": "d", "source": {"content_type": "application/wasm", "digest": "sha256:00"}}]})"
  );
  const auto app = load_lock(
      folder.path("spin.lock"), {.files = FileMounts::Copy, .assets_dir = folder.path("assets")}
  );
  REQUIRE(app);
  const app::Component& r = (*app)->components[0];
  CHECK(
      r.mounts ==
      std::vector<app::Mount>{
          {.host_path = folder.path("mounted"), .guest_path = "/m"},
          {.host_path = folder.path("assets/r"), .guest_path = "/"},
      }
  );
  CHECK(folder.tree("assets") == "r/i r/s/1");
  CHECK(folder.read("assets/r/i") == "hi");
  CHECK(as_text(read_component(r)->files.back()) == "wasm");
  CHECK(as_text(read_component((*app)->components[1])->files.back()) == "hi");
  CHECK(
      read_component((*app)->components[2]).error().message() ==
      "its wasm file is known by URL or digest only (sha256:00), and there is no store of such "
      "files yet"
  );
  CHECK((*load_lock(folder.path("spin.lock")))->components[0].mounts.empty());
  CHECK_FALSE(load_lock(folder.path("none")));
}

TEST_CASE("files of lock files that are refused") {
  const TestFolder folder;
  const auto refused = [&](const std::string& entry) {
    folder.write(
        "spin.lock",
        R"({"spin_lock_version": 0, "components": [
      {"id": "r", "source": {"source": "file:///x"}, "files": [)" +
            entry + "]}]}"
    );
    auto app = load_lock(
        folder.path("spin.lock"), {.files = FileMounts::Copy, .assets_dir = folder.path("assets")}
    );
    REQUIRE_FALSE(app);
    CHECK(folder.tree("assets") == "");
    return app.error().message();
  };
  CHECK(
      refused(R"({"inline": "aGk=", "path": "/../x"})") ==
      "the path \"/../x\" of a file leads out of the component's files"
  );
  CHECK(
      refused(R"({"inline": "aGk=", "path": "/"})") ==
      "the path \"/\" of a file leads out of the component's files"
  );
  CHECK(
      refused(R"({"digest": "sha256:00", "path": "/x"})") ==
      "the file \"/x\" is known by its digest only, and there is no store of such files yet"
  );
  CHECK(
      refused(R"({"source": "file:///nope", "path": "/x"})") ==
      "No such file or directory (os error 2)"
  );
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The causes that a golden error tells, outermost first.
std::vector<std::string> causes(const std::string& golden) {
  std::vector<std::string> out;
  std::istringstream lines(golden);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    const bool is_new = line.starts_with("    ") && colon != std::string::npos &&
                        line.find_first_not_of(" 0123456789") == colon;
    if (is_new) {
      out.push_back(line.substr(colon + 2));
    } else if (line == "Caused by:") {
      out.clear();
    } else if (!line.empty()) {
      const std::string bare = line.starts_with("    ") ? line.substr(4) : line;
      if (bare.empty()) {
        continue;
      }
      if (out.empty()) {
        out.push_back(bare);
      } else {
        out.back() += "\n" + bare;
      }
    }
  }
  return out;
}

TEST_CASE("Spin's manifests are locked to the byte as Spin locks them") {
  std::filesystem::path suite =
      std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/suites/spin/crates/loader/tests/ui";
  std::error_code none;
  if (!std::filesystem::is_directory(suite, none)) {
    MESSAGE("skipped: no suite of Spin's beside the tree");
    return;
  }
  suite = std::filesystem::canonical(suite);
  const TestFolder folder;
  folder.write("cache/wasm/sha256:" + std::string(64, '0'), "");
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(suite)) {
    const std::filesystem::path path = entry.path();
    if (path.extension() != ".toml") {
      continue;
    }
    CAPTURE(path.string());
    ++count;
    const auto app = load_manifest(
        path.string(),
        {.files = FileMounts::Copy,
         .assets_dir = folder.path("assets"),
         .cache_dir = folder.path("cache")}
    );
    const std::filesystem::path lock = std::filesystem::path(path).replace_extension(".lock");
    if (!std::filesystem::exists(lock)) {
      REQUIRE_FALSE(app);
      const auto expected = causes(text_of(std::filesystem::path(path).replace_extension(".err")));
      auto got = chain(app.error(), folder);
      // What a rendered place looks like at its ends, the golden file has lost.
      for (std::string& text : got) {
        text.erase(text.find_last_not_of('\n') + 1);
      }
      REQUIRE(got.size() >= expected.size());
      CAPTURE(got.back());
      CHECK(
          std::vector<std::string>(
              got.end() - static_cast<std::ptrdiff_t>(expected.size()), got.end()
          ) == expected
      );
      continue;
    }
    if (!app) {
      FAIL_CHECK(app.error().to_line());
      continue;
    }
    std::string written = app::write_lock(**app);
    written = replaced(written, folder.root() + "/cache", "<cache-dir>/spin/registry");
    written = replaced(written, folder.root(), "<temp-dir>");
    written = replaced(written, path.parent_path().string(), "<test-dir>");
    CHECK(written == text_of(lock));
  }
  CHECK(count >= 12);
}

}  // namespace
}  // namespace whorl::loader
