#include "engine/function_packs.hpp"

#include "engine/cache_directory.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace whorl::engine {
namespace {
namespace fs = std::filesystem;

/// A cache folder of its own, removed at the end.
class TempCache : public whorl::fs::test::TestFolder {
 public:
  [[nodiscard]] CacheDirectory open() const {
    return CacheDirectory(::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  [[nodiscard]] std::vector<fs::path> files() const {
    return {fs::directory_iterator(path()), fs::directory_iterator()};
  }
};

constexpr std::string_view kEngine = "engine 1";

Sha256Digest key(std::uint8_t number) {
  Sha256Digest digest = {};
  digest.front() = number;
  digest.back() = static_cast<std::uint8_t>(number * 7);
  return digest;
}

std::string value_of(const FunctionPacks& packs, std::uint8_t number) {
  const auto found = packs.find(key(number));
  return found ? std::string(as_text(*found)) : "none";
}

/// A pack of functions by number, for a module of as many bodies.
void write_pack(
    const CacheDirectory& directory,
    std::initializer_list<std::uint8_t> functions,
    std::uint8_t module
) {
  FunctionPacks packs(directory, kEngine);
  std::vector<CodeBody> bodies;
  for (const std::uint8_t number : functions) {
    packs.insert(key(number), as_bytes("code of " + std::to_string(number)));
    bodies.push_back({.fingerprint = number, .bytes = 10});
  }
  REQUIRE(packs.store(directory, key(module), bodies));
}

TEST_CASE("functions are found in the packs of all modules") {
  const TempCache cache;
  const CacheDirectory directory = cache.open();
  write_pack(directory, {9, 3, 200, 4}, 1);
  write_pack(directory, {5}, 2);
  CHECK(cache.files().size() == 2);
  const FunctionPacks packs(directory, kEngine);
  for (const int listed : {9, 3, 200, 4, 5}) {
    const auto number = static_cast<std::uint8_t>(listed);
    CHECK(value_of(packs, number) == "code of " + std::to_string(number));
  }
  CHECK(value_of(packs, 6) == "none");
  CHECK(packs.hits() == 5);
  CHECK_FALSE(packs.find(as_bytes("short")));
  CHECK(FunctionPacks(directory, "engine 2").find(key(9)) == std::nullopt);
}

TEST_CASE("a module is known by the share of its code that others had") {
  const TempCache cache;
  const CacheDirectory directory = cache.open();
  CHECK(FunctionPacks(directory, kEngine).known_share({}) == 0.0);
  write_pack(directory, {1, 2}, 1);
  write_pack(directory, {3}, 2);
  const FunctionPacks packs(directory, kEngine);
  const std::vector<CodeBody> bodies{{1, 50}, {3, 25}, {4, 25}};
  CHECK(packs.known_share(bodies) == 0.75);
}

TEST_CASE("nothing new writes no pack") {
  const TempCache cache;
  const CacheDirectory directory = cache.open();
  write_pack(directory, {}, 1);
  CHECK(cache.files().empty());
}

TEST_CASE("a damaged pack is not looked into") {
  const TempCache cache;
  const CacheDirectory directory = cache.open();
  write_pack(directory, {1, 2, 3}, 1);
  const fs::path file = cache.files().front();
  const auto size = fs::file_size(file);
  for (const std::uintmax_t at : {std::uintmax_t{0}, size / 2, size - 1}) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(at));
    const int byte = stream.get();
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(byte ^ 1));
    stream.close();
    CHECK(value_of(FunctionPacks(directory, kEngine), 2) == "none");
    stream.open(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.put(static_cast<char>(byte));
  }
  CHECK(value_of(FunctionPacks(directory, kEngine), 2) == "code of 2");
  fs::resize_file(file, size - 1);
  CHECK(value_of(FunctionPacks(directory, kEngine), 2) == "none");
  fs::rename(file, file.parent_path() / (file.filename().string().replace(20, 1, "x")));
  CHECK(value_of(FunctionPacks(directory, kEngine), 2) == "none");
}

}  // namespace
}  // namespace whorl::engine
