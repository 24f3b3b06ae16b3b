#include "component/host.hpp"

#include <doctest/doctest.h>

namespace whorl::component {
namespace {

constexpr HostInterface offered(const char* name, const char* version) {
  return {name, version, {}, {}};
}

TEST_CASE("an interface is found by name and compatible version") {
  constexpr HostInterface kStreams02 = offered("wasi:io/streams", "0.2.12");
  constexpr HostInterface kStreams01 = offered("wasi:io/streams", "0.1.9");
  constexpr HostInterface kStreamsRc = offered("wasi:io/streams", "0.2.0-rc-2023-11-10");
  constexpr HostInterface kStreams1 = offered("wasi:io/streams", "1.2.0");
  constexpr HostInterface kStreams13 = offered("wasi:io/streams", "1.13.0");
  constexpr HostInterface kStreams001 = offered("wasi:io/streams", "0.0.3");
  constexpr HostInterface kPlain = offered("fermyon:spin/llm", "");
  HostRegistry registry;
  const HostInterface* const all[] = {
      &kStreams02, &kStreams01, &kStreamsRc, &kStreams13, &kStreams1, &kStreams001, &kPlain
  };
  for (const HostInterface* interface : all) {
    registry.add(*interface);
  }
  struct Row {
    const char* name;
    const char* version;
    const char* found;  ///< version, null: none
  };
  const Row rows[] = {
      {"wasi:io/streams", "0.2.12", "0.2.12"},
      {"wasi:io/streams", "0.2.0", "0.2.12"},
      {"wasi:io/streams", "0.2.99", "0.2.12"},
      {"wasi:io/streams", "0.1.0", "0.1.9"},
      {"wasi:io/streams", "0.3.0", nullptr},
      {"wasi:io/streams", "1.2.0", "1.2.0"},
      {"wasi:io/streams", "1.3.0", "1.13.0"},
      {"wasi:io/streams", "2.0.0", nullptr},
      {"wasi:io/streams", "0.0.3", "0.0.3"},
      {"wasi:io/streams", "0.0.2", nullptr},
      {"wasi:io/streams", "0.2.0-rc-2023-11-10", "0.2.0-rc-2023-11-10"},
      {"wasi:io/streams", "0.2.0-rc-2023-12-05", nullptr},
      {"wasi:io/streams", "", nullptr},
      {"wasi:io/streams", "junk", nullptr},
      {"wasi:io/poll", "0.2.0", nullptr},
      {"fermyon:spin/llm", "", ""},
      {"fermyon:spin/llm", "2.0.0", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CAPTURE(row.version);
    const auto match = registry.find(row.name, row.version);
    REQUIRE(match.has_value() == (row.found != nullptr));
    if (match) {
      CHECK(std::string(match->interface->version) == row.found);
      CHECK(match->interface == all[match->host_slot]);
    }
  }
  CHECK(registry.size() == 7);
  CHECK(registry.versions_of("fermyon:spin/llm") == std::vector<std::string>{""});
  CHECK(registry.versions_of("wasi:io/streams").size() == 6);
  CHECK(registry.names() == std::vector<std::string>{"fermyon:spin/llm", "wasi:io/streams"});
}

}  // namespace
}  // namespace whorl::component
