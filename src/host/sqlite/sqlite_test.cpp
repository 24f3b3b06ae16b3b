#include "host/sqlite/backends/local_database.hpp"
#include "host/sqlite/sqlite_capability.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>

namespace whorl::host::sqlite {
namespace {

namespace v1 = wit::fermyon_spin_sqlite_v1;
namespace v2 = wit::fermyon_spin_sqlite;
namespace v3 = wit::spin_sqlite_sqlite;

struct World : test::Scene {
  World() {
    capability.link(registry);
    hosts.resize(registry.size());
    const auto database = make_local_database({}, lanes);
    const AppSqliteCapability app(capability, {{"default", database}, {"other", database}});
    app::Component component;
    component.sqlite_databases = {"default"};
    auto granted = app.grant(component);
    REQUIRE(granted);
    grant = *std::move(granted);
    own = grant->prepare(hosts);
  }
  template <class Host>
  Host& host(const component::HostInterface& interface) {
    const auto match = registry.find(interface.name, interface.version);
    REQUIRE(match);
    return *static_cast<Host*>(hosts[match->host_slot]);
  }

  SqlLanes lanes;
  component::HostRegistry registry;
  SqliteCapability capability;
  std::vector<void*> hosts;
  std::unique_ptr<const Grant> grant;
  std::unique_ptr<InstanceHosts> own;
};

TEST_CASE("what is not defined fails the start, in Spin's words") {
  const AppSqliteCapability app(SqliteCapability{}, {});
  app::LockedApp locked;
  locked.components.resize(2);
  CHECK(app.check(locked));
  locked.components[0].id = "a";
  locked.components[0].sqlite_databases = {"x"};
  locked.components[1].id = "b";
  locked.components[1].sqlite_databases = {"y"};
  const auto checked = app.check(locked);
  REQUIRE_FALSE(checked);
  CHECK(
      checked.error().message() ==
      "One or more components use SQLite databases which are not defined.\n"
      "Check the spelling, or pass a runtime configuration file that defines these stores.\n"
      "Details:\n- Component a uses database 'x'\n- Component b uses database 'y'"
  );
}

TEST_CASE("fermyon:spin/sqlite@2.0.0: values cross unchanged") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    CHECK((*host.connection_open(world.call, "other")).error() == v2::Error::access_denied());
    auto opened = host.connection_open(world.call, "default");
    v2::Connection& connection = ***opened;
    const std::vector<v2::Value> values{
        v2::Value::integer(-1),
        v2::Value::real(0.5),
        v2::Value::text("t"),
        v2::Value::blob({1, 2}),
        v2::Value::null(),
    };
    const auto result = connection.execute(world.call, "SELECT ?, ?, ?, ?, ? AS last", values);
    REQUIRE(result->has_value());
    CHECK((**result).columns == std::vector<std::string>{"?", "?", "?", "?", "last"});
    CHECK((**result).rows == std::vector<v2::RowResult>{{values}});
    CHECK(
        (*connection.execute(world.call, "nonsense", {})).error() ==
        v2::Error::io("near \"nonsense\": syntax error in nonsense at offset 0")
    );
  });
}

TEST_CASE("spin:sqlite@3: what a connection has done") {
  World world;
  world.run([&] {
    auto& host = world.host<v3::Host>(v3::kInterface);
    CHECK((*host.connection_open(world.call, "")).error() == v3::Error::access_denied());
    auto opened = host.connection_open(world.call, "default");
    v3::Connection& connection = ***opened;
    CHECK(*connection.last_insert_rowid(world.call) == 0);
    CHECK(*connection.changes(world.call) == 0);
    CHECK((*connection.execute(world.call, "CREATE TABLE t(x)", {})).has_value());
    CHECK((*connection.execute(world.call, "INSERT INTO t VALUES(1),(2)", {})).has_value());
    CHECK(*connection.last_insert_rowid(world.call) == 2);
    CHECK(*connection.changes(world.call) == 2);
    const auto result =
        connection.execute(world.call, "SELECT x FROM t WHERE x > ?", {v3::Value::integer(1)});
    CHECK((**result).rows == std::vector<v3::RowResult>{{{v3::Value::integer(2)}}});
  });
}

TEST_CASE("fermyon:spin/sqlite without version, and the number of connections") {
  World world;
  world.run([&] {
    auto& host = world.host<v1::Host>(v1::kInterface);
    CHECK((*host.open(world.call, "other")).error() == v1::Error::access_denied());
    const v1::Connection first = **host.open(world.call, "default");
    const auto result = host.execute(world.call, first, "SELECT 'a' AS x", {});
    CHECK((**result).columns == std::vector<std::string>{"x"});
    CHECK((**result).rows == std::vector<v1::RowResult>{{{v1::Value::text("a")}}});
    REQUIRE(host.close(world.call, first));
    CHECK(
        (*host.execute(world.call, first, "SELECT 1", {})).error() ==
        v1::Error::invalid_connection()
    );
    auto& newer = world.host<v2::Host>(v2::kInterface);
    {
      auto counted_too = newer.connection_open(world.call, "default");
      for (std::size_t i = 1; i < kMaxConnections; ++i) {
        REQUIRE((*host.open(world.call, "default")).has_value());
      }
      CHECK(
          (*host.open(world.call, "default")).error() ==
          v1::Error::io("too many connections opened")
      );
    }
    CHECK((*host.open(world.call, "default")).has_value());
    CHECK(
        (*newer.connection_open(world.call, "default")).error() ==
        v2::Error::io("too many connections opened")
    );
    world.own->reset();
    CHECK((*newer.connection_open(world.call, "default")).has_value());
    CHECK(**host.open(world.call, "default") == 0);
  });
}

}  // namespace
}  // namespace whorl::host::sqlite
