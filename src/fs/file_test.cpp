#include "fs/file.hpp"

#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

namespace whorl::fs {
namespace {

TEST_CASE("a descriptor is closed once") {
  int raw = -1;
  {
    auto fd = open("/dev/null", Access::Read);
    REQUIRE(fd);
    raw = fd->get();
    Fd moved = std::move(*fd);
    CHECK(moved.get() == raw);
    CHECK_FALSE(fd->is_open());
  }
  CHECK(::fcntl(raw, F_GETFD) == -1);
}

TEST_CASE("reading a file") {
  const test::TestFolder folder;
  const std::string path = folder.path("data");
  REQUIRE(write_file_atomic(path, as_bytes("hello")));
  CHECK(as_text(*read_file(path, 100)) == "hello");
  CHECK(as_text(*read_file(path, 5)) == "hello");

  auto longer = read_file(path, 4);
  REQUIRE_FALSE(longer);
  CHECK(longer.error().kind() == ErrorKind::ResourceLimit);
  CHECK(longer.error().message() == quote_path(path) + " is longer than 4 bytes");

  auto missing = read_file(folder.path("none"), 4);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ErrorKind::NotFound);
  CHECK(missing.error().message() == "No such file or directory (os error 2)");
  CHECK(missing.error().contexts().at(0) == "failed to open " + quote_path(folder.path("none")));

  auto directory = read_file(folder.path(""), 4);
  REQUIRE_FALSE(directory);
  CHECK(directory.error().message() == "Is a directory (os error 21)");

  // Announces no length, and never ends.
  auto endless = read_file("/dev/zero", 100'000);
  REQUIRE_FALSE(endless);
  CHECK(endless.error().kind() == ErrorKind::ResourceLimit);
  CHECK(read_file("/dev/null", 0)->empty());
}

TEST_CASE("an atomic write replaces the file or leaves it") {
  const test::TestFolder folder;
  const std::string path = folder.path("data");
  REQUIRE(write_file_atomic(path, as_bytes("one")));
  REQUIRE(write_file_atomic(path, as_bytes("two")));
  CHECK(as_text(*read_file(path, 100)) == "two");
  struct stat info{};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0644);

  REQUIRE(create_directories(folder.path("taken/inner")));
  auto refused = write_file_atomic(folder.path("taken"), as_bytes("x"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().contexts().at(0) == "failed to write " + quote_path(folder.path("taken")));
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
    ++entries;
  }
  CHECK(entries == 2);
}

TEST_CASE("creating folders") {
  const test::TestFolder folder;
  REQUIRE(create_directories(folder.path("a/b//c/")));
  CHECK(kind_of(folder.path("a/b/c")) == Kind::Directory);
  REQUIRE(create_directories(folder.path("a/b")));
  REQUIRE(write_file_atomic(folder.path("file"), {}));
  auto refused = create_directories(folder.path("file/x"));
  REQUIRE_FALSE(refused);
  CHECK(
      refused.error().contexts().at(0) ==
      "failed to create directory " + quote_path(folder.path("file/x"))
  );
}

TEST_CASE("paths") {
  CHECK(join("a", "b") == "a/b");
  CHECK(join("a/", "b") == "a/b");
  CHECK(join("", "b") == "b");
  CHECK(join("a", "/b") == "/b");
  CHECK(normalised("/a/./b/../c") == "/a/c");
  CHECK(normalised("/a//b") == "/a/b");
  CHECK(parent("a/b") == "a");
  CHECK(parent("b") == "");
  CHECK(parent("/b") == "/");
  CHECK(parent("./b") == ".");
  CHECK(file_name("a/b.c") == "b.c");
  CHECK(stem("a/b.c.wasm") == "b.c");
  CHECK(stem(".wasm") == ".wasm");
  CHECK(extension("a.b/c") == "");
  CHECK(extension("a/c.wasm") == "wasm");
  CHECK(quote_path("a\"b\\\n\x1b") == "\"a\\\"b\\\\\\n\\u{1b}\"");
  CHECK(*absolute("/x/y") == "/x/y");
  CHECK(absolute("y")->ends_with("/y"));
  CHECK(kind_of("/dev/null") == Kind::Other);
  CHECK(kind_of("/nosuch/x") == Kind::Missing);
  CHECK(canonical("/nosuch").error().kind() == ErrorKind::NotFound);
  CHECK(*canonical("/dev/../dev/./null") == "/dev/null");
}

}  // namespace
}  // namespace whorl::fs
