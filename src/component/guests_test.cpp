// Plans of real guests against the host's generated interfaces. Loudly skipped where there are no
// prebuilt guests.
#include "component/binary.hpp"
#include "component/core_module.hpp"
#include "component/plan.hpp"
#include "component/test_wasm.hpp"
#include "wit/wasi_cli_environment.hpp"
#include "wit/wasi_cli_exit.hpp"
#include "wit/wasi_cli_stderr.hpp"
#include "wit/wasi_cli_stdin.hpp"
#include "wit/wasi_cli_stdout.hpp"
#include "wit/wasi_cli_terminal_input.hpp"
#include "wit/wasi_cli_terminal_output.hpp"
#include "wit/wasi_cli_terminal_stderr.hpp"
#include "wit/wasi_cli_terminal_stdin.hpp"
#include "wit/wasi_cli_terminal_stdout.hpp"
#include "wit/wasi_clocks_monotonic_clock.hpp"
#include "wit/wasi_clocks_wall_clock.hpp"
#include "wit/wasi_filesystem_preopens.hpp"
#include "wit/wasi_filesystem_types.hpp"
#include "wit/wasi_http_outgoing_handler.hpp"
#include "wit/wasi_http_types.hpp"
#include "wit/wasi_io_error.hpp"
#include "wit/wasi_io_poll.hpp"
#include "wit/wasi_io_streams.hpp"
#include "wit/wasi_random_insecure.hpp"
#include "wit/wasi_random_insecure_seed.hpp"
#include "wit/wasi_random_random.hpp"
#include "wit/wasi_sockets_instance_network.hpp"
#include "wit/wasi_sockets_ip_name_lookup.hpp"
#include "wit/wasi_sockets_network.hpp"
#include "wit/wasi_sockets_tcp.hpp"
#include "wit/wasi_sockets_tcp_create_socket.hpp"
#include "wit/wasi_sockets_udp.hpp"
#include "wit/wasi_sockets_udp_create_socket.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace whorl::component {
namespace {

const HostRegistry& registry() {
  static const HostRegistry kRegistry = [] {
    HostRegistry made;
    for (const HostInterface* interface : {
             &wit::wasi_cli_environment::kInterface,
             &wit::wasi_cli_exit::kInterface,
             &wit::wasi_cli_stderr::kInterface,
             &wit::wasi_cli_stdin::kInterface,
             &wit::wasi_cli_stdout::kInterface,
             &wit::wasi_cli_terminal_input::kInterface,
             &wit::wasi_cli_terminal_output::kInterface,
             &wit::wasi_cli_terminal_stderr::kInterface,
             &wit::wasi_cli_terminal_stdin::kInterface,
             &wit::wasi_cli_terminal_stdout::kInterface,
             &wit::wasi_clocks_monotonic_clock::kInterface,
             &wit::wasi_clocks_wall_clock::kInterface,
             &wit::wasi_filesystem_preopens::kInterface,
             &wit::wasi_filesystem_types::kInterface,
             &wit::wasi_http_outgoing_handler::kInterface,
             &wit::wasi_http_types::kInterface,
             &wit::wasi_io_error::kInterface,
             &wit::wasi_io_poll::kInterface,
             &wit::wasi_io_streams::kInterface,
             &wit::wasi_random_insecure::kInterface,
             &wit::wasi_random_insecure_seed::kInterface,
             &wit::wasi_random_random::kInterface,
             &wit::wasi_sockets_instance_network::kInterface,
             &wit::wasi_sockets_ip_name_lookup::kInterface,
             &wit::wasi_sockets_network::kInterface,
             &wit::wasi_sockets_tcp::kInterface,
             &wit::wasi_sockets_tcp_create_socket::kInterface,
             &wit::wasi_sockets_udp::kInterface,
             &wit::wasi_sockets_udp_create_socket::kInterface,
         }) {
      made.add(*interface);
    }
    return made;
  }();
  return kRegistry;
}

std::optional<std::filesystem::path> guests() {
  const char* given = std::getenv("WHORL_GUESTS");
  std::filesystem::path path =
      given != nullptr ? given : std::filesystem::path(WHORL_SOURCE_DIR) / "../shared/guests";
  if (std::filesystem::exists(path)) {
    return path;
  }
  MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
  return std::nullopt;
}

Bytes read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST_CASE("components for WASI 0.2 are planned") {
  const auto path = guests();
  if (!path) {
    return;
  }
  struct Row {
    const char* file;
    std::size_t steps;   ///< core instances that are left
    std::size_t starts;  ///< start functions put off
    const char* version;
  };
  const Row rows[] = {
      {"c-hello.wasm", 1, 1, "0.2.4"},
      {"c-loop.wasm", 1, 1, "0.2.4"},
      // The adapter's functions need the shim; what goes through it to the host does not.
      {"c-p2.wasm", 4, 1, "0.2.4"},
      {"go-p2.wasm", 4, 1, "0.2.4"},
      {"rust-spin5-component.wasm", 4, 0, "0.2.0"},
      {"rust-wstd-wasip2.wasm", 4, 0, "0.2.12"},
      {"js-componentize-p2.wasm", 4, 0, "0.2.10"},
      {"js-spin-p2.wasm", 4, 0, "0.2.3"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const Bytes bytes = read_file(*path / row.file);
    const auto plan = plan_component(registry(), bytes, {});
    REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().to_line()));
    CHECK(plan->steps.size() == row.steps);
    CHECK(plan->deferred_starts.size() == row.starts);
    CHECK(plan->exports[0].interface == "wasi:http/incoming-handler");
    CHECK(plan->exports[0].version == row.version);
    CHECK(
        to_wit(plan->exports[0].shape) ==
        "func(request: incoming-request, response-out: response-outparam)"
    );
    CHECK(engine::to_string(plan->exports[0].core_type) == "(i32, i32) -> ()");
    const auto faithful = plan_component(registry(), bytes, {ShimMode::Faithful});
    REQUIRE(faithful);
    CHECK(faithful->steps.size() >= row.steps);
  }
}

TEST_CASE("functions of the host are called directly, without the shim") {
  const auto path = guests();
  if (!path) {
    return;
  }
  const Bytes bytes = read_file(*path / "rust-wstd-wasip2.wasm");
  const auto plan = plan_component(registry(), bytes, {});
  REQUIRE(plan);
  for (const Plan::Step& step : plan->steps) {
    for (const Plan::Binding& binding : step.imports) {
      if (binding.module.starts_with("wasi:")) {
        CAPTURE(binding.name);
        CHECK(binding.host.has_value());
      }
    }
  }
}

TEST_CASE("asynchronous components are linked, or what this host lacks for them is named") {
  const auto path = guests();
  if (!path) {
    return;
  }
  for (const char* file :
       {"c-p3.wasm",
        "js-qjs-p3.wasm",
        "py-spin5-p3.wasm",
        "rust-spin6-component.wasm",
        "rust-spin7-component.wasm",
        "rust-spin7-wasip2.wasm"}) {
    CAPTURE(file);
    const Bytes bytes = read_file(*path / file);
    CHECK(decode_component(bytes).has_value());
    const auto plan = plan_component(registry(), bytes, {});
    if (plan) {
      CHECK(plan->uses_async);
    } else {
      CHECK(plan.error().kind() == ErrorKind::Unsupported);
      CHECK_FALSE(plan.error().help().empty());
    }
  }
}

TEST_CASE("every prebuilt component decodes; cut at many places none is taken for another") {
  const auto path = guests();
  if (!path) {
    return;
  }
  int components = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*path)) {
    if (entry.path().extension() != ".wasm") {
      continue;
    }
    CAPTURE(entry.path().filename().string());
    const Bytes bytes = read_file(entry.path());
    if (*detect_binary(bytes) == BinaryKind::Component) {
      ++components;
      const auto decoded = decode_component(bytes);
      CHECK_MESSAGE(decoded, (decoded ? "" : decoded.error().to_line()));
    }
    // Most cuts fall into code: about 150 of them, and every byte near the end.
    const std::size_t step = bytes.size() / 97 + 1;
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      (void)plan_component(registry(), ByteView(bytes).first(size), {}).has_value();
    }
    for (std::size_t cut = 1; cut < 50; ++cut) {
      (void)plan_component(registry(), ByteView(bytes).first(bytes.size() - cut), {}).has_value();
    }
  }
  CHECK(components >= 15);
}

TEST_CASE("the world of a core module's component-type section is read") {
  const auto path = guests();
  if (!path) {
    return;
  }
  const Bytes core = read_file(*path / "c-p2-core.wasm");
  const auto scanned = CoreModule::scan(core);
  REQUIRE(scanned);
  REQUIRE(scanned->component_types().size() == 1);
  // The module itself needs preview 1: its world is put on one that does not.
  using namespace testing;
  const Bytes bare = module({
      section(1, vec({func_type({}, {0x7f}), func_type({0x7f, 0x7f}, {})})),
      section(2, vec({func_import("wasi:http/types@0.2.4", "[constructor]fields", 0)})),
      section(3, vec({Wasm{1}})),
      section(7, vec({core_export("wasi:http/incoming-handler@0.2.4#handle", 0, 1)})),
      section(10, vec({body({})})),
      section(0, Wasm().name("component-type:app").add(raw(scanned->component_types()[0].payload))),
  });
  const auto plan = plan_component(registry(), bare, {});
  REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().to_line()));
  REQUIRE(plan->exports.size() == 1);
  CHECK(plan->exports[0].shape_known);
  CHECK(
      to_wit(plan->exports[0].shape) ==
      "func(request: incoming-request, response-out: response-outparam)"
  );
}

}  // namespace
}  // namespace whorl::component
