#include "wasi/p2/hosts.hpp"

#include "wasi/p2/candidates.hpp"
#include "wasi/p2/streams.hpp"
#include "wasi/test_support.hpp"
#include "wit/wasi_cli_run.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>

namespace whorl::wasi::p2 {
namespace {

struct World : test::Scene {
  std::vector<EnvironmentVariable> environment{{"A", "1"}, {"B", ""}};
  InstanceContext context{timers, out, err, environment};
  P2Hosts hosts{context};
};

/// The host object of an interface, as its thunks find it.
template <class Host>
Host& host_of(P2Hosts& hosts, const component::HostInterface& interface) {
  component::HostRegistry registry;
  const Slots slots = register_p2(registry);
  std::vector<void*> objects(registry.size(), nullptr);
  hosts.fill(slots, objects);
  const auto match = registry.find(interface.name, interface.version);
  REQUIRE(match);
  REQUIRE(objects[match->host_slot] != nullptr);
  return *static_cast<Host*>(objects[match->host_slot]);
}

TEST_CASE("every interface has its place, and each with free functions its object") {
  World world;
  component::HostRegistry registry;
  static_cast<void>(registry.add(wit::wasi_cli_run::kInterface));  // slots need not begin at 0
  const Slots slots = register_p2(registry);
  std::vector<void*> objects(registry.size(), nullptr);
  world.hosts.fill(slots, objects);
  std::set<std::uint16_t> seen(slots.slots.begin(), slots.slots.end());
  CHECK(seen.size() == kInterfaceCount);
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    // Only one candidate has time zones.
    const bool is_october = name == october_timezone().name;
    const auto match = registry.find(name, is_october ? october_timezone().version : "0.2.0");
    REQUIRE(match);
    bool is_needed = false;
    for (const component::HostFunction& function : match->interface->functions) {
      is_needed |= !std::string_view(function.name).starts_with("[method]");
    }
    if (name != "wasi:cli/run") {
      CHECK((objects[match->host_slot] != nullptr) == is_needed);
    }
  }
}

TEST_CASE("a service has its environment and nothing else of a process") {
  World world;
  auto& environment =
      host_of<wit::wasi_cli_environment::Host>(world.hosts, wit::wasi_cli_environment::kInterface);
  CHECK(
      *environment.get_environment(world.call) ==
      std::vector<std::tuple<std::string, std::string>>{{"A", "1"}, {"B", ""}}
  );
  CHECK(environment.get_arguments(world.call)->empty());
  CHECK(*environment.initial_cwd(world.call) == std::nullopt);
  CHECK(host_of<wit::wasi_filesystem_preopens::Host>(
            world.hosts, wit::wasi_filesystem_preopens::kInterface
  )
            .get_directories(world.call)
            ->empty());
  CHECK(
      *host_of<wit::wasi_cli_terminal_stdout::Host>(
           world.hosts, wit::wasi_cli_terminal_stdout::kInterface
      )
           .get_terminal_stdout(world.call) == std::nullopt
  );
}

TEST_CASE("standard streams") {
  World world;
  auto out = *host_of<wit::wasi_cli_stdout::Host>(world.hosts, wit::wasi_cli_stdout::kInterface)
                  .get_stdout(world.call);
  auto err = *host_of<wit::wasi_cli_stderr::Host>(world.hosts, wit::wasi_cli_stderr::kInterface)
                  .get_stderr(world.call);
  auto in = *host_of<wit::wasi_cli_stdin::Host>(world.hosts, wit::wasi_cli_stdin::kInterface)
                 .get_stdin(world.call);
  REQUIRE(*out->blocking_write_and_flush(world.call, as_bytes("out")));
  REQUIRE(*err->blocking_write_and_flush(world.call, as_bytes("err")));
  CHECK(world.out.text == "out");
  CHECK(world.err.text == "err");
  auto read = *in->blocking_read(world.call, 10);
  REQUIRE_FALSE(read);
  CHECK(read.error().tag == StreamError::Tag::Closed);
  CHECK(*(*in->subscribe(world.call))->ready(world.call));
}

/// Input that is there from the start.
class TextInput final : public InputSource {
 public:
  explicit TextInput(std::string_view text) : text_(text) {}
  [[nodiscard]] ByteView available() override { return as_bytes(text_); }
  void consume(std::size_t count) override { text_.remove_prefix(count); }
  [[nodiscard]] bool is_ended() override { return true; }

 private:
  std::string_view text_;
};

TEST_CASE("a command has arguments and input") {
  test::Scene scene;
  TextInput input("hello");
  const std::vector<std::string> arguments{"program", "-x"};
  P2Hosts hosts(InstanceContext{
      .timers = scene.timers,
      .standard_output = scene.out,
      .standard_error = scene.err,
      .environment = {},
      .arguments = arguments,
      .standard_input = &input,
  });
  auto in = *host_of<wit::wasi_cli_stdin::Host>(hosts, wit::wasi_cli_stdin::kInterface)
                 .get_stdin(scene.call);
  CHECK(as_text(**in->blocking_read(scene.call, 3)) == "hel");
  CHECK(as_text(**in->read(scene.call, 100)) == "lo");
  CHECK_FALSE(*in->read(scene.call, 100));
  CHECK(
      *host_of<wit::wasi_cli_environment::Host>(hosts, wit::wasi_cli_environment::kInterface)
           .get_arguments(scene.call) == arguments
  );
}

TEST_CASE("exit ends the guest with a code") {
  World world;
  auto& host = host_of<wit::wasi_cli_exit::Host>(world.hosts, wit::wasi_cli_exit::kInterface);
  const auto code_of = [](const component::HostResult<>& result) {
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == engine::TrapKind::Exit);
    return result.error().exit_code;
  };
  CHECK(code_of(host.exit(world.call, {})) == 0);
  CHECK(code_of(host.exit(world.call, std::unexpected(component::Unit()))) == 1);
  CHECK(code_of(host.exit_with_code(world.call, 255)) == 255);
}

TEST_CASE("clocks and alarms") {
  World world;
  auto& clock = host_of<wit::wasi_clocks_monotonic_clock::Host>(
      world.hosts, wit::wasi_clocks_monotonic_clock::kInterface
  );
  const std::uint64_t start = *clock.now(world.call);
  CHECK(start == 1'000'000'000'000);
  CHECK(*clock.resolution(world.call) == 1);
  auto past = *clock.subscribe_instant(world.call, start);
  auto soon = *clock.subscribe_duration(world.call, 5);
  auto never = *clock.subscribe_duration(world.call, std::numeric_limits<std::uint64_t>::max());
  auto beyond = *clock.subscribe_instant(world.call, std::uint64_t{1} << 63);
  CHECK(*past->ready(world.call));
  CHECK_FALSE(*soon->ready(world.call));
  CHECK(soon->block(world.call));
  CHECK(*clock.now(world.call) == start + 5);
  CHECK_FALSE(*never->ready(world.call));
  CHECK_FALSE(*beyond->ready(world.call));

  auto& wall = host_of<wit::wasi_clocks_wall_clock::Host>(
      world.hosts, wit::wasi_clocks_wall_clock::kInterface
  );
  using std::chrono::system_clock;
  world.timers.set_wall(system_clock::time_point(std::chrono::nanoseconds(1'700'000'000'000'000'123)
  ));
  CHECK(*wall.now(world.call) == WallClockHost::Datetime{1'700'000'000, 123});
  world.timers.set_wall(system_clock::time_point(std::chrono::seconds(-1)));
  CHECK(*wall.now(world.call) == WallClockHost::Datetime{0, 0});
}

TEST_CASE("random numbers are bounded, and a seed lasts as long as its event") {
  World world;
  auto& random =
      host_of<wit::wasi_random_random::Host>(world.hosts, wit::wasi_random_random::kInterface);
  auto& insecure =
      host_of<wit::wasi_random_insecure::Host>(world.hosts, wit::wasi_random_insecure::kInterface);
  auto& seed = host_of<wit::wasi_random_insecure_seed::Host>(
      world.hosts, wit::wasi_random_insecure_seed::kInterface
  );
  CHECK(random.get_random_bytes(world.start_call, 0)->empty());
  CHECK(random.get_random_bytes(world.start_call, 33)->size() == 33);
  CHECK(random.get_random_bytes(world.start_call, kMaxRandomBytes)->size() == kMaxRandomBytes);
  CHECK_FALSE(random.get_random_bytes(world.start_call, kMaxRandomBytes + 1));
  CHECK_FALSE(random.get_random_bytes(world.start_call, std::numeric_limits<std::uint64_t>::max()));
  CHECK(insecure.get_insecure_random_bytes(world.call, 33)->size() == 33);
  CHECK_FALSE(
      insecure.get_insecure_random_bytes(world.call, std::numeric_limits<std::uint64_t>::max())
  );
  CHECK(*random.get_random_u64(world.call) != *random.get_random_u64(world.call));
  const auto first = *seed.insecure_seed(world.call);
  CHECK(*seed.insecure_seed(world.call) == first);
  world.hosts.reset();
  CHECK(*seed.insecure_seed(world.call) != first);
}

TEST_CASE("sockets are refused") {
  World world;
  auto network = *host_of<wit::wasi_sockets_instance_network::Host>(
                      world.hosts, wit::wasi_sockets_instance_network::kInterface
  )
                      .instance_network(world.call);
  REQUIRE(network != nullptr);
  using Family = wit::wasi_sockets_network::IpAddressFamily;
  CHECK(
      host_of<wit::wasi_sockets_tcp_create_socket::Host>(
          world.hosts, wit::wasi_sockets_tcp_create_socket::kInterface
      )
          .create_tcp_socket(world.call, Family::Ipv4)
          ->error() == SocketError::AccessDenied
  );
  CHECK(
      host_of<wit::wasi_sockets_udp_create_socket::Host>(
          world.hosts, wit::wasi_sockets_udp_create_socket::kInterface
      )
          .create_udp_socket(world.call, Family::Ipv6)
          ->error() == SocketError::AccessDenied
  );
  CHECK(
      host_of<wit::wasi_sockets_ip_name_lookup::Host>(
          world.hosts, wit::wasi_sockets_ip_name_lookup::kInterface
      )
          .resolve_addresses(world.call, *network, "example.org")
          ->error() == SocketError::PermanentResolverFailure
  );
}

}  // namespace
}  // namespace whorl::wasi::p2
