#include "host/sqlite/backends/sql_text.hpp"

#include <doctest/doctest.h>

namespace whorl::host::sqlite {
namespace {

TEST_CASE("where a statement is best run") {
  struct Case {
    const char* sql;
    Route route;
    bool changes;
  };
  const Case cases[] = {
      {"SELECT 1", Route::Read, false},
      {"  \n\t;select 1", Route::Read, false},
      {"-- BEGIN\nselect 1", Route::Read, false},
      {"/* BEGIN */ /**/ select 1", Route::Read, false},
      {"/* never ends", Route::Read, false},
      {"-- never ends", Route::Read, false},
      {"", Route::Read, false},
      {"123", Route::Read, false},
      {"VALUES (1)", Route::Read, false},
      {"explain insert into t values(1)", Route::Read, false},
      {"WITH c AS (SELECT 1) SELECT * FROM c", Route::Read, false},
      {"WITH c AS (SELECT 1) INSERT INTO t SELECT * FROM c", Route::Write, true},
      {"with c as (select 'UPDATE') select * from c", Route::Write, true},
      {"insert into t values(1)", Route::Write, true},
      {"Replace into t values(1)", Route::Write, true},
      {"UPDATE t SET x=1", Route::Write, true},
      {"DELETE FROM t", Route::Write, true},
      {"CREATE TABLE t(x)", Route::Write, false},
      {"CREATE TABLE IF NOT EXISTS temp(x)", Route::Write, false},
      {"create temp table t(x)", Route::Session, false},
      {"create /* */ TEMPORARY view t as select 1", Route::Session, false},
      {"DROP TABLE t", Route::Write, false},
      {"ANALYZE", Route::Write, false},
      {"nonsense", Route::Write, false},
      {"BEGIN", Route::Session, false},
      {"begin immediate", Route::Session, false},
      {"COMMIT", Route::Session, false},
      {"end", Route::Session, false},
      {"ROLLBACK", Route::Session, false},
      {"savepoint x", Route::Session, false},
      {"RELEASE x", Route::Session, false},
      {"ATTACH '' AS x", Route::Session, false},
      {"DETACH x", Route::Session, false},
      {"PRAGMA user_version", Route::Session, false},
      {"VACUUM", Route::Session, false},
      {"BEGINX", Route::Write, false},
  };
  for (const Case& item : cases) {
    CAPTURE(item.sql);
    CHECK(route_of(item.sql) == item.route);
    CHECK(changes_rows(item.sql) == item.changes);
  }
}

}  // namespace
}  // namespace whorl::host::sqlite
