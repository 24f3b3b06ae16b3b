#include "host/postgres/pg_address.hpp"

#include "host/postgres/pg_client.hpp"

#include <doctest/doctest.h>

namespace whorl::host::postgres {
namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_pg_address(text);
  if (!address) {
    return address.error().message();
  }
  std::string out;
  for (const auto& server : address->servers) {
    out += server.to_destination() + " ";
  }
  for (const auto& [name, value] : address->settings) {
    out += fmt::format("{}={} ", name, value);
  }
  return out;
}

TEST_CASE("addresses: URLs and keywords") {
  CHECK(parsed("postgres://u:p@h/d") == "postgres://h:5432 user=u password=p dbname=d ");
  CHECK(parsed("postgresql://u@H:7?sslmode=require") == "postgres://h:7 user=u sslmode=require ");
  CHECK(parsed("host=h port=1 user=u") == "postgres://h:1 user=u ");
  CHECK(parsed("postgres://u@a:1,b:2/d") == "postgres://a:1 postgres://b:2 user=u dbname=d ");
  CHECK(parsed("host=a,b port=7 user=u") == "postgres://a:7 postgres://b:7 user=u ");
  CHECK(parsed("postgres://u@[::1]:7/d") == "postgres://[::1]:7 user=u dbname=d ");
  CHECK(parsed("postgres://u@h/d?connect_timeout=3") == "postgres://h:5432 user=u dbname=d ");
}

TEST_CASE("what is no address of a guest's") {
  CHECK(parsed("postgres://h/d") == "invalid connection string: user missing");
  CHECK(parsed("postgres://u@/d") == "Unix sockets are not supported on WebAssembly");
  CHECK(parsed("host=/tmp user=u") == "Unix sockets are not supported on WebAssembly");
  CHECK(parsed("host=@x user=u") == "Unix sockets are not supported on WebAssembly");
  CHECK(
      parsed("nonsense") == "invalid connection string: it is neither a URL nor a list of keywords"
  );
  for (const char* setting : {
           "hostaddr=127.0.0.1",
           "service=x",
           "passfile=/etc/passwd",
           "sslkey=/x",
           "sslrootcert=/x",
       }) {
    CAPTURE(setting);
    CHECK(parsed(fmt::format("host=h user=u {}", setting)).ends_with("not available to guests"));
  }
  for (const char* host : {"2130706433", "0x7f.1", "127.1", "a b", "u@h", "h/x", "h?x", "h:1"}) {
    CAPTURE(host);
    CHECK(parsed(fmt::format("host='{}' user=u", host)).find("postgres://") == std::string::npos);
  }
  CHECK(parsed("host=a,b port=1,2,3 user=u").starts_with("invalid connection string"));
  CHECK(parsed("postgres://u:secret@h:x").find("secret") == std::string::npos);
}

TEST_CASE("nothing is taken from the host's surroundings") {
  auto address = parse_pg_address("postgres://u:it's\\@h?sslmode=require");
  REQUIRE(address);
  const auto one = *net::SocketAddress::from_ip("127.0.0.1", 5432);
  const std::string text = to_conninfo(*address, {{0, one}}, "/roots");
  CHECK(text.find("password='it\\'s\\\\' ") != std::string::npos);
  CHECK(text.find("dbname='u' ") != std::string::npos);
  CHECK(text.find("sslmode='verify-full' ") != std::string::npos);
  CHECK(text.ends_with(" host='h' hostaddr='127.0.0.1' port='5432' sslrootcert='/roots'"));
  address->settings = {{"user", "u"}, {"dbname", "d"}};
  const std::string plain = to_conninfo(*address, {{0, one}}, "/roots");
  CHECK(plain.find("sslmode='prefer' ") != std::string::npos);
  CHECK(plain.find("dbname='d' ") != std::string::npos);
  CHECK(plain.find("passfile='/nonexistent'") != std::string::npos);
  address->ca_root = "pem";
  CHECK(to_conninfo(*address, {{0, one}}, "/r").find("sslmode='verify-full'") != std::string::npos);
}

TEST_CASE("statements after which a connection is not used by others") {
  for (const char* plain : {
           "SELECT 1",
           "  insert into t values(1)",
           "BEGIN",
           "commit",
           "with x as (select 1) select 1",
           "CREATE TABLE t(x int)",
       }) {
    CAPTURE(plain);
    CHECK_FALSE(keeps_state(plain));
  }
  for (const char* keeping : {
           "SET x = 1",
           "LISTEN c",
           "PREPARE p AS SELECT 1",
           "CREATE TEMP TABLE t(x int)",
           "",
           "select set_config('a.b', 'c', false)",
           "SELECT pg_advisory_lock(1)",
           "/* */ SET x = 1",
           "RESET ALL",
           "DISCARD ALL",
           "DO $$ $$",
           "CALL p()",
           "LOAD 'x'",
       }) {
    CAPTURE(keeping);
    CHECK(keeps_state(keeping));
  }
}

}  // namespace
}  // namespace whorl::host::postgres
