#include "host/key_value/backends/sqlite_file.hpp"
#include "host/key_value/key_value_capability.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace whorl::host::key_value {
namespace {

namespace v1 = wit::fermyon_spin_key_value_v1;
namespace v2 = wit::fermyon_spin_key_value;
namespace v3 = wit::spin_key_value_key_value;
namespace wasi_store = wit::wasi_keyvalue_store;
namespace wasi_atomics = wit::wasi_keyvalue_atomics;
namespace wasi_batch = wit::wasi_keyvalue_batch;

/// A component that may use `default`, of two stores that there are.
struct World : test::Scene {
  World() {
    capability.link(registry);
    hosts.resize(registry.size());
    const AppKeyValueCapability app(
        capability, {{"default", file->store("default")}, {"other", file->store("other")}}
    );
    app::Component component;
    component.id = "c";
    component.key_value_stores = {"default"};
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

  async::BlockingPool pool;
  std::shared_ptr<SqliteFile> file = SqliteFile::make("", pool);
  component::HostRegistry registry;
  KeyValueCapability capability;
  std::vector<void*> hosts;
  std::unique_ptr<const Grant> grant;
  std::unique_ptr<InstanceHosts> own;
};

Bytes bytes_of(std::string_view text) {
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

TEST_CASE("a label that was not configured fails the start, in Spin's words") {
  const AppKeyValueCapability app(KeyValueCapability{}, {});
  app::Component component;
  component.id = "c";
  component.key_value_stores = {"special"};
  const auto refused = app.grant(component);
  REQUIRE_FALSE(refused);
  CHECK(
      refused.error().message() == "unknown key_value_stores label \"special\" for component \"c\""
  );
}

TEST_CASE("fermyon:spin/key-value@2.0.0") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    for (const char* label : {"other", "nope", ""}) {
      CHECK((*host.store_open(world.call, label)).error() == v2::Error::access_denied());
    }
    auto opened = host.store_open(world.call, "default");
    v2::Store& store = ***opened;
    CHECK(**store.get(world.call, "k") == std::nullopt);
    CHECK(**store.exists(world.call, "k") == false);
    CHECK((*store.delete_(world.call, "k")).has_value());
    CHECK((*store.set(world.call, "k", as_bytes("v"))).has_value());
    CHECK(**store.get(world.call, "k") == bytes_of("v"));
    CHECK(**store.exists(world.call, "k") == true);
    CHECK(**store.get_keys(world.call) == std::vector<std::string>{"k"});
    CHECK((*store.delete_(world.call, "k")).has_value());
    CHECK((**store.get_keys(world.call)).empty());
  });
}

TEST_CASE("spin:key-value@3.0.0") {
  World world;
  world.run([&] {
    auto& host = world.host<v3::Host>(v3::kInterface);
    CHECK((*host.store_open(world.call, "other")).error() == v3::Error::access_denied());
    auto opened = *host.store_open(world.call, "default");
    REQUIRE(opened);
    v3::Store& store = **opened;
    CHECK(**store.get(world.call, "a") == std::nullopt);
    CHECK((*store.set(world.call, "a", bytes_of("1"))).has_value());
    CHECK(**store.get(world.call, "a") == bytes_of("1"));
    CHECK(**store.exists(world.call, "a"));
    CHECK(store.get_keys(world.call).has_value());
    CHECK((*store.delete_(world.call, "a")).has_value());
    CHECK_FALSE(**store.exists(world.call, "a"));
  });
}

TEST_CASE("fermyon:spin/key-value without version") {
  World world;
  world.run([&] {
    auto& host = world.host<v1::Host>(v1::kInterface);
    CHECK((*host.open(world.call, "other")).error() == v1::Error::access_denied());
    const v1::Store store = **host.open(world.call, "default");
    CHECK((*host.get(world.call, store, "k")).error() == v1::Error::no_such_key());
    CHECK((*host.set(world.call, store, "k", as_bytes("v"))).has_value());
    CHECK(**host.get(world.call, store, "k") == bytes_of("v"));
    CHECK(**host.exists(world.call, store, "k") == true);
    CHECK(**host.get_keys(world.call, store) == std::vector<std::string>{"k"});
    CHECK((*host.delete_(world.call, store, "k")).has_value());
    CHECK(**host.exists(world.call, store, "k") == false);
    REQUIRE(host.close(world.call, store));
    REQUIRE(host.close(world.call, store));
    CHECK((*host.get(world.call, store, "k")).error() == v1::Error::invalid_store());
    CHECK((*host.set(world.call, 99, "k", {})).error() == v1::Error::invalid_store());
    CHECK((*host.delete_(world.call, 99, "k")).error() == v1::Error::invalid_store());
    CHECK((*host.exists(world.call, 99, "k")).error() == v1::Error::invalid_store());
    CHECK((*host.get_keys(world.call, 99)).error() == v1::Error::invalid_store());
    v1::Store last = 0;
    for (std::size_t i = 0; i < SpinV1Host::kMaxOpen; ++i) {
      last = **host.open(world.call, "default");
    }
    CHECK((*host.open(world.call, "default")).error() == v1::Error::store_table_full());
    world.own->reset();
    CHECK((*host.exists(world.call, last, "k")).error() == v1::Error::invalid_store());
    CHECK(**host.open(world.call, "default") == 0);
  });
}

TEST_CASE("wasi:keyvalue") {
  World world;
  world.run([&] {
    auto& stores = world.host<wasi_store::Host>(wasi_store::kInterface);
    auto& atomics = world.host<wasi_atomics::Host>(wasi_atomics::kInterface);
    auto& batch = world.host<wasi_batch::Host>(wasi_batch::kInterface);
    CHECK((*stores.open(world.call, "other")).error() == wasi_store::Error::access_denied());
    auto opened = stores.open(world.call, "default");
    wasi_store::Bucket& bucket = ***opened;
    CHECK((*bucket.set(world.call, "a", as_bytes("1"))).has_value());
    CHECK(**bucket.get(world.call, "a") == bytes_of("1"));
    CHECK(**bucket.get(world.call, "b") == std::nullopt);
    CHECK(**bucket.exists(world.call, "a") == true);
    const auto listed = **bucket.list_keys(world.call, std::nullopt);
    CHECK(listed.keys == std::vector<std::string>{"a"});
    CHECK(listed.cursor == std::nullopt);
    CHECK(
        (*bucket.list_keys(world.call, "0")).error() ==
        wasi_store::Error::other("list_keys: cursor not supported")
    );
    CHECK((*bucket.delete_(world.call, "a")).has_value());

    CHECK((*batch.set_many(world.call, bucket, {{"x", as_bytes("1")}, {"y", as_bytes("2")}})
    ).has_value());
    CHECK(
        **batch.get_many(world.call, bucket, {"x", "z", "y"}) ==
        FoundPairs{{"x", bytes_of("1")}, {"y", bytes_of("2")}}
    );
    CHECK((**batch.get_many(world.call, bucket, {})).empty());
    CHECK((*batch.set_many(world.call, bucket, {})).has_value());
    CHECK((*batch.delete_many(world.call, bucket, {"x", "z"})).has_value());
    CHECK((*batch.delete_many(world.call, bucket, {})).has_value());
    CHECK(**bucket.exists(world.call, "x") == false);

    CHECK(**atomics.increment(world.call, bucket, "n", 10) == 10);
    CHECK(**atomics.increment(world.call, bucket, "n", 5) == 15);
    CHECK(
        (*atomics.increment(world.call, bucket, "y", 5)).error() ==
        wasi_store::Error::other("the value has 1 bytes; a number has 8")
    );

    // Without current() a swap expects nothing to be there.
    auto first = std::move(**atomics.cas_new(world.call, bucket, "c"));
    CHECK((*atomics.swap(world.call, std::move(first), as_bytes("1"))).has_value());
    auto second = std::move(**atomics.cas_new(world.call, bucket, "c"));
    CHECK(**second->current(world.call) == bytes_of("1"));
    CHECK((*bucket.set(world.call, "c", as_bytes("changed"))).has_value());
    auto failed = atomics.swap(world.call, std::move(second), as_bytes("2"));
    REQUIRE_FALSE(failed->has_value());
    REQUIRE(failed->error().tag == wasi_atomics::CasError::Tag::CasFailed);
    auto third = std::move(failed->error().as<component::Own<wasi_atomics::Cas>>());
    CHECK(**bucket.get(world.call, "c") == bytes_of("changed"));
    // The new handle has read what is there.
    CHECK((*atomics.swap(world.call, std::move(third), as_bytes("3"))).has_value());
    CHECK(**bucket.get(world.call, "c") == bytes_of("3"));

    // What handles hold is bounded, and given back with them.
    const std::string long_key(WasiAtomicsHost::kMaxKept / 2, 'k');
    auto holder = std::move(**atomics.cas_new(world.call, bucket, long_key));
    CHECK(
        (*atomics.cas_new(world.call, bucket, long_key)).error() ==
        wasi_store::Error::other("the component's handles hold too many keys and values")
    );
    holder.reset();
    CHECK((*atomics.cas_new(world.call, bucket, long_key)).has_value());
  });
}

TEST_CASE("a guest that is being ended, or has not begun, does not wait") {
  World world;
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    auto opened = host.store_open(world.call, "default");
    component::Call start_call{world.call.instance, world.call.store, nullptr};
    const auto early = (**opened)->get(start_call, "k");
    REQUIRE_FALSE(early);
    CHECK(early.error().message.starts_with("the guest waited in its start function"));
    world.fiber.is_cancelled = true;
    const auto late = (**opened)->get(world.call, "k");
    REQUIRE_FALSE(late);
    CHECK(late.error().message == "the guest was ended while it waited");
  });
}

}  // namespace
}  // namespace whorl::host::key_value
