#include "engine/cache_entry.hpp"
#include "engine/create.hpp"
#include "engine/driver.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test
namespace fs = std::filesystem;

Bytes answer_module(std::int32_t answer) {
  ModuleBuilder b;
  b.memory(1);
  b.data(0, "image");
  b.export_func("answer", type({}, {kI32}), Code().i32_const(answer));
  return b.build();
}

std::int32_t answer_of(const Module& module) {
  auto store = make_store();
  const auto instance = store->instantiate(module, {});
  REQUIRE(instance);
  std::array<RawVal, 1> slots = {};
  REQUIRE(store->call_guest(func_of(*store, *instance, "answer"), slots));
  return slots[0].i32;
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void spill(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

using Origin = ModuleCache::Origin;

TEST_CASE("a module is compiled once and then read") {
  const whorl::fs::test::TestFolder dir;
  const fs::path folder = dir.path("a/code");
  auto cache = ModuleCache::open(folder);
  REQUIRE(cache);
  struct stat status = {};
  REQUIRE(::stat(folder.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700U);

  const Bytes wasm = answer_module(41);
  auto first = cache->load_or_compile(*engine(), wasm);
  REQUIRE(first);
  CHECK(first->origin == Origin::Compiled);
  CHECK(first->note.empty());
  auto second = cache->load_or_compile(*engine(), wasm);
  REQUIRE(second);
  CHECK(second->origin == Origin::Cache);
  CHECK(second->note.empty());
  CHECK(answer_of(first->module) == 41);
  CHECK(answer_of(second->module) == 41);
  auto other = cache->load_or_compile(*engine(), answer_module(42));
  REQUIRE(other);
  CHECK(other->origin == Origin::Compiled);
  CHECK(answer_of(other->module) == 42);
  // Two entries and nothing else.
  CHECK(std::distance(fs::directory_iterator(folder), {}) == 2);
  CHECK(fs::exists(folder / ModuleCache::entry_name(*engine(), wasm)));
}

TEST_CASE("an entry for other settings is not found") {
  const whorl::fs::test::TestFolder dir;
  auto cache = ModuleCache::open(dir.path());
  REQUIRE(cache);
  EngineOptions options;
  options.allocation = InstanceAllocation::OnDemand;
  auto same = Engine::create(options);
  options.debug_info = true;
  auto debug = Engine::create(options);
  REQUIRE(same);
  REQUIRE(debug);
  CHECK((*same)->compatibility_key() == engine()->compatibility_key());
  CHECK((*debug)->compatibility_key() != engine()->compatibility_key());
  const Bytes wasm = answer_module(1);
  CHECK(cache->load_or_compile(*engine(), wasm)->origin == Origin::Compiled);
  CHECK(cache->load_or_compile(**same, wasm)->origin == Origin::Cache);
  CHECK(cache->load_or_compile(**debug, wasm)->origin == Origin::Compiled);
}

TEST_CASE("an entry's checksum is GMAC over AES-128, whatever the parts") {
  Sha256Digest key = {};
  Bytes payload(300'001);
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(i);
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<std::uint8_t>((i * 7) % 251);
  }
  for (const std::size_t part : {std::size_t{300'001}, std::size_t{262'144}, std::size_t{4'099}}) {
    EntryChecksum checksum(key);
    for (ByteView rest = payload; !rest.empty(); rest = rest.subspan(std::min(part, rest.size()))) {
      checksum.update(rest.first(std::min(part, rest.size())));
    }
    // openssl mac -cipher AES-128-GCM -macopt hexkey:… -macopt hexiv:000000000000000000000000 GMAC
    CHECK(to_hex(checksum.finish()) == "2407049ad4f9c20b7af7bd7eff28942b");
  }
}

TEST_CASE("a damaged entry costs a compile and a note, and is replaced") {
  const whorl::fs::test::TestFolder dir;
  auto cache = ModuleCache::open(dir.path());
  REQUIRE(cache);
  const Bytes wasm = answer_module(5);
  const fs::path entry = dir.path(ModuleCache::entry_name(*engine(), wasm));
  REQUIRE(cache->load_or_compile(*engine(), wasm));
  const std::string sound = slurp(entry);
  REQUIRE(sound.size() > sizeof(CacheTrailer) + 1000);

  std::vector<std::pair<std::string, std::string>> cases = {
      {"", "it is too short"},
      {"short", "it is too short"},
      {sound.substr(0, sound.size() - 1), "it is cut short or of another format"},
      {sound.substr(0, sound.size() / 2), "it is cut short or of another format"},
      {sound + "x", "it is cut short or of another format"},
      {sound.substr(1), "it is cut short or of another format"},
  };
  const auto flipped = [&](std::size_t at) {
    std::string damaged = sound;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    return damaged;
  };
  for (const std::size_t at : {std::size_t{0}, sound.size() / 2, sound.size() - 65}) {
    cases.emplace_back(flipped(at), "its checksum is wrong");
  }
  cases.emplace_back(flipped(sound.size() - 1), "its checksum is wrong");
  cases.emplace_back(flipped(sound.size() - 20), "it belongs to another module or engine");
  for (const auto& [content, why] : cases) {
    spill(entry, content);
    auto loaded = cache->load_or_compile(*engine(), wasm);
    REQUIRE(loaded);
    CHECK(loaded->origin == Origin::Compiled);
    CHECK(loaded->note.ends_with("is not used: " + why));
    CHECK(answer_of(loaded->module) == 5);
    CHECK(cache->load_or_compile(*engine(), wasm)->origin == Origin::Cache);
  }

  // A sound entry under the name of another module.
  const Bytes other = answer_module(6);
  fs::copy(entry, dir.path(ModuleCache::entry_name(*engine(), other)));
  auto loaded = cache->load_or_compile(*engine(), other);
  REQUIRE(loaded);
  CHECK(loaded->origin == Origin::Compiled);
  CHECK(answer_of(loaded->module) == 6);
}

TEST_CASE("a module in use outlives its entry") {
  const whorl::fs::test::TestFolder dir;
  auto cache = ModuleCache::open(dir.path());
  REQUIRE(cache);
  const Bytes wasm = answer_module(7);
  REQUIRE(cache->load_or_compile(*engine(), wasm));
  auto loaded = cache->load_or_compile(*engine(), wasm);
  REQUIRE(loaded->origin == Origin::Cache);
  fs::remove(dir.path(ModuleCache::entry_name(*engine(), wasm)));
  CHECK(answer_of(loaded->module) == 7);
}

TEST_CASE("an unusable folder costs nothing but the cache") {
  const whorl::fs::test::TestFolder dir;
  auto cache = ModuleCache::open(dir.path("gone"));
  REQUIRE(cache);
  fs::remove(dir.path("gone"));
  auto loaded = cache->load_or_compile(*engine(), answer_module(8));
  REQUIRE(loaded);
  CHECK(loaded->note.find("is not stored: creating a file") != std::string::npos);
  CHECK(answer_of(loaded->module) == 8);
  auto bad = cache->load_or_compile(*engine(), {});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().kind() == ErrorKind::InvalidInput);
}

TEST_CASE("a folder that is not the user's alone is refused") {
  const whorl::fs::test::TestFolder dir;
  for (const mode_t mode : {0770U, 0702U, 0777U}) {
    const fs::path folder = dir.path("shared");
    fs::create_directory(folder);
    REQUIRE(::chmod(folder.c_str(), mode) == 0);
    auto cache = ModuleCache::open(folder);
    REQUIRE_FALSE(cache);
    CHECK(cache.error().kind() == ErrorKind::PermissionDenied);
    CHECK(cache.error().help() == "chmod 700 " + folder.string());
  }
  if (::geteuid() == 0) {
    const fs::path folder = dir.path("theirs");
    fs::create_directory(folder);
    REQUIRE(::chown(folder.c_str(), 12345, 12345) == 0);
    CHECK(ModuleCache::open(folder).error().kind() == ErrorKind::PermissionDenied);
  } else {
    CHECK(ModuleCache::open("/").error().kind() == ErrorKind::PermissionDenied);
  }
  spill(dir.path("file"), "");
  CHECK_FALSE(ModuleCache::open(dir.path("file")));
}

TEST_CASE("the folder comes from the environment") {
  const auto with = [](const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  with("WHORL_CACHE_DIR", "/w");
  with("XDG_CACHE_HOME", "/x");
  with("HOME", "/h");
  CHECK(ModuleCache::default_directory() == "/w/code");
  with("WHORL_CACHE_DIR", nullptr);
  CHECK(ModuleCache::default_directory() == "/x/whorl/code");
  with("XDG_CACHE_HOME", "relative");
  CHECK(ModuleCache::default_directory() == "/h/.cache/whorl/code");
  with("XDG_CACHE_HOME", nullptr);
  with("HOME", before.c_str());
}

TEST_CASE("an engine finds its own helper module in the cache") {
  const whorl::fs::test::TestFolder folder;
  auto cache = ModuleCache::open(folder.path());
  REQUIRE(cache);
  EngineOptions options;
  options.allocation = InstanceAllocation::OnDemand;
  for (int i = 0; i < 2; ++i) {
    const auto engine = create_engine(options, &*cache);
    REQUIRE(engine);
    const fs::path entry = folder.path(ModuleCache::entry_name(**engine, driver_bytes()));
    REQUIRE(fs::exists(entry));
    if (i == 1) {
      // Damaged, it is compiled and written anew.
      spill(entry, "damaged");
      REQUIRE(create_engine(options, &*cache));
      CHECK(fs::file_size(entry) > 1000);
    }
    // It can run guests: every call of one passes through the helper.
    auto module = Module::compile(**engine, answer_module(42));
    REQUIRE(module);
  }
}

}  // namespace
}  // namespace whorl::engine
