// The protocol of libSQL servers: what is sent, and what answers mean. Against a server that runs
// SQL it is tested from outside (tests/e2e/test_libsql.py).
#include "host/sqlite/backends/libsql_database.hpp"
#include "host/sqlite/backends/libsql_protocol.hpp"

#include <doctest/doctest.h>

#include <limits>

namespace whorl::host::sqlite {
namespace {

TEST_CASE("requests") {
  CHECK(
      execute_request(
          "SELECT \"?\"",
          {Value(),
           std::int64_t{-9223372036854775807 - 1},
           1.5,
           std::string("a\n"),
           Bytes{0, 255},
           std::numeric_limits<double>::infinity()}
      ) == R"({"type":"execute","stmt":{"sql":"SELECT \"?\"","args":[{"type":"null"},)"
           R"({"type":"integer","value":"-9223372036854775808"},{"type":"float","value":1.5},)"
           R"({"type":"text","value":"a\n"},{"type":"blob","base64":"AP8="},{"type":"null"}],)"
           R"("want_rows":true}})"
  );
  CHECK(pipeline_body("", "{}") == R"({"baton":null,"requests":[{}]})");
  CHECK(pipeline_body("b", "{},{}") == R"({"baton":"b","requests":[{},{}]})");
}

TEST_CASE("answers") {
  const auto answer = read_pipeline(
      R"({"baton":"b","base_url":"https://other","results":[{"type":"ok","response":{)"
      R"("type":"execute","result":{"cols":[{"name":"a","decltype":null},{"name":null},{"name":"c"},)"
      R"({"name":"d"},{"name":"e"}],"rows":[[{"type":"integer","value":"9223372036854775807"},)"
      R"({"type":"float","value":2},{"type":"text","value":"x"},{"type":"blob","base64":"AP8"},)"
      R"({"type":"null"}]],"affected_row_count":3,"last_insert_rowid":"7"}}},)"
      R"({"type":"ok","response":{"type":"get_autocommit","is_autocommit":false}}]})"
  );
  REQUIRE(answer);
  CHECK(answer->baton == "b");
  CHECK(answer->base_url == "https://other");
  CHECK(answer->result.columns == std::vector<std::string>{"a", "", "c", "d", "e"});
  REQUIRE(answer->result.rows.size() == 1);
  CHECK(
      answer->result.rows[0] ==
      std::vector<Value>{
          std::int64_t{9223372036854775807},
          2.0,
          std::string("x"),
          Bytes{0, 255},
          std::monostate(),
      }
  );
  CHECK(answer->changed_rows == 3);
  CHECK(answer->last_insert_rowid == 7);
  CHECK_FALSE(answer->is_autocommit);
  CHECK(answer->failure.empty());
  const auto failed = read_pipeline(
      R"({"baton":null,"results":[{"type":"error","error":{"message":"no such table: x"}}]})"
  );
  REQUIRE(failed);
  CHECK(failed->failure == "no such table: x");
  CHECK(failed->baton.empty());
}

TEST_CASE("answers of another form") {
  for (const char* bad : {
           "",
           "{}",
           R"({"results":[]})",
           R"({"results":[{"type":"?"}]})",
           R"({"results":[{"type":"ok","response":{"type":"execute"}}]})",
           R"({"results":[{"type":"ok","response":{"type":"execute","result":{"cols":[],)"
           R"("rows":[[{"type":"null"}]]}}}]})",
           R"({"results":[{"type":"ok","response":{"type":"execute","result":{"cols":[{}],)"
           R"("rows":[[{"type":"integer","value":"1x"}]]}}}]})",
           R"({"results":[{"type":"ok","response":{"type":"execute","result":{"cols":[{}],)"
           R"("rows":[[{"type":"blob","base64":"*"}]]}}}]})",
           R"({"results":[{"type":"ok","response":{"type":"get_autocommit"}}]})",
       }) {
    CAPTURE(bad);
    const auto answer = read_pipeline(bad);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind() == ErrorKind::Corrupt);
  }
}

TEST_CASE("a token that cannot stand in a header is refused without being shown") {
  remote::ServiceClient client;
  const auto refused = make_libsql_database({.url = {}, .token = "s3cret\nx"}, client);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().to_line() == "`token` cannot stand in a header");
}

}  // namespace
}  // namespace whorl::host::sqlite
