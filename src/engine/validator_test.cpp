#include "engine/validator.hpp"

#include "engine/module.hpp"
#include "engine/test_support.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

namespace whorl::engine {
namespace {

Bytes component_of(std::initializer_list<std::uint8_t> sections) {
  Bytes out = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
  out.insert(out.end(), sections);
  return out;
}

TEST_CASE("components are judged") {
  struct Row {
    const char* name;
    Bytes bytes;
    Verdict verdict;
    const char* reason;  ///< a part of it
  };
  const Row rows[] = {
      {"nothing in it", component_of({}), Verdict::Valid, ""},
      {"no component", {1, 2, 3}, Verdict::Invalid, ""},
      {"nothing at all", {}, Verdict::Invalid, ""},
      {"list of an unknown type",
       component_of({7, 3, 1, 0x70, 5}),
       Verdict::Invalid,
       "unknown type 5"},
      {"a fixed-length list", component_of({7, 4, 1, 0x67, 0x7d, 3}), Verdict::Unknown, "feature"},
      {"an error-context", component_of({7, 2, 1, 0x64}), Verdict::Unknown, "feature"},
      {"a stream", component_of({7, 4, 1, 0x66, 1, 0x7d}), Verdict::Valid, ""},
      {"a map", component_of({7, 4, 1, 0x63, 0x73, 0x7d}), Verdict::Valid, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Judgement judgement = judge_component(row.bytes);
    CAPTURE(judgement.reason);
    CHECK(judgement.verdict == row.verdict);
    CHECK(judgement.reason.contains(row.reason));
    CHECK_FALSE(judgement.reason.contains("at offset"));
    CHECK(judgement.reason.empty() == (row.verdict == Verdict::Valid));
  }
}

TEST_CASE("what the component calls things does not switch the judgement off") {
  CHECK(is_beyond_judgement("`thread.index` requires the component model threading feature"));
  CHECK(is_beyond_judgement("64-bit memories require the `cm64` feature to be enabled"));
  CHECK_FALSE(is_beyond_judgement("no export named `requires the gc feature`"));
  CHECK_FALSE(is_beyond_judgement("export `a feature` not found"));
  CHECK_FALSE(is_beyond_judgement(""));
  CHECK(is_beyond_judgement("the custom page sizes proposal must be enabled to customize a memory")
  );
  CHECK_FALSE(is_beyond_judgement("no `the x proposal must be enabled` is exported"));
}

TEST_CASE("a fact is kept, and only as it was written") {
  const whorl::fs::test::TestFolder folder;
  {
    auto cache = ModuleCache::open(folder.path());
    REQUIRE(cache);
    const Sha256Digest key = verdict_key(sha256(component_of({})));
    CHECK(key != verdict_key(sha256(component_of({0}))));
    CHECK_FALSE(cache->has_fact(kWellTyped, key));
    REQUIRE(cache->add_fact(kWellTyped, key));
    CHECK(cache->has_fact(kWellTyped, key));
    CHECK_FALSE(cache->has_fact("other", key));
    CHECK_FALSE(cache->has_fact(kWellTyped, verdict_key(sha256(component_of({0})))));
    REQUIRE(cache->add_fact(kWellTyped, key));  // again: no harm
    const auto file = std::filesystem::directory_iterator(folder.path())->path();
    std::string text;
    std::getline(std::ifstream(file), text);
    for (const std::string& damaged :
         {std::string(), text, text + "\n\n", text.substr(1) + "\n", std::string(300, 'x')}) {
      std::ofstream(file, std::ios::trunc) << damaged;
      CHECK_FALSE(cache->has_fact(kWellTyped, key));
    }
    REQUIRE(cache->add_fact(kWellTyped, key));
    CHECK(cache->has_fact(kWellTyped, key));
  }
}

}  // namespace
}  // namespace whorl::engine
