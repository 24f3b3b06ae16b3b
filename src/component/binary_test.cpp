#include "component/binary.hpp"

#include "component/plan.hpp"
#include "component/test_wasm.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace whorl::component {
namespace {

using testing::section;
using testing::vec;
using testing::Wasm;

std::string outcome(const Bytes& bytes) {
  const auto decoded = decode_component(bytes);
  return decoded ? "" : decoded.error().to_line();
}

TEST_CASE("hand-made components: decoded, or refused with place and reason") {
  struct Row {
    Bytes bytes;
    const char* text;
  };
  const auto with = [](int id, const Wasm& body) {
    return testing::component({section(id, body)});
  };
  Wasm nested = testing::raw(testing::component({}));
  const Row rows[] = {
      {testing::component({}), ""},
      {with(13, {}), "at byte 0x8: expected a component section, found id 13"},
      {with(7, {1}),
       "in the type section: at byte 0xa: types: 1 items announced, but only 0 bytes follow"},
      {with(7, {1, 0x62}), "in the type section: at byte 0xb: expected a type, found 0x62"},
      {with(7, {1, 0x72, 0}),
       "in the type section: at byte 0xb: the type must have at least one field"},
      {with(7, {1, 0x70, 9}),
       "in the type section: at byte 0xc: type index 9 is out of bounds: 0 defined so far"},
      {with(7, {2, 0x40, 0, 1, 0, 0x70, 0}),
       "in the type section: at byte 0x10: type 0 is not a value type"},
      {with(7, {2, 0x73, 0x69, 0}),
       "in the type section: at byte 0xd: type 0 is a value type, not a resource type"},
      {with(7, {1, 0x72, 2, 1, 'a', 0x7f, 1, 'A', 0x7f}),
       "in the type section: at byte 0x10: field \"A\" is there twice"},
      {with(7, {1, 0x6d, 1, 1, '_'}),
       "in the type section: at byte 0xd: \"_\" is not a valid name of a label"},
      {with(7, {1, 0x66, 1, 0x74}), "in the type section: at byte 0xb: stream<char> is not allowed"
      },
      {with(7, {1, 0x67, 0x7d, 0}),
       "in the type section: at byte 0xb: a list of fixed length cannot be empty"},
      {with(7, {1, 0x63, 0x76, 0x7f}),
       "in the type section: at byte 0xb: the key of a map must be an integer, bool, char or string"
      },
      {with(7, {1, 0x3f, 0x7e, 0}),
       "in the type section: at byte 0xb: a resource must be represented by an i32, found 0x7e"},
      {with(7, {1, 0x42, 1, 1, 0x3f, 0x7f, 0}),
       "in the type section: at byte 0xe: resources can only be defined in a component, not in a "
       "type"},
      {with(7, {1, 0x42, 1, 3, 0, 1, 'a', 3, 1}),
       "in the type section: at byte 0xd: an instance type cannot import"},
      {with(6, {1, 3, 2, 1, 0}),
       "in the alias section: at byte 0xd: there are no 1 enclosing scopes"},
      {with(6, {1, 1, 2, 0, 0}),
       "in the alias section: at byte 0xb: a func cannot be an outer alias"},
      {with(8, {1, 0x07}),
       "in the canon section: at byte 0xb: expected a canonical definition, found 0x07"},
      {with(8, {1, 0x0c, 2}),
       "in the canon section: at byte 0xc: expected a cancellable flag (0 or 1), found 0x02"},
      {with(8, {1, 0x00, 0, 0, 0, 0}),
       "in the canon section: at byte 0xd: core func index 0 is out of bounds: 0 defined so far"},
      {with(9, {0}),
       "in the start section: at byte 0xa: the component has a start definition; those are not "
       "supported"},
      {with(12, {0}),
       "in the value section: at byte 0xa: the component defines values; those are not supported"},
      {with(10, {1, 0, 3, 'F', 'o', 'o', 3, 1}),
       "in the import section: at byte 0xc: \"Foo\" is not a valid import name"},
      {with(10, {2, 0, 1, 'a', 3, 1, 0, 1, 'A', 3, 1}),
       "in the import section: at byte 0x11: import name \"A\" conflicts with an earlier one"},
      {with(11, {1, 0, 1, 'a', 1, 0, 0}),
       "in the export section: at byte 0xf: func index 0 is out of bounds: 0 defined so far"},
      {with(4, nested), ""},
      {with(4, {1, 2, 3}),
       "in the component section: at byte 0xa: a component's preamble should be 8 bytes long, but "
       "only 3 follow"},
      {with(1, {0, 'a', 's', 'm', 2, 0, 0, 0}),
       "in the core module section: at byte 0xa: expected the preamble of a core module of version "
       "1"},
      {with(2, {1, 2, 0}),
       "in the core instance section: at byte 0xb: expected a core instance, found 0x02"},
      {with(5, {1, 1, 2, 0, 1, 'a', 3, 0, 0}),
       "in the instance section: at byte 0x11: type index 0 is out of bounds: 0 defined so far"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.bytes) == row.text);
  }
}

TEST_CASE("files that are no WebAssembly are named for what they are") {
  struct Row {
    std::string_view bytes;
    const char* text;
  };
  const Row rows[] = {
      {"", "the file is empty"},
      {"\x7f"
       "ELF....",
       "not WebAssembly: the file does not start with the bytes \"\\0asm\"; it looks like a native "
       "ELF program"},
      {"(module)",
       "not WebAssembly: the file does not start with the bytes \"\\0asm\"; it looks like "
       "WebAssembly text"},
      {std::string_view("\0as", 3),
       "not WebAssembly: the file does not start with the bytes \"\\0asm\""},
      {std::string_view("\0asm\1", 5), "at byte 0x4: expected the version, but the bytes end here"},
      {std::string_view("\0asm\2\0\0\0", 8),
       "at byte 0x4: expected a core module (version 1, layer 0) or a component (version 13, layer "
       "1), found version 2, layer 0"},
  };
  for (const Row& row : rows) {
    const auto kind = detect_binary(as_bytes(row.bytes));
    REQUIRE_FALSE(kind.has_value());
    CHECK(kind.error().message() == row.text);
  }
  CHECK(*detect_binary(testing::module({})) == BinaryKind::CoreModule);
  CHECK(*detect_binary(testing::component({})) == BinaryKind::Component);
}

TEST_CASE("nesting, counts and totals are bounded") {
  Bytes deep = testing::component({});
  for (int i = 0; i < 99; ++i) {
    deep = testing::component({section(4, testing::raw(deep))});
  }
  CHECK(outcome(deep).empty());
  deep = testing::component({section(4, testing::raw(deep))});
  deep = testing::component({section(4, testing::raw(deep))});
  CHECK(outcome(deep).find("components are nested more than 100 deep") != std::string::npos);

  testing::Parts many;
  for (int i = 0; i < 1001; ++i) {
    many.push_back(section(1, testing::raw(testing::module({}))));
  }
  CHECK(outcome(testing::component(many)).find("more than 1000 core modules") != std::string::npos);

  Wasm scope{1};
  for (int i = 0; i < 200; ++i) {
    scope.add({0x42, 1, 1});
  }
  CHECK(
      outcome(testing::component({section(7, scope.add({0x42, 0}))}))
          .find("types are nested more than 100 deep") != std::string::npos
  );

  Wasm types;
  types.leb(600'000);
  for (int i = 0; i < 600'000; ++i) {
    types.byte(0x7f);
  }
  CHECK(
      outcome(testing::component({section(7, types)})).find("limit of 500000") != std::string::npos
  );
}

std::optional<std::filesystem::path> suites() {
  const char* given = std::getenv("WHORL_SUITES");
  std::filesystem::path path =
      given != nullptr ? given : std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/suites";
  path /= "component-model/test";
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct Counts {
  int valid = 0;
  int malformed = 0;
  int invalid = 0;
  int invalid_missed = 0;
};

/// Decodes every component of a script; valid ones must be taken, malformed ones refused.
Counts run_script(const std::filesystem::path& script) {
  const Bytes text = read_file(script);
  const auto json = boost::json::parse({reinterpret_cast<const char*>(text.data()), text.size()});
  HostRegistry registry;
  Counts counts;
  for (const auto& command : json.at("commands").as_array()) {
    const auto& object = command.as_object();
    const auto* file = object.if_contains("filename");
    if (file == nullptr || !file->as_string().ends_with(".wasm")) {
      continue;
    }
    const Bytes bytes = read_file(script.parent_path() / file->as_string().c_str());
    const std::string type = object.at("type").as_string().c_str();
    CAPTURE(script.parent_path().filename().string());
    CAPTURE(object.at("line").as_int64());
    if (type == "assert_malformed") {
      CHECK_FALSE(decode_component(bytes).has_value());
      ++counts.malformed;
    } else if (type == "assert_invalid") {
      ++counts.invalid;
      counts.invalid_missed += validate_component(bytes).has_value() ? 1 : 0;
    } else if (bytes.size() > 4 && bytes[4] == 0x0d) {
      const auto decoded = decode_component(bytes);
      CHECK_MESSAGE(decoded.has_value(), (decoded ? "" : decoded.error().to_line()));
      const auto valid = validate_component(bytes);
      CHECK_MESSAGE(valid.has_value(), (valid ? "" : valid.error().to_line()));
      (void)plan_component(registry, bytes, {}).has_value();
      ++counts.valid;
    }
  }
  return counts;
}

TEST_CASE("the component-model suite decodes; malformed components are refused") {
  const auto path = suites();
  if (!path) {
    MESSAGE("SKIPPED: no component-model suite (WHORL_SUITES or ../shared/suites)");
    return;
  }
  const Counts binary = run_script(*path / "binary/binary.json.d/script.json");
  CHECK(binary.valid == 35);
  CHECK(binary.malformed == 70);
  CHECK(binary.invalid == 18);
  CHECK(binary.invalid_missed == 0);

  Counts all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*path)) {
    if (entry.path().filename() == "script.json") {
      const Counts one = run_script(entry.path());
      all.valid += one.valid;
      all.invalid += one.invalid;
      all.invalid_missed += one.invalid_missed;
    }
  }
  CHECK(all.valid > 280);
  CHECK(all.invalid > 300);
  // The one that is taken has wrong instructions in a core module: those are the engine's to see.
  CHECK(all.invalid_missed == 1);
  MESSAGE(
      "valid ", all.valid, ", invalid ", all.invalid, ", taken nevertheless ", all.invalid_missed
  );
}

}  // namespace
}  // namespace whorl::component
