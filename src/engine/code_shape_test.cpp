#include "engine/code_shape.hpp"

#include "engine/test_modules.hpp"

#include <doctest/doctest.h>

#include <random>

namespace whorl::engine {
namespace {
using namespace test;  // NOLINT(google-build-using-namespace): a test

Bytes module_of(std::initializer_list<std::int32_t> answers) {
  ModuleBuilder b;
  b.memory(1);
  for (const std::int32_t answer : answers) {
    b.export_func("f" + std::to_string(answer), type({}, {kI32}), Code().i32_const(answer));
  }
  return b.build();
}

TEST_CASE("bodies are told apart by their bytes, their places and what is around them") {
  const auto one = code_bodies(module_of({1, 2, 1000}));
  REQUIRE(one.size() == 3);
  CHECK(one[0].bytes == 4);  // no locals, i32.const 1, end
  CHECK(one[2].bytes == 5);
  CHECK(one[0].fingerprint != one[1].fingerprint);
  const auto fingerprints = [](const ModuleBuilder& b) {
    std::vector<std::uint64_t> all;
    for (const CodeBody& body : code_bodies(b.build())) {
      all.push_back(body.fingerprint);
    }
    REQUIRE(all.size() == 2);
    return all;
  };
  const auto two = [](std::int32_t first, std::int32_t second) {
    ModuleBuilder b;
    b.memory(1);
    b.func(type({}, {kI32}), Code().i32_const(first));
    b.func(type({}, {kI32}), Code().i32_const(second));
    return b;
  };
  const auto base = fingerprints(two(1, 2));
  CHECK(fingerprints(two(2, 1))[1] != base[0]);
  CHECK(fingerprints(two(3, 2))[1] == base[1]);
  CHECK(fingerprints(two(3, 2))[0] != base[0]);
  ModuleBuilder told = two(1, 2);
  told.data(8, "other text");
  told.func_name(0, "first");
  CHECK(fingerprints(told) == base);
  told.export_item("second", 0, 1);
  CHECK(fingerprints(told)[0] != base[0]);
}

TEST_CASE("the code section is measured whole") {
  // The count of functions, and before each body its size.
  CHECK(code_bytes(module_of({1, 2, 1000})) == 1 + 5 + 5 + 6);
  CHECK(code_bytes({}) == 0);
  CHECK(code_bodies({}).empty());
}

TEST_CASE("of bytes that are no module as many bodies are found as can be read") {
  const unsigned seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const Bytes sound = module_of({1, 2, 3, 4});
  for (int round = 0; round < 2000; ++round) {
    Bytes wasm = sound;
    wasm.resize(random() % (sound.size() + 1));
    for (unsigned i = 0; i < random() % 4 && !wasm.empty(); ++i) {
      wasm[random() % wasm.size()] = static_cast<std::uint8_t>(random());
    }
    std::uint64_t total = 0;
    for (const CodeBody& body : code_bodies(wasm)) {
      total += body.bytes;
    }
    CHECK(total <= wasm.size());
    CHECK(code_bytes(wasm) <= wasm.size());
  }
}

}  // namespace
}  // namespace whorl::engine
