#include "build/environment.hpp"

#include "build/known_environments.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>

namespace whorl::build {
namespace {

using enum WorldReference::Place;

/// The message without the lines that show the place.
std::string why_not(std::string_view text) {
  const auto read = parse_environment(text, "env.toml");
  return read ? std::string("(read)") : read.error().message();
}

}  // namespace

TEST_CASE("a whole description") {
  const auto read = parse_environment(
      R"(default = { worlds = [] }
[triggers]
redis = { worlds = ["spin:up/redis-trigger@4.1.0"] }
[triggers.http]
worlds = [
  "a:b/c",
  { registry = "r.example", world = "a:b/c@1.0.0" },
  { reference = "r.example/x:1", world = "a:b/c@1.0.0" },
  { path = "../wit", world = "a:b/c@1.0.0-rc.1" },
]
capabilities = ["local_service_chaining"]
[metadata]
plugins = ["x"]
unknown = 1
)",
      "env.toml"
  );
  REQUIRE_MESSAGE(read.has_value(), (read ? std::string() : read.error().message()));
  CHECK(read->others == TriggerEnvironment{});
  CHECK(
      read->triggers.at("http") ==
      TriggerEnvironment{
          {{DefaultRegistry, "", "a:b/c"},
           {Registry, "r.example", "a:b/c@1.0.0"},
           {Reference, "r.example/x:1", "a:b/c@1.0.0"},
           {Folder, "../wit", "a:b/c@1.0.0-rc.1"}},
          {"local_service_chaining"}
      }
  );
  CHECK(read->find("redis") == &read->triggers.at("redis"));
  CHECK(read->find("cron") == &*read->others);
  CHECK(parse_environment("[triggers]\n", "e")->find("http") == nullptr);
}

TEST_CASE("mistakes in Spin's words") {
  struct Case {
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"default={worlds=[]}",
       "TOML parse error at line 1, column 1\n  |\n1 | default={worlds=[]}\n  | "
       "^^^^^^^^^^^^^^^^^^^\nmissing field `triggers`\n"},
      {"foo=1\n[triggers]\n",
       "TOML parse error at line 1, column 1\n  |\n1 | foo=1\n  | ^^^\nunknown field `foo`, "
       "expected "
       "one of `triggers`, `default`, `metadata`\n"},
      {"triggers=1",
       "TOML parse error at line 1, column 10\n  |\n1 | triggers=1\n  |          ^\ninvalid type: "
       "integer `1`, expected a map\n"},
      {"[triggers]\nhttp={}",
       "TOML parse error at line 2, column 6\n  |\n2 | http={}\n  |      ^^\nmissing field "
       "`worlds`\n"},
      {"[triggers]\nhttp={worlds=[], x=1}",
       "TOML parse error at line 2, column 18\n  |\n2 | http={worlds=[], x=1}\n  |                 "
       " "
       "^\nunknown field `x`, expected `worlds` or `capabilities`\n"},
      {"[triggers]\nhttp={worlds=[\"nonsense\"]}",
       "TOML parse error at line 2, column 14\n  |\n2 | http={worlds=[\"nonsense\"]}\n  | "
       "             ^^^^^^^^^^^^\ndata did not match any variant of untagged enum WorldRef\n"},
      {"[triggers]\nhttp={worlds=[{pat=\"w\",world=\"t:w/w@1.0.0\"}]}",
       "TOML parse error at line 2, column 14\n  |\n2 | "
       "http={worlds=[{pat=\"w\",world=\"t:w/w@1.0.0\"}]}\n  |              "
       "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\ndata did not match any variant of untagged enum WorldRef\n"
      },
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.text);
    CHECK(why_not(tried.text) == tried.message);
  }
}

TEST_CASE("environments of Spin's versions are known") {
  CHECK(
      known_environment_names() ==
      std::vector<std::string>{
          "spin-up@3.2", "spin-up@3.4", "spin-up@3.5", "spin-up@3.6", "spin-up@4.0", "spin-up@4.1"
      }
  );
  CHECK(known_environment("spin-up@3.3") == nullptr);
  CHECK(known_worlds("spin:up/http-trigger@9.0.0").empty());
  CHECK(known_worlds("spin:up/other@4.1.0").empty());
  CHECK(known_worlds("spin:up/redis-trigger@3.6.0").empty());
  for (const std::string& name : known_environment_names()) {
    CAPTURE(name);
    const Environment* environment = known_environment(name);
    REQUIRE(environment != nullptr);
    for (const auto& [type, trigger] : environment->triggers) {
      CHECK_FALSE(known_worlds(trigger.worlds.front().world).empty());
    }
    CHECK(known_worlds(environment->others->worlds.front().world).size() == 1);
  }
  const auto fits = [](std::string_view world, std::string_view import, std::string_view handler) {
    const auto component = component::make_target(std::array{import}, std::array{handler});
    return std::ranges::any_of(known_worlds(world), [&](const auto& target) {
      return component::check_target(target, component).fits();
    });
  };
  struct Case {
    const char* world;
    const char* import;
    const char* handler;
    bool fits;
  };
  const Case cases[] = {
      {"spin:up/http-trigger@3.2.0",
       "wasi:io/streams@0.2.0",
       "wasi:http/incoming-handler@0.2.3",
       true},
      {"spin:up/http-trigger@3.2.0",
       "spin:postgres/postgres@4.0.0",
       "wasi:http/incoming-handler@0.2.3",
       false},
      {"spin:up/http-trigger@3.4.0",
       "spin:postgres/postgres@4.0.0",
       "wasi:http/incoming-handler@0.2.3",
       true},
      {"spin:up/http-trigger@3.4.0", "wasi:io/streams@0.2.0", "wasi:http/handler@0.3.0", false},
      {"spin:up/http-trigger@4.0.0", "wasi:cli/types@0.3.0", "wasi:http/handler@0.3.0", false},
      {"spin:up/http-trigger@4.1.0", "wasi:cli/types@0.3.0", "wasi:http/handler@0.3.0", true},
      {"spin:up/http-trigger@4.1.0",
       "wasi:cli/types@0.3.0-rc-2026-03-15",
       "wasi:http/handler@0.3.0-rc-2026-03-15",
       true},
      {"spin:up/http-trigger@4.1.0",
       "spin:variables/variables@3.0.0",
       "wasi:http/incoming-handler@0.2.0",
       true},
      {"spin:up/http-trigger@4.1.0",
       "wasi:nn/tensor@0.2.0",
       "wasi:http/incoming-handler@0.2.0",
       false},
      {"spin:up/redis-trigger@4.1.0", "fermyon:spin/redis@2.0.0", "fermyon:spin/inbound-redis", true
      },
      {"spin:up/redis-trigger@4.1.0", "fermyon:spin/redis@2.0.0", "wasi:cli/run@0.2.0", false},
      {"spin:up/platform@3.6.0", "fermyon:spin/llm@2.0.0", "wasi:cli/run@0.2.0", true},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.world);
    CAPTURE(tried.import);
    CAPTURE(tried.handler);
    CHECK(fits(tried.world, tried.import, tried.handler) == tried.fits);
  }
}

}  // namespace whorl::build
