// Preview 1 on granted directories, as a guest sees it.
#include "wasi/p1/test_support.hpp"

#include <doctest/doctest.h>

#include <set>

namespace whorl::wasi::p1 {
namespace {

using files::Grant;
using files::test::TempFolder;
using test::P1Scene;

/// Descriptor 3 is a writable folder, 4 another one that can only be read.
struct FileScene : P1Scene {
  TempFolder folder;
  TempFolder read_only;

  FileScene() {
    files::test::write_file(read_only.at("file"), "read me");
    std::filesystem::create_directory(read_only.at("dir"));
    preopens = {
        {"/", files::test::grant(folder.at("."))},
        {"/data", files::test::grant(read_only.at("."), Grant::Read)},
    };
  }
  /// A function that takes a descriptor and one path.
  Errno path_call(
      Errno (Preview1::*method)(Guest&, std::uint32_t, Ptr, std::uint32_t),
      std::uint32_t fd,
      std::string_view path
  ) {
    const Ptr at = put(path);
    return invoke(method, fd, at, path.size());
  }
  Errno two_paths(
      Errno (Preview1::*method)(
          Guest&, std::uint32_t, Ptr, std::uint32_t, std::uint32_t, Ptr, std::uint32_t
      ),
      std::uint32_t fd,
      std::string_view path,
      std::uint32_t new_fd,
      std::string_view new_path
  ) {
    const Ptr from = put(path);
    const Ptr to = put(new_path);
    return invoke(method, fd, from, path.size(), new_fd, to, new_path.size());
  }
  std::uint64_t tell(std::uint32_t fd) {
    REQUIRE(invoke(&Preview1::fd_tell, fd, 8) == Errno::Success);
    return u64(8);
  }
};

constexpr std::uint32_t kCreate = oflags::kCreate;

TEST_CASE("granted directories have their numbers and names") {
  FileScene scene;
  REQUIRE(scene.invoke(&Preview1::fd_prestat_get, 4, 0) == Errno::Success);
  CHECK(scene.u32(0) == 0);
  CHECK(scene.u32(4) == 5);
  CHECK(scene.invoke(&Preview1::fd_prestat_dir_name, 4, 100, 4) == Errno::NameTooLong);
  REQUIRE(scene.invoke(&Preview1::fd_prestat_dir_name, 4, 100, 5) == Errno::Success);
  CHECK(scene.text(100, 6) == "/data\xee");
  CHECK(scene.invoke(&Preview1::fd_prestat_get, 5, 0) == Errno::BadDescriptor);
  const std::uint32_t fd = scene.opened("file", {.open = kCreate});
  CHECK(fd == 5);
  CHECK(scene.invoke(&Preview1::fd_prestat_get, fd, 0) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_prestat_dir_name, fd, 0, 9) == Errno::NotDirectory);
}

TEST_CASE("files are written, read and sought") {
  FileScene scene;
  const std::uint32_t fd = scene.opened("file", {.open = kCreate});
  REQUIRE(scene.write(fd, "hello world") == Errno::Success);
  CHECK(scene.tell(fd) == 11);
  REQUIRE(
      scene.invoke(&Preview1::fd_seek, fd, std::uint64_t(-5), whence::kEnd, 8) == Errno::Success
  );
  CHECK(scene.u64(8) == 6);
  CHECK(scene.read(fd, 100) == "world");
  CHECK(scene.read(fd, 100).empty());
  CHECK(
      scene.invoke(&Preview1::fd_seek, fd, std::uint64_t(-12), whence::kCurrent, 8) ==
      Errno::Invalid
  );
  CHECK(scene.invoke(&Preview1::fd_seek, fd, 0, 3, 8) == Errno::Invalid);
  const Ptr buffers = scene.put_buffers({{100, 2}, {200, 3}});
  REQUIRE(scene.invoke(&Preview1::fd_pread, fd, buffers, 2, 6, 0) == Errno::Success);
  CHECK(scene.u32(0) == 5);
  CHECK(scene.text(100, 2) == "wo");
  CHECK(scene.text(200, 3) == "rld");
  REQUIRE(scene.invoke(&Preview1::fd_pwrite, fd, buffers, 2, 1, 0) == Errno::Success);
  CHECK(files::test::read_file(scene.folder.at("file")) == "hworldworld");
  CHECK(scene.tell(fd) == 11);
  CHECK(scene.invoke(&Preview1::fd_pread, fd, buffers, 2, ~std::uint64_t{0}, 0) == Errno::Invalid);
}

TEST_CASE("appending and its end") {
  FileScene scene;
  const std::uint32_t fd = scene.opened("file", {.open = kCreate, .fd = fdflags::kAppend});
  REQUIRE(scene.write(fd, "one") == Errno::Success);
  REQUIRE(scene.invoke(&Preview1::fd_seek, fd, 0, whence::kSet, 8) == Errno::Success);
  REQUIRE(scene.write(fd, "two") == Errno::Success);
  CHECK(scene.tell(fd) == 6);
  const Ptr buffers = scene.put_buffers({{scene.put("X"), 1}});
  REQUIRE(scene.invoke(&Preview1::fd_pwrite, fd, buffers, 1, 0, 0) == Errno::Success);
  CHECK(files::test::read_file(scene.folder.at("file")) == "Xnetwo");
  REQUIRE(scene.invoke(&Preview1::fd_fdstat_set_flags, fd, fdflags::kDsync) == Errno::Success);
  REQUIRE(scene.invoke(&Preview1::fd_fdstat_get, fd, 8) == Errno::Success);
  CHECK(scene.u64(8) == (4 | std::uint64_t{fdflags::kDsync} << 16));
  REQUIRE(scene.invoke(&Preview1::fd_seek, fd, 1, whence::kSet, 8) == Errno::Success);
  REQUIRE(scene.write(fd, "YZ") == Errno::Success);
  CHECK(files::test::read_file(scene.folder.at("file")) == "XYZtwo");
  CHECK(scene.invoke(&Preview1::fd_fdstat_set_flags, fd, 0x20) == Errno::Invalid);
}

TEST_CASE("rights say how a file was opened, and hold") {
  FileScene scene;
  const std::uint32_t reader = scene.opened("file", {.open = kCreate, .base = rights::kRead});
  const std::uint32_t writer = scene.opened("file", {.base = rights::kWrite});
  const std::uint32_t neither = scene.opened("file", {.base = 0});
  const std::uint32_t truncated =
      scene.opened("file", {.open = oflags::kTruncate, .base = rights::kRead});
  const auto base_of = [&](std::uint32_t fd) {
    REQUIRE(scene.invoke(&Preview1::fd_fdstat_get, fd, 8) == Errno::Success);
    return scene.u64(16);
  };
  CHECK(base_of(reader) == (rights::kAll & ~rights::kWrite));
  CHECK(base_of(writer) == (rights::kAll & ~rights::kRead & ~rights::kReaddir));
  CHECK(base_of(neither) == (rights::kAll & ~rights::kWrite));
  CHECK(scene.write(reader, "x") == Errno::BadDescriptor);
  CHECK(scene.write(truncated, "x") == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_filestat_set_size, truncated, 5) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_allocate, reader, 0, 5) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_read, writer, 0, 0, 0) == Errno::BadDescriptor);
  CHECK(scene.invoke(&Preview1::fd_fdstat_set_rights, reader, 0, 0) == Errno::NotSupported);
  CHECK(scene.invoke(&Preview1::fd_fdstat_set_rights, 99, 0, 0) == Errno::BadDescriptor);
  CHECK(base_of(3) == 0x07b7'fe00);
  CHECK(scene.u64(24) == 0x0fff'ffff - 0x0008'0000);
}

TEST_CASE("metadata and times") {
  FileScene scene;
  const std::uint32_t fd = scene.opened("file", {.open = kCreate});
  REQUIRE(scene.invoke(&Preview1::fd_filestat_set_size, fd, 100) == Errno::Success);
  REQUIRE(
      scene.invoke(
          &Preview1::fd_filestat_set_times,
          fd,
          1'000'000'007,
          2'000'000'009,
          fstflags::kAccess | fstflags::kModify
      ) == Errno::Success
  );
  REQUIRE(scene.invoke(&Preview1::fd_filestat_get, fd, 64) == Errno::Success);
  CHECK(scene.u64(80) == 4);
  CHECK(scene.u64(88) == 1);
  CHECK(scene.u64(96) == 100);
  CHECK(scene.u64(104) == 1'000'000'007);
  CHECK(scene.u64(112) == 2'000'000'009);
  const Ptr path = scene.put("file");
  REQUIRE(scene.invoke(&Preview1::path_filestat_get, 3, 0, path, 4, 256) == Errno::Success);
  CHECK(scene.text(64, 40) == scene.text(256, 40));
  REQUIRE(
      scene.invoke(&Preview1::path_filestat_set_times, 3, 0, path, 4, 5, 0, fstflags::kAccess) ==
      Errno::Success
  );
  REQUIRE(scene.invoke(&Preview1::path_filestat_get, 3, 0, path, 4, 256) == Errno::Success);
  CHECK(scene.u64(256 + 40) == 5);
  CHECK(scene.u64(256 + 48) == 2'000'000'009);
  for (const std::uint32_t flags : {3U, 12U, 16U, 0x100U}) {
    CHECK(scene.invoke(&Preview1::fd_filestat_set_times, fd, 0, 0, flags) == Errno::Invalid);
  }
  CHECK(scene.invoke(&Preview1::fd_filestat_set_size, fd, ~std::uint64_t{0}) == Errno::FileTooBig);
  CHECK(scene.invoke(&Preview1::fd_advise, fd, 0, 10, 6) == Errno::Invalid);
  CHECK(scene.invoke(&Preview1::fd_advise, fd, 0, 10, 3) == Errno::Success);
  CHECK(scene.invoke(&Preview1::fd_allocate, fd, 0, 0) == Errno::Invalid);
  CHECK(
      scene.invoke(&Preview1::fd_allocate, fd, ~std::uint64_t{0}, ~std::uint64_t{0}) ==
      Errno::FileTooBig
  );
  CHECK(scene.invoke(&Preview1::fd_sync, fd) == Errno::Success);
  CHECK(scene.invoke(&Preview1::fd_datasync, fd) == Errno::Success);
  CHECK(scene.invoke(&Preview1::fd_sync, 3) == Errno::Success);
}

TEST_CASE("a read grant lets nothing be changed") {
  FileScene scene;
  scene.preopens.erase(scene.preopens.begin());  // the folder that can only be read is 3 now
  REQUIRE(scene.open("file", {.base = rights::kRead}) == Errno::Success);
  const std::uint32_t fd = scene.u32(0);
  CHECK(scene.read(fd, 100) == "read me");
  const auto denied = Errno::NotPermitted;
  CHECK(scene.open("file", {}) == denied);
  CHECK(scene.open("file", {.open = oflags::kTruncate, .base = 0}) == denied);
  CHECK(scene.open("new", {.open = kCreate, .base = 0}) == denied);
  CHECK(scene.invoke(&Preview1::fd_filestat_set_times, fd, 0, 0, fstflags::kAccessNow) == denied);
  CHECK(scene.invoke(&Preview1::fd_filestat_set_times, 3, 0, 0, fstflags::kAccessNow) == denied);
  const Ptr path = scene.put("file");
  CHECK(
      scene.invoke(&Preview1::path_filestat_set_times, 3, 0, path, 4, 5, 0, fstflags::kAccess) ==
      denied
  );
  CHECK(scene.path_call(&Preview1::path_create_directory, 3, "new") == denied);
  CHECK(scene.path_call(&Preview1::path_remove_directory, 3, "dir") == denied);
  CHECK(scene.path_call(&Preview1::path_unlink_file, 3, "file") == denied);
  CHECK(scene.two_paths(&Preview1::path_rename, 3, "file", 3, "new") == denied);
  const Ptr to = scene.put("new");
  CHECK(scene.invoke(&Preview1::path_symlink, path, 4, 3, to, 3) == denied);
  CHECK(scene.invoke(&Preview1::path_link, 3, 0, path, 4, 3, to, 3) == denied);
  // Nor below a directory opened in it.
  REQUIRE(scene.open("dir", {.open = oflags::kDirectory, .base = 0}) == Errno::Success);
  CHECK(scene.path_call(&Preview1::path_create_directory, scene.u32(0), "new") == denied);
}

TEST_CASE("a link or a new name cannot carry a file out of a read grant") {
  FileScene scene;
  const Ptr from = scene.put("file");
  const Ptr to = scene.put("mine");
  CHECK(scene.invoke(&Preview1::path_link, 4, 0, from, 4, 3, to, 4) == Errno::NotPermitted);
  CHECK(scene.two_paths(&Preview1::path_rename, 4, "file", 3, "mine") == Errno::NotPermitted);
  REQUIRE(scene.write(scene.opened("own", {.open = kCreate}), "x") == Errno::Success);
  CHECK(scene.two_paths(&Preview1::path_rename, 3, "own", 4, "file") == Errno::NotPermitted);
  CHECK(files::test::read_file(scene.read_only.at("file")) == "read me");
}

/// One entry as the guest's buffer has it.
struct Dirent {
  std::uint64_t next;
  std::uint64_t inode;
  std::string name;
  std::uint8_t type;
};

std::vector<Dirent> parse_entries(const P1Scene& scene, Ptr at, std::uint32_t size) {
  std::vector<Dirent> out;
  const Ptr end = at + size;
  while (end - at >= kDirentSize) {
    const std::uint32_t name = scene.u32(at + 16);
    if (end - at - kDirentSize < name) {
      break;
    }
    out.push_back(
        {scene.u64(at), scene.u64(at + 8), scene.text(at + kDirentSize, name), scene.bytes[at + 20]}
    );
    at += kDirentSize + name;
  }
  return out;
}

TEST_CASE("directories are listed in pieces of any size") {
  FileScene scene;
  std::set<std::string> wanted{".", ".."};
  for (int i = 0; i < 60; ++i) {
    const std::string name = "file-" + std::string(static_cast<std::size_t>(i), 'x');
    files::test::write_file(scene.folder.at(name), "");
    wanted.insert(name);
  }
  files::test::write_file(scene.folder.at("not-utf8-\xff"), "");
  for (const std::uint32_t size : {100U, 137U, 512U, 4096U, 20000U}) {
    CAPTURE(size);
    std::set<std::string> seen;
    std::uint64_t cookie = 0;
    for (int rounds = 0; rounds < 200; ++rounds) {
      REQUIRE(scene.invoke(&Preview1::fd_readdir, 3, 30000, size, cookie, 0) == Errno::Success);
      const std::uint32_t used = scene.u32(0);
      for (const Dirent& entry : parse_entries(scene, 30000, used)) {
        CHECK(seen.insert(entry.name).second);
        CHECK(entry.type == (entry.name.starts_with(".") ? 3 : 4));
        cookie = entry.next;
      }
      if (used < size) {
        break;
      }
    }
    CHECK(seen == wanted);
  }
}

TEST_CASE("what is above a granted directory is not told") {
  FileScene scene;
  REQUIRE(scene.invoke(&Preview1::fd_readdir, 3, 30000, 4096, 0, 0) == Errno::Success);
  const auto entries = parse_entries(scene, 30000, scene.u32(0));
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].inode == entries[1].inode);
}

TEST_CASE("a cookie that was never given out does no harm") {
  FileScene scene;
  for (const std::uint64_t cookie :
       {std::uint64_t{1}, std::uint64_t{12345}, std::uint64_t{1} << 40, ~std::uint64_t{0} >> 1}) {
    const Errno error = scene.invoke(&Preview1::fd_readdir, 3, 30000, 4096, cookie, 0);
    CHECK((error == Errno::Success || error == Errno::Invalid));
  }
  CHECK(
      scene.invoke(&Preview1::fd_readdir, 3, 30000, 4096, ~std::uint64_t{0}, 0) == Errno::Invalid
  );
  static_cast<void>(scene.invoke(&Preview1::fd_readdir, 3, 65000, 4096, 0, 0));
  CHECK(scene.trap);
}

TEST_CASE("descriptors are bounded") {
  FileScene scene;
  files::test::write_file(scene.folder.at("file"), "");
  const Ptr path = scene.put("file");
  const auto open = [&] {
    return scene.invoke(&Preview1::path_open, 3, 0, path, 4, 0, rights::kRead, 0, 0, 0);
  };
  for (std::size_t i = 5; i < Descriptors::kMax; ++i) {
    REQUIRE(open() == Errno::Success);
    REQUIRE(scene.u32(0) == i);
  }
  CHECK(open() == Errno::TooManyOpen);
  REQUIRE(scene.invoke(&Preview1::fd_close, 77) == Errno::Success);
  REQUIRE(open() == Errno::Success);
  CHECK(scene.u32(0) == 77);
  scene.preview1().reset();
  REQUIRE(open() == Errno::Success);
  CHECK(scene.u32(0) == 5);
}

TEST_CASE("component instances do not share descriptors, but what they may open") {
  FileScene scene;
  Preview1& first = scene.preview1().of(4);
  Preview1& second = scene.preview1().of(7);
  CHECK(&first == &scene.preview1());
  CHECK(&first != &second);
  CHECK(&second == &scene.preview1().of(7));
  const Ptr name = scene.put("file");
  Guest guest(scene.call.store, MutableByteView(scene.bytes), scene.call.fiber);
  const auto open = [&](Preview1& of) {
    return of.path_open(guest, 4, 0, name, 4, 0, rights::kRead, 0, 0, 0);
  };
  REQUIRE(open(first) == Errno::Success);
  CHECK(scene.u32(0) == 5);
  CHECK(second.fd_close(guest, 5) == Errno::BadDescriptor);
  REQUIRE(open(second) == Errno::Success);
  CHECK(scene.u32(0) == 5);
  CHECK(first.fd_close(guest, 3) == Errno::Success);
  CHECK(second.fd_prestat_get(guest, 3, 0) == Errno::Success);
  CHECK(first.fd_close(guest, 5) == Errno::Success);
  CHECK(second.fd_tell(guest, 5, 0) == Errno::Success);
  std::size_t count = 1;
  while (open(count % 2 == 0 ? first : second) == Errno::Success) {
    ++count;
  }
  CHECK(count == Descriptors::kMax);
  CHECK(second.fd_renumber(guest, 6, 5) == Errno::Success);
  CHECK(open(first) == Errno::Success);
  CHECK(open(second) == Errno::TooManyOpen);
  scene.preview1().reset();
  CHECK(open(scene.preview1().of(7)) == Errno::Success);
  CHECK(scene.u32(0) == 5);
}

TEST_CASE("paths that are none") {
  FileScene scene;
  CHECK(scene.open("", {}) == Errno::NoEntry);
  CHECK(scene.open(std::string_view("a\0b", 3), {}) == Errno::Invalid);
  CHECK(scene.open("a\xff", {}) == Errno::IllegalSequence);
  CHECK(scene.open(std::string(300, 'x'), {}) == Errno::NameTooLong);
  CHECK(scene.open(std::string(5000, 'x'), {}) == Errno::NameTooLong);
  CHECK(scene.open("file", {.open = 0x10}) == Errno::Invalid);
  CHECK(scene.open("file", {.fd = 0x20}) == Errno::Invalid);
  CHECK(scene.open("file", {.open = kCreate | oflags::kDirectory}) == Errno::Invalid);
  static_cast<void>(scene.invoke(&Preview1::path_open, 3, 0, 65530, 10, 0, 0, 0, 0, 0));
  CHECK(scene.trap);
  // Nothing is opened when there is no place to say so.
  const Ptr path = scene.put("new");
  static_cast<void>(scene.invoke(&Preview1::path_open, 3, 0, path, 3, kCreate, 0, 0, 0, 65534));
  CHECK(scene.trap);
  CHECK_FALSE(std::filesystem::exists(scene.folder.at("new")));
}

TEST_CASE("links") {
  FileScene scene;
  const Ptr contents = scene.put("a/b");
  const Ptr path = scene.put("link");
  REQUIRE(scene.invoke(&Preview1::path_symlink, contents, 3, 3, path, 4) == Errno::Success);
  REQUIRE(scene.invoke(&Preview1::path_readlink, 3, path, 4, 100, 2, 0) == Errno::Success);
  CHECK(scene.u32(0) == 2);
  CHECK(scene.text(100, 3) == "a/\xee");
  REQUIRE(scene.invoke(&Preview1::path_readlink, 3, path, 4, 100, 9, 0) == Errno::Success);
  CHECK(scene.u32(0) == 3);
  const Ptr absolute = scene.put("/etc");
  const Ptr other = scene.put("other");
  CHECK(scene.invoke(&Preview1::path_symlink, absolute, 4, 3, other, 5) == Errno::NotPermitted);
  CHECK(
      scene.invoke(&Preview1::path_link, 3, lookup::kFollow, path, 4, 3, other, 5) == Errno::Invalid
  );
  files::test::write_file(scene.folder.at("file"), "");
  CHECK(scene.path_call(&Preview1::path_unlink_file, 3, "file/") == Errno::NotDirectory);
  const Ptr file = scene.put("file");
  CHECK(scene.invoke(&Preview1::path_readlink, 3, file, 4, 100, 9, 0) == Errno::Invalid);
}

TEST_CASE("poll: a file is always ready and says how much is left") {
  FileScene scene;
  const std::uint32_t fd = scene.opened("file", {.open = kCreate});
  REQUIRE(scene.write(fd, "0123456789") == Errno::Success);
  REQUIRE(scene.invoke(&Preview1::fd_seek, fd, 4, whence::kSet, 8) == Errno::Success);
  const Ptr in = scene.room(48);
  scene.set(in, std::uint64_t{7});
  scene.bytes[in + 8] = eventtype::kRead;
  scene.set(in + 16, fd);
  REQUIRE(scene.invoke(&Preview1::poll_oneoff, in, 256, 1, 0) == Errno::Success);
  CHECK(scene.u32(0) == 1);
  CHECK(scene.u64(256) == 7);
  CHECK(scene.get<std::uint16_t>(264) == 0);
  CHECK(scene.u64(272) == 6);
}

}  // namespace
}  // namespace whorl::wasi::p1
