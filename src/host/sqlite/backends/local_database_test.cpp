#include "host/sqlite/backends/local_database.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <limits>
#include <numeric>

namespace whorl::host::sqlite {
namespace {

using test::Scene;

/// One guest with one connection.
struct Guest : Scene {
  explicit Guest(Database& database) : connection(database.open()) {}
  Caller caller{shard, fiber};
  std::shared_ptr<Connection> connection;

  Result<QueryResult> execute(std::string_view sql, std::vector<Value> parameters = {}) {
    return connection->execute(caller, sql, std::move(parameters));
  }
  /// Rows as text: columns by comma, rows by bar; or the error.
  std::string ask(std::string_view sql, std::vector<Value> parameters = {}) {
    const auto result = execute(sql, std::move(parameters));
    if (!result) {
      return "error: " + result.error().message();
    }
    std::string text;
    for (const auto& row : result->rows) {
      text += text.empty() ? "" : "|";
      for (std::size_t i = 0; i < row.size(); ++i) {
        text += i == 0 ? "" : ",";
        text += std::visit([](const auto& value) { return show(value); }, row[i]);
      }
    }
    return text;
  }
  static std::string show(std::monostate) { return "null"; }
  static std::string show(std::int64_t value) { return std::to_string(value); }
  static std::string show(double value) { return fmt::format("{}r", value); }
  static std::string show(const std::string& value) { return value; }
  static std::string show(const Bytes& value) { return fmt::format("{} bytes", value.size()); }
};

struct World {
  fs::test::TestFolder folder;
  SqlLanes lanes;
  std::string path = folder.path("a/db");
  std::shared_ptr<Database> database = make_local_database({.path = path}, lanes);
};

TEST_CASE("rows of every type") {
  World world;
  Guest guest(*world.database);
  CHECK(guest.ask("CREATE TABLE t(a, b)").empty());
  const std::vector<Value> values{
      std::monostate(),
      std::numeric_limits<std::int64_t>::min(),
      1.5,
      std::string("a\0\xc3\xa9", 4),
      Bytes{0, 1, 255},
      std::string(),
      Bytes(),
  };
  for (const Value& value : values) {
    CHECK(guest.execute("INSERT INTO t VALUES(?, :name)", {value, value}));
  }
  const auto all = guest.execute("SELECT a, b AS \"other name\" FROM t ORDER BY rowid");
  REQUIRE(all);
  CHECK(all->columns == std::vector<std::string>{"a", "other name"});
  REQUIRE(all->rows.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(all->rows[i] == std::vector<Value>{values[i], values[i]});
  }
}

TEST_CASE("errors are in Spin's words") {
  World world;
  Guest guest(*world.database);
  CHECK(guest.ask("select nope") == "error: no such column: nope in select nope at offset 7");
  CHECK(guest.ask("") == "error: bad parameter or other API misuse");
  CHECK(
      guest.ask("SELECT ?", {}) ==
      "error: Wrong number of parameters passed to query. Got 0, needed 1"
  );
  CHECK(
      guest.ask("SELECT 1", {std::monostate(), std::monostate()}) ==
      "error: Wrong number of parameters passed to query. Got 2, needed 0"
  );
  CHECK(guest.ask("CREATE TABLE t(x UNIQUE)").empty());
  CHECK(guest.ask("INSERT INTO t VALUES(1)").empty());
  CHECK(guest.ask("INSERT INTO t VALUES(1)") == "error: UNIQUE constraint failed: t.x");
  CHECK(guest.ask("SELECT 1; SELECT nope") == "1");  // the rest is ignored
  CHECK(guest.ask("ROLLBACK") == "error: cannot rollback - no transaction is active");
}

TEST_CASE("what is not for guests") {
  World world;
  Guest guest(*world.database);
  CHECK(guest.ask("CREATE TABLE t(x)").empty());
  for (const char* sql : {
           "ATTACH 'any_file' AS other",
           "ATTACH 'file:any_file?mode=rwc' AS other",
           "VACUUM INTO 'any_file'",
           "SELECT load_extension('any_file')",
       }) {
    CAPTURE(sql);
    Guest fresh(*world.database);
    const std::string answer = fresh.ask(sql);
    CHECK(answer.find("authoriz") != std::string::npos);
  }
  for (const char* sql :
       {"PRAGMA hard_heap_limit=1",
        "PRAGMA temp_store_directory='/'",
        "PRAGMA locking_mode=exclusive"}) {
    CAPTURE(sql);
    CHECK(guest.ask(sql) == "error: not authorized");
  }
  CHECK(guest.ask("ATTACH '' AS tempfile").empty());
  CHECK(guest.ask("ATTACH ':memory:' AS inmemory").empty());
  CHECK(guest.ask("VACUUM").empty());
  CHECK(guest.ask("PRAGMA user_version") == "0");
  CHECK_FALSE(std::filesystem::exists("any_file"));

  const auto open_to_files =
      make_local_database({.path = world.path, .may_attach_files = true}, world.lanes);
  Guest trusted(*open_to_files);
  CHECK(trusted.ask("ATTACH '" + world.folder.path("other' AS other")).empty());
}

TEST_CASE("a connection's own past, though connections are shared") {
  World world;
  Guest one(*world.database);
  Guest two(*world.database);
  REQUIRE(one.ask("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").empty());
  CHECK(one.connection->last_insert_rowid() == 0);
  CHECK(one.connection->changes() == 0);
  REQUIRE(one.ask("INSERT INTO t(id, x) VALUES(10, 1), (11, 1), (12, 1)").empty());
  REQUIRE(two.ask("INSERT INTO t(id, x) VALUES(100, 2)").empty());
  CHECK(one.connection->last_insert_rowid() == 12);
  CHECK(one.connection->changes() == 3);
  CHECK(two.connection->last_insert_rowid() == 100);
  CHECK(two.connection->changes() == 1);
  CHECK(one.ask("SELECT last_insert_rowid(), changes(), total_changes()") == "12,3,3");
  CHECK(two.ask("SELECT last_insert_rowid(), changes(), total_changes()") == "100,1,1");
  CHECK(one.ask("UPDATE t SET x = 5 WHERE id = 999").empty());
  CHECK(one.connection->changes() == 0);
  CHECK(one.ask("UPDATE t SET x = last_insert_rowid()").empty());
  CHECK(one.ask("SELECT DISTINCT x FROM t") == "12");
  CHECK(one.ask("CREATE TABLE u(x)").empty());
  CHECK(one.connection->changes() == 4);
  // And it goes along into a connection of its own.
  CHECK(one.ask("BEGIN").empty());
  CHECK(one.ask("SELECT last_insert_rowid(), changes(), total_changes()") == "12,4,7");
  CHECK(one.ask("INSERT INTO t(x) VALUES(0) RETURNING id") == "101");
  CHECK(one.connection->last_insert_rowid() == 101);
  CHECK(one.ask("COMMIT").empty());
  Guest three(*world.database);
  CHECK(three.ask("SELECT last_insert_rowid(), changes(), total_changes()") == "0,0,0");
}

TEST_CASE("transactions end with their connection") {
  World world;
  Guest one(*world.database);
  REQUIRE(one.ask("CREATE TABLE t(x)").empty());
  {
    Guest two(*world.database);
    CHECK(two.ask("BEGIN IMMEDIATE").empty());
    CHECK(two.ask("INSERT INTO t VALUES(1)").empty());
    CHECK(two.ask("SELECT count(*) FROM t") == "1");
    CHECK(one.ask("SELECT count(*) FROM t") == "0");
  }
  // Waits for the other's end, then succeeds.
  CHECK(one.ask("INSERT INTO t VALUES(2)").empty());
  CHECK(one.ask("SELECT group_concat(x) FROM t") == "2");
  {
    Guest two(*world.database);
    CHECK(two.ask("CREATE TEMP TABLE s(x)").empty());
    CHECK(two.ask("INSERT INTO s VALUES(1)").empty());
    CHECK(two.ask("SELECT count(*) FROM s") == "1");
    CHECK(one.ask("SELECT count(*) FROM s") == "error: no such table: s");
    CHECK(two.ask("CREATE TABLE temp.v(x)").empty());
  }
  Guest three(*world.database);
  CHECK(three.ask("CREATE TABLE temp.w(x)").empty());  // found out when it is prepared
  CHECK(three.ask("SELECT count(*) FROM w") == "0");
}

TEST_CASE("a statement that rolls back does so for itself only") {
  World world;
  constexpr int kGuests = 8;
  {
    Guest guest(*world.database);
    CHECK(guest.ask("CREATE TABLE t(x UNIQUE)").empty());
    CHECK(guest.ask("CREATE TABLE parent(id INTEGER PRIMARY KEY)").empty());
    CHECK(guest.ask("CREATE TABLE child(p REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED)")
              .empty());
    CHECK(guest.ask("INSERT INTO t VALUES('taken')").empty());
  }
  std::vector<std::jthread> threads;
  for (int i = 0; i < kGuests; ++i) {
    threads.emplace_back([&, i] {
      Guest guest(*world.database);
      for (int n = 0; n < 50; ++n) {
        CHECK(guest.ask("INSERT INTO t VALUES(?)", {std::int64_t{i} * 1000 + n}).empty());
        CHECK(
            guest.ask("INSERT OR ROLLBACK INTO t VALUES('taken')") ==
            "error: UNIQUE constraint failed: t.x"
        );
        CHECK(guest.ask("INSERT INTO child VALUES(5)") == "error: FOREIGN KEY constraint failed");
      }
    });
  }
  threads.clear();
  Guest guest(*world.database);
  CHECK(guest.ask("SELECT count(*), (SELECT count(*) FROM child) FROM t") == "401,0");
}

TEST_CASE("many writers at once: sums are exact, in and out of transactions") {
  World world;
  {
    Guest guest(*world.database);
    CHECK(guest.ask("CREATE TABLE sums(name PRIMARY KEY, n)").empty());
    CHECK(guest.ask("INSERT INTO sums VALUES('a', 0), ('b', 0)").empty());
  }
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 30; ++n) {
        Guest guest(*world.database);
        CHECK(guest.ask("UPDATE sums SET n = n + 1 WHERE name = 'a'").empty());
        CHECK(guest.connection->changes() == 1);
        if (i % 2 == 0) {
          CHECK(guest.ask("BEGIN IMMEDIATE").empty());
          CHECK(guest.ask("UPDATE sums SET n = n + 1 WHERE name = 'b'").empty());
          CHECK(guest.ask("COMMIT").empty());
        }
        CHECK(std::stoi(guest.ask("SELECT n FROM sums WHERE name = 'a'")) > n);
      }
    });
  }
  threads.clear();
  Guest guest(*world.database);
  CHECK(guest.ask("SELECT group_concat(n) FROM sums") == "180,90");
}

TEST_CASE("answers have a limit; the guest that is ended ends its statement") {
  World world;
  Guest guest(*world.database);
  CHECK(
      guest.ask("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 200) "
                "SELECT zeroblob(1000000) FROM c"
      ) == "error: query result exceeds limit of 134217728 bytes"
  );
  // Short values are many, and each row has a block of memory.
  CHECK(
      guest.ask("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1700000) "
                "SELECT x FROM c") == "error: query result exceeds limit of 134217728 bytes"
  );
  CHECK(guest.ask("SELECT length(zeroblob(200000000))") == "error: string or blob too big");
  const char* endless =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
  // As many as there are connections that read: they all must come back.
  for (int i = 0; i < 4; ++i) {
    Guest doomed(*world.database);
    doomed.shard.post([&doomed] { doomed.fiber.is_cancelled = true; });
    const auto ended = doomed.execute(endless);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().kind() == ErrorKind::Cancelled);
  }
  CHECK(guest.ask("SELECT 1") == "1");
}

TEST_CASE("in memory each connection has a database of its own") {
  SqlLanes lanes;
  const auto database = make_local_database({}, lanes);
  Guest one(*database);
  Guest two(*database);
  CHECK(one.ask("CREATE TABLE t(x)").empty());
  CHECK(one.ask("SELECT count(*) FROM t") == "0");
  CHECK(two.ask("SELECT count(*) FROM t").starts_with("error: no such table: t"));
}

TEST_CASE("scripts at the start, files that are none") {
  World world;
  REQUIRE(
      run_script(world.path, "CREATE TABLE t(x); INSERT INTO t VALUES(1); INSERT INTO t VALUES(2)")
  );
  Guest guest(*world.database);
  CHECK(guest.ask("SELECT sum(x) FROM t") == "3");
  const auto wrong = run_script(world.path, "INSERT INTO nope VALUES(1)");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message() == "no such table: nope");

  const std::string text = world.folder.path("text");
  REQUIRE(fs::write_file_atomic(text, as_bytes(std::string(8192, 'x'))));
  const auto broken = make_local_database({.path = text}, world.lanes);
  Guest unlucky(*broken);
  CHECK(unlucky.ask("SELECT * FROM t") == "error: unable to open database file");
  CHECK(unlucky.ask("BEGIN") == "error: unable to open database file");
}

}  // namespace
}  // namespace whorl::host::sqlite
