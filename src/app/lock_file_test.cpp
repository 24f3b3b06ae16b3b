#include "app/lock_file.hpp"

#include "app/json.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace whorl::app {
namespace {

LockedApp good(std::string_view json) {
  auto app = read_lock(json);
  if (!app) {
    FAIL(app.error().to_line());
  }
  return *std::move(app);
}

std::string bad(std::string_view json) {
  auto app = read_lock(json);
  REQUIRE_FALSE(app);
  return app.error().to_line();
}

/// Everything there is, in the order and form in which it is written.
constexpr std::string_view kMaximal = R"({
  "spin_lock_version": 1,
  "must_understand": [
    "host_requirements",
    "component_host_requirements"
  ],
  "metadata": {
    "authors": [
      "A"
    ],
    "custom": {
      "k": [
        1,
        -2.5,
        null,
        true
      ]
    },
    "description": "d",
    "name": "shop",
    "origin": "file:///apps/shop/spin.toml",
    "profile": "debug",
    "trigger": {
      "base": "/",
      "type": "http"
    },
    "triggers": {
      "http": {
        "base": "/"
      }
    },
    "version": "1"
  },
  "host_requirements": {
    "teleport": "optional"
  },
  "variables": {
    "key": {
      "secret": true
    },
    "region": {
      "description": "",
      "default": "eu"
    }
  },
  "triggers": [
    {
      "id": "t",
      "trigger_type": "http",
      "trigger_config": {
        "component": "cart",
        "route": "/..."
      },
      "trigger_dependencies": {
        "x": []
      }
    }
  ],
  "components": [
    {
      "id": "cart",
      "metadata": {
        "ai_models": [
          "m"
        ],
        "allowed_outbound_hosts": [
          "http://x.spin.internal"
        ],
        "build": {
          "command": "make"
        },
        "databases": [
          "default"
        ],
        "description": "c",
        "key_value_stores": [
          "default"
        ]
      },
      "source": {
        "content_type": "application/wasm",
        "source": "file:///apps/a%20b/cart.wasm"
      },
      "env": {
        "A": "1",
        "B": "\"\\\n\u0001\u00e9"
      },
      "files": [
        {
          "source": "file:///w/assets/cart",
          "path": "/"
        },
        {
          "digest": "sha256:00",
          "path": "/x"
        },
        {
          "inline": "aGk=",
          "path": "y"
        }
      ],
      "config": {
        "v": "{{ key }}"
      },
      "dependencies": {
        "lib": {
          "source": {
            "content_type": "application/wasm",
            "source": "file:///d.wasm"
          },
          "export": null,
          "inherit": {
            "Some": [
              "files"
            ]
          }
        },
        "a:b/c": {
          "source": {
            "content_type": "application/wasm",
            "source": "file:///d.wasm"
          },
          "export": null
        },
        "a:b/d": {
          "source": {
            "content_type": "application/wasm",
            "digest": "sha256:01"
          },
          "export": "e",
          "inherit": "All"
        }
      },
      "trigger_dependencies": {
        "middleware": [
          {
            "source": {
              "content_type": "application/wasm",
              "source": "file:///m.wasm"
            },
            "export": null
          }
        ]
      },
      "host_requirements": {
        "local_service_chaining": "required",
        "middleware": "required"
      }
    }
  ]
})";

TEST_CASE("a whole lock file is read, and written again to the byte") {
  std::string json(kMaximal);
  const auto escaped = json.find("\\u00e9");
  json.replace(escaped, 6, "\xC3\xA9");
  const LockedApp app = good(kMaximal);
  CHECK(write_lock(app) == json);

  CHECK(app.name == "shop");
  CHECK(app.profile == "debug");
  CHECK(app.metadata.find("custom") != nullptr);
  CHECK(app.variables.at("key").is_secret);
  CHECK_FALSE(app.variables.at("key").default_value);
  REQUIRE(app.components.size() == 1);
  const Component& cart = app.components[0];
  CHECK(cart.source_path == "/apps/a b/cart.wasm");
  CHECK(cart.environment.at("B") == "\"\\\n\x01\xC3\xA9");
  CHECK(cart.variables.at("v") == "{{ key }}");
  CHECK(cart.sqlite_databases == std::vector<std::string>{"default"});
  CHECK(cart.files[2].content.inline_bytes == "hi");
  CHECK(cart.dependencies.at("lib").inherit.grants == std::vector<std::string>{"files"});
  CHECK(cart.dependencies.at("a:b/d").export_name == "e");
  CHECK(cart.trigger_dependencies.at("middleware").size() == 1);
  CHECK(cart.mounts.empty());
}

TEST_CASE("dependencies stand where Spin puts them") {
  LockedApp app;
  app.components.push_back({.id = "c", .source_path = "/c"});
  for (const char* name :
       {"a:b/c",
        "z",
        "a:b@1.0.0",
        "a-b:c",
        "ab:c",
        "a:b@1.10.0/c",
        "a:b@1.9.0/d",
        "a:b",
        "lib",
        "a:b@1.9.0-rc.1/d"}) {
    app.components[0].dependencies[name].source.url = "file:///x";
  }
  const std::string lock = write_lock(app);
  std::size_t at = 0;
  for (const std::string name :
       {"lib",
        "z",
        "a:b",
        "a:b/c",
        "a:b@1.0.0",
        "a:b@1.9.0-rc.1/d",
        "a:b@1.9.0/d",
        "a:b@1.10.0/c",
        "a-b:c",
        "ab:c"}) {
    CAPTURE(name);
    const auto found = lock.find("\"" + name + "\"");
    CHECK(found > at);
    at = found;
  }
}

TEST_CASE("small and old lock files") {
  const LockedApp app = good(R"({"spin_lock_version":0,"metadata":{"name":"a","trigger":
    {"type":"redis","address":"redis://x"}},"triggers":[],"components":[{"id":"c","source":
    {"content_type":"application/wasm","digest":"sha256:02"},
    "metadata":{"allowed_http_hosts":["a.b"]}}]})");
  CHECK(*app.trigger_globals.find("redis")->find("address")->as_string() == "redis://x");
  CHECK(app.components[0].source_path.empty());
  CHECK(
      app.components[0].allowed_outbound_hosts ==
      std::vector<std::string>{"http://a.b", "https://a.b"}
  );
  // An app without anything is one, too.
  CHECK(good(R"({"spin_lock_version": 0})").components.empty());
  CHECK(good(R"({"spin_lock_version": 1, "variables": null})").variables.empty());
}

TEST_CASE("lock files that are refused") {
  struct Row {
    std::string_view json;
    std::string_view expected;
  };
  const std::string_view kUnknown =
      "This version of Spin does not support the following features required by this application: ";
  const std::string teleport = std::string(kUnknown) + "teleport";
  const std::string both = std::string(kUnknown) + "time_travel, teleport";
  const Row rows[] = {
      {"", "reading the lock file: no JSON after byte 0: incomplete JSON"},
      {"[]", "`spin_lock_version` of the lock file is not an integer"},
      {R"({"spin_lock_version": 2})", "lock files of version 2 are not known, only those up to 1"},
      {R"({"spin_lock_version": 1, "host_requirements": {"teleport": "required"}})", teleport},
      {R"({"spin_lock_version": 1, "must_understand": ["time_travel", "host_requirements"],
          "host_requirements": {"teleport": "required"}})",
       both},
      {R"({"spin_lock_version": 0, "metadata": 1})", "`metadata` of the lock file is not an object"
      },
      {R"({"spin_lock_version": 0, "metadata": {"authors": [1]}})",
       "`metadata.authors` of the lock file is not a string"},
      {R"({"spin_lock_version": 0, "triggers": {}})", "`triggers` of the lock file is not a list"},
      {R"({"spin_lock_version": 0, "triggers": [{"id": "x"}]})",
       "`triggers[0]` of the lock file is not a trigger: it needs `trigger_type` and "
       "`trigger_config`"},
      {R"({"spin_lock_version": 0, "components": [{"id": "x"}]})",
       "`components[0]` of the lock file is not a component: it has no `source`"},
      {R"({"spin_lock_version": 0, "components": [{"source": {}}]})",
       "`components[0]` of the lock file is not a component: it has no `id`"},
      {R"({"spin_lock_version": 0, "components": [{"id": "../x", "source": {}}]})",
       "`components[0].id` of the lock file is not a name that files can have"},
      {R"({"spin_lock_version": 0, "components": [{"id": "..", "source": {}}]})",
       "`components[0].id` of the lock file is not a name that files can have"},
      {R"({"spin_lock_version": 0, "components": [{"id": "x", "source": {}}]})",
       "`components[0].source` of the lock file is not a content reference: it has neither "
       "`source` nor `digest` nor `inline`"},
      {R"({"spin_lock_version": 0, "components": [{"id": "x", "source": {"inline": "a"}}]})",
       "`components[0].source.inline` of the lock file is not base64"},
      {R"({"spin_lock_version": 0, "components": [
          {"id": "x", "source": {"source": "u"}}, {"id": "x", "source": {"source": "u"}}]})",
       "component \"x\" is in the lock file twice"},
      {R"({"spin_lock_version": 0, "components": [{"id": "x", "source": {"source": "u"},
          "dependencies": {"d": {"source": {"source": "u"}, "inherit": 7}}}]})",
       "`components[0].dependencies.d.inherit` of the lock file is not \"All\" or {\"Some\": […]}"},
      {R"({"spin_lock_version": 0, "variables": {"x": {"secret": 1}}})",
       "`variables.x.secret` of the lock file is not a boolean"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    CHECK(bad(row.json) == row.expected);
  }
  CHECK(bad(std::string(100, '[')).contains("nested more than 64 deep"));
}

TEST_CASE("numbers and texts as serde writes them") {
  const auto compact = [](std::string_view json) {
    auto value = parse_json(json, 1000);
    return value ? to_json(*value, JsonStyle::Compact) : value.error().message();
  };
  CHECK(
      compact(R"( {"b": 1, "a": [1.0, 1e30, -0.5, 9223372036854775807, true, null, {}, []]} )") ==
      R"({"b":1,"a":[1.0,1e+30,-0.5,9223372036854775807,true,null,{},[]]})"
  );
  CHECK(compact(R"("\b\f\t\/\u001f\ud83d\ude00")") == "\"\\b\\f\\t/\\u001f\xF0\x9F\x98\x80\"");
  CHECK(compact("\"\xFF\"").starts_with("no JSON after byte"));
  CHECK(compact("1 2").starts_with("no JSON after byte"));
  CHECK(parse_json("[1]", 2).error().kind() == ErrorKind::ResourceLimit);
}

TEST_CASE("lock files that Spin wrote mean the same after reading and writing") {
  const std::filesystem::path folder =
      std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/suites/spin/crates/loader/tests/ui";
  std::error_code none;
  if (!std::filesystem::is_directory(folder, none)) {
    MESSAGE("skipped: no suite of Spin's beside the tree");
    return;
  }
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".lock") {
      continue;
    }
    CAPTURE(entry.path().string());
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    CHECK(write_lock(good(text.str())) == text.str());
    ++count;
  }
  CHECK(count >= 7);
}

}  // namespace
}  // namespace whorl::app
