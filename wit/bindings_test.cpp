// What the generated tables say, against what the types say.
#include "component/flatten.hpp"
#include "component/host.hpp"
#include "component/types.hpp"
#include "wit/fermyon_spin_config_v1.hpp"
#include "wit/fermyon_spin_key_value.hpp"
#include "wit/fermyon_spin_key_value_v1.hpp"
#include "wit/fermyon_spin_llm.hpp"
#include "wit/fermyon_spin_llm_v1.hpp"
#include "wit/fermyon_spin_mqtt.hpp"
#include "wit/fermyon_spin_mysql.hpp"
#include "wit/fermyon_spin_mysql_v1.hpp"
#include "wit/fermyon_spin_postgres.hpp"
#include "wit/fermyon_spin_postgres_v1.hpp"
#include "wit/fermyon_spin_redis.hpp"
#include "wit/fermyon_spin_redis_v1.hpp"
#include "wit/fermyon_spin_sqlite.hpp"
#include "wit/fermyon_spin_sqlite_v1.hpp"
#include "wit/fermyon_spin_variables.hpp"
#include "wit/spin_postgres_postgres.hpp"
#include "wit/spin_postgres_postgres_v3.hpp"
#include "wit/spin_sqlite_sqlite.hpp"
#include "wit/wasi_cli_environment.hpp"
#include "wit/wasi_cli_exit.hpp"
#include "wit/wasi_cli_run.hpp"
#include "wit/wasi_clocks_monotonic_clock.hpp"
#include "wit/wasi_clocks_wall_clock.hpp"
#include "wit/wasi_config_store.hpp"
#include "wit/wasi_filesystem_preopens.hpp"
#include "wit/wasi_filesystem_types.hpp"
#include "wit/wasi_http_incoming_handler.hpp"
#include "wit/wasi_http_outgoing_handler.hpp"
#include "wit/wasi_http_types.hpp"
#include "wit/wasi_http_types_abi.hpp"
#include "wit/wasi_io_error.hpp"
#include "wit/wasi_io_poll.hpp"
#include "wit/wasi_io_streams.hpp"
#include "wit/wasi_keyvalue_atomics.hpp"
#include "wit/wasi_keyvalue_batch.hpp"
#include "wit/wasi_keyvalue_store.hpp"
#include "wit/wasi_random_insecure_seed.hpp"
#include "wit/wasi_random_random.hpp"
#include "wit/wasi_sockets_ip_name_lookup.hpp"
#include "wit/wasi_sockets_network.hpp"
#include "wit/wasi_sockets_network_abi.hpp"
#include "wit/wasi_sockets_tcp.hpp"
#include "wit/wasi_sockets_udp.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <type_traits>

namespace whorl::wit {
namespace {

using component::HostFunction;
using component::HostInterface;

const HostInterface* const kAll[] = {
    &fermyon_spin_config_v1::kInterface,
    &fermyon_spin_key_value::kInterface,
    &fermyon_spin_key_value_v1::kInterface,
    &fermyon_spin_mqtt::kInterface,
    &fermyon_spin_mysql::kInterface,
    &fermyon_spin_mysql_v1::kInterface,
    &fermyon_spin_postgres::kInterface,
    &fermyon_spin_postgres_v1::kInterface,
    &fermyon_spin_redis::kInterface,
    &fermyon_spin_redis_v1::kInterface,
    &fermyon_spin_llm::kInterface,
    &fermyon_spin_llm_v1::kInterface,
    &fermyon_spin_sqlite::kInterface,
    &fermyon_spin_sqlite_v1::kInterface,
    &spin_postgres_postgres::kInterface,
    &spin_postgres_postgres_v3::kInterface,
    &spin_sqlite_sqlite::kInterface,
    &wasi_keyvalue_atomics::kInterface,
    &wasi_keyvalue_batch::kInterface,
    &wasi_keyvalue_store::kInterface,
    &fermyon_spin_variables::kInterface,
    &wasi_config_store::kInterface,
    &wasi_cli_environment::kInterface,
    &wasi_cli_exit::kInterface,
    &wasi_cli_run::kInterface,
    &wasi_clocks_monotonic_clock::kInterface,
    &wasi_clocks_wall_clock::kInterface,
    &wasi_filesystem_preopens::kInterface,
    &wasi_filesystem_types::kInterface,
    &wasi_http_incoming_handler::kInterface,
    &wasi_http_outgoing_handler::kInterface,
    &wasi_http_types::kInterface,
    &wasi_io_error::kInterface,
    &wasi_io_poll::kInterface,
    &wasi_io_streams::kInterface,
    &wasi_random_insecure_seed::kInterface,
    &wasi_random_random::kInterface,
    &wasi_sockets_ip_name_lookup::kInterface,
    &wasi_sockets_network::kInterface,
    &wasi_sockets_tcp::kInterface,
    &wasi_sockets_udp::kInterface,
};

std::string text_of(const engine::FuncType& type) {
  static constexpr const char* kNames[] = {"i32", "i64", "f32", "f64"};
  std::string text = "(";
  for (const engine::ValType param : type.params) {
    text += std::string(text.size() > 1 ? "," : "") + kNames[static_cast<int>(param)];
  }
  text += ")";
  for (const engine::ValType result : type.results) {
    text += std::string(" -> ") + kNames[static_cast<int>(result)];
  }
  return text;
}

TEST_CASE("every core signature is what flattening the description gives") {
  int functions = 0;
  for (const HostInterface* interface : kAll) {
    for (const HostFunction& function : interface->functions) {
      CAPTURE(interface->name);
      CAPTURE(function.name);
      const component::FuncShape shape = function.shape();
      CHECK(
          function.core_type() == component::Flattener{}.func(shape, component::Direction::Lower)
      );
      for (const component::Member& param : shape.params) {
        CHECK_FALSE(param.name.empty());
        CHECK(param.type != nullptr);
      }
      ++functions;
    }
  }
  CHECK(functions > 140);
}

const HostFunction& function_of(const HostInterface& interface, std::string_view name) {
  for (const HostFunction& function : interface.functions) {
    if (name == function.name) {
      return function;
    }
  }
  FAIL("no function " << name);
  return interface.functions[0];
}

TEST_CASE("core signatures and types by name") {
  struct Row {
    const HostInterface& interface;
    const char* name;
    const char* core;
    const char* wit;
  };
  const Row rows[] = {
      {wasi_io_streams::kInterface,
       "[method]input-stream.read",
       "(i32,i64,i32)",
       "func(self: borrow<input-stream>, len: u64) -> result<list<u8>, variant { "
       "last-operation-failed(error), closed }>"},
      {wasi_io_poll::kInterface,
       "poll",
       "(i32,i32,i32)",
       "func(in: list<borrow<pollable>>) -> list<u32>"},
      {wasi_http_types::kInterface, "[constructor]fields", "() -> i32", "func() -> fields"},
      {wasi_http_types::kInterface, "[method]fields.append", "(i32,i32,i32,i32,i32,i32)", nullptr},
      {wasi_http_types::kInterface,
       "[static]response-outparam.set",
       "(i32,i32,i32,i32,i64,i32,i32,i32,i32)",
       nullptr},
      {wasi_http_types::kInterface,
       "[method]outgoing-request.set-scheme",
       "(i32,i32,i32,i32,i32) -> i32",
       "func(self: borrow<outgoing-request>, scheme: option<variant { HTTP, HTTPS, "
       "other(string) }>) -> result"},
      {wasi_http_incoming_handler::kInterface, "handle", "(i32,i32)", nullptr},
      {wasi_http_outgoing_handler::kInterface, "handle", "(i32,i32,i32,i32)", nullptr},
      {wasi_clocks_wall_clock::kInterface, "now", "(i32)", nullptr},
      {wasi_clocks_monotonic_clock::kInterface, "now", "() -> i64", "func() -> u64"},
      {wasi_cli_run::kInterface, "run", "() -> i32", "func() -> result"},
      {wasi_sockets_udp::kInterface,
       "[method]udp-socket.stream",
       "(i32,i32,i32,i32,i32,i32,i32,i32,i32,i32,i32,i32,i32,i32,i32)",
       nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const HostFunction& function = function_of(row.interface, row.name);
    CHECK(text_of(function.core_type()) == row.core);
    if (row.wit != nullptr) {
      CHECK(component::to_wit(function.shape()) == row.wit);
    }
  }
}

TEST_CASE("layouts of generated types") {
  using component::Abi;
  CHECK(Abi<wasi_http_types::ErrorCode>::kElemSize == 32);
  CHECK(Abi<wasi_http_types::ErrorCode>::kAlignment == 8);
  CHECK(Abi<wasi_http_types::Method>::kElemSize == 12);
  CHECK(Abi<wasi_sockets_network::IpSocketAddress>::kElemSize == 32);
  CHECK(Abi<wasi_sockets_network::IpSocketAddress>::kFlat.size() == 12);
}

TEST_CASE("every resource has one identity") {
  for (const HostInterface* interface : kAll) {
    for (const component::HostResourceDesc& resource : interface->resources) {
      CHECK(std::string_view(resource.tag->interface_name) == interface->name);
      CHECK(resource.type()->host == resource.tag);
      CHECK(resource.type() == resource.type());
    }
  }
  CHECK(wasi_http_types::kInterface.resources.size() == 11);
  static_assert(std::is_same_v<wasi_io_streams::Pollable, wasi_io_poll::Pollable>);
  static_assert(std::is_same_v<wasi_http_types::IoError, wasi_io_error::Error>);
  static_assert(std::is_same_v<wasi_http_types::Headers, wasi_http_types::Fields>);
}

TEST_CASE("variants are made and read by case") {
  using wasi_http_types::Method;
  CHECK(Method::get().tag == Method::Tag::Get);
  CHECK(Method::delete_().tag == Method::Tag::Delete);
  CHECK(Method::other("BREW").as<std::string>() == "BREW");
  CHECK(Method::other("a") == Method::other("a"));
  CHECK(Method::other("a") != Method::other("b"));
  CHECK(Method::get() != Method::head());
  static_assert(std::is_nothrow_move_constructible_v<wasi_http_types::ErrorCode>);
}

}  // namespace
}  // namespace whorl::wit
