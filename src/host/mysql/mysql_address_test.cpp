#include "host/mysql/mysql_address.hpp"

#include <doctest/doctest.h>

namespace whorl::host::mysql {
namespace {

std::string parsed(std::string_view text) {
  const auto address = parse_mysql_address(text);
  return !address ? "no"
                  : fmt::format(
                        "{} {} {} {} {}",
                        address->url.host,
                        address->url.port,
                        address->url.user,
                        address->database,
                        address->is_tls ? "tls" : "plain"
                    );
}

TEST_CASE("addresses") {
  CHECK(parsed("mysql://u:p@h/d") == "h 3306 u d plain");
  CHECK(parsed("mysql://u@h:7") == "h 7 u  plain");
  CHECK(parsed("mysql://u@h/d?ssl-mode=REQUIRED") == "h 3306 u d tls");
  CHECK(parsed("mysql://u@h/d?SslMode=Disabled") == "h 3306 u d plain");
  CHECK(parsed("u@h/d") == "h 3306 u d plain");
  CHECK(parsed("postgres://u@h/d") == "no");
  CHECK(parsed("mysql://u%00@h/d") == "no");
  CHECK(parsed("mysql://u@2130706433/d") == "no");
  CHECK(parsed("") == "no");
}

TEST_CASE("statements after which a connection is not used by others") {
  for (const char* plain :
       {"SELECT 1", " insert into t values(1)", "START TRANSACTION", "(select 1)"}) {
    CAPTURE(plain);
    CHECK_FALSE(keeps_state(plain));
  }
  for (const char* keeping : {
           "SET x = 1",
           "USE d",
           "SELECT @a := 1",
           "CREATE TEMPORARY TABLE t(x int)",
           "LOCK TABLES t READ",
           "SELECT GET_LOCK('a', 1)",
           "CALL p()",
           "",
           "/* */ SET x = 1",
           "PREPARE s FROM 'SELECT 1'",
       }) {
    CAPTURE(keeping);
    CHECK(keeps_state(keeping));
  }
}

}  // namespace
}  // namespace whorl::host::mysql
