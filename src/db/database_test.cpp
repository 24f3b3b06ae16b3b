#include "db/database.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

namespace whorl::db {
namespace {

using namespace std::chrono_literals;

Connection in_memory() {
  auto opened = Connection::open("", Connection::Mode::ReadWrite, 0ms);
  REQUIRE(opened);
  return *std::move(opened);
}

TEST_CASE("values of every type go in and come out") {
  Connection connection = in_memory();
  auto statement = connection.prepare("SELECT ?, ?, ?, ?, ?, ?, ?");
  REQUIRE(statement);
  CHECK(statement->parameter_count() == 7);
  CHECK(statement->column_count() == 7);
  CHECK(statement->is_readonly());
  const Run run(*statement);
  REQUIRE(statement->bind(1, std::numeric_limits<std::int64_t>::min()));
  REQUIRE(statement->bind(2, 1.5));
  REQUIRE(statement->bind(3, std::string_view("a\0b", 3)));
  REQUIRE(statement->bind(4, ByteView()));
  REQUIRE(statement->bind_null(5));
  REQUIRE(statement->bind(6, std::string_view()));
  const Bytes blob{0, 255};
  REQUIRE(statement->bind(7, ByteView(blob)));
  REQUIRE(*statement->step());
  CHECK(statement->integer(0) == std::numeric_limits<std::int64_t>::min());
  CHECK(statement->real(1) == 1.5);
  CHECK(statement->text(2) == std::string_view("a\0b", 3));
  CHECK(statement->type(3) == ColumnType::Blob);
  CHECK(statement->bytes(3).empty());
  CHECK(statement->type(4) == ColumnType::Null);
  CHECK(statement->type(5) == ColumnType::Text);
  CHECK(statement->text(5).empty());
  CHECK(Bytes(statement->bytes(6).begin(), statement->bytes(6).end()) == blob);
  CHECK_FALSE(*statement->step());
}

TEST_CASE("errors are in the words people know") {
  Connection connection = in_memory();
  struct Case {
    const char* sql;
    ErrorKind kind;
    const char* message;
  };
  const Case cases[] = {
      {"select nope", ErrorKind::InvalidInput, "no such column: nope in select nope at offset 7"},
      {"", ErrorKind::InvalidInput, "bad parameter or other API misuse"},
      {"-- only a comment", ErrorKind::InvalidInput, "bad parameter or other API misuse"},
      {"selec 1", ErrorKind::InvalidInput, "near \"selec\": syntax error in selec 1 at offset 0"},
      {"select * from nope", ErrorKind::InvalidInput, "no such table: nope"},
      {"SELECT load_extension('x')",
       ErrorKind::InvalidInput,
       "not authorized to use function: load_extension"},
  };
  connection.set_authorizer([](const Access& access) {
    return access.second == "load_extension" ? Verdict::Deny : Verdict::Allow;
  });
  for (const Case& item : cases) {
    CAPTURE(item.sql);
    auto statement = connection.prepare(item.sql);
    if (statement) {
      auto stepped = statement->step();
      REQUIRE_FALSE(stepped);
      CHECK(stepped.error().message() == item.message);
      continue;
    }
    CHECK(statement.error().kind() == item.kind);
    CHECK(statement.error().message().starts_with(item.message));
  }
}

TEST_CASE("a transaction that is not committed has not happened") {
  Connection connection = in_memory();
  REQUIRE(connection.execute("CREATE TABLE t(x)"));
  {
    auto transaction = Transaction::begin(connection, Transaction::Kind::Write);
    REQUIRE(transaction);
    REQUIRE(connection.execute("INSERT INTO t VALUES(1)"));
    CHECK(connection.in_transaction());
  }
  CHECK_FALSE(connection.in_transaction());
  {
    auto transaction = Transaction::begin(connection, Transaction::Kind::Write);
    REQUIRE(connection.execute("INSERT INTO t VALUES(2)"));
    CHECK(connection.last_insert_rowid() == 1);
    CHECK(connection.changes() == 1);
    REQUIRE(transaction->commit());
  }
  auto statement = connection.prepare("SELECT x FROM t");
  REQUIRE(*statement->step());
  CHECK(statement->integer(0) == 2);
  CHECK_FALSE(*statement->step());
}

TEST_CASE("what takes too long is ended") {
  Connection connection = in_memory();
  Interrupter interrupter;
  connection.set_interrupter(&interrupter);
  const char* endless =
      "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
  SUBCASE("by time") {
    interrupter.begin(5ms);
  }
  SUBCASE("by another") {
    interrupter.begin(1h);
    interrupter.interrupt();
  }
  auto statement = connection.prepare(endless);
  REQUIRE(statement);
  auto stepped = statement->step();
  REQUIRE_FALSE(stepped);
  CHECK(stepped.error().kind() == ErrorKind::Cancelled);
  CHECK(stepped.error().message() == "interrupted");
}

TEST_CASE("files: names are names, locks are waited for no longer than said") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("file:x?mode=memory");
  auto first = Connection::open(path, Connection::Mode::ReadWrite, 0ms);
  REQUIRE(first);
  REQUIRE(first->execute("CREATE TABLE t(x)"));
  CHECK(std::filesystem::exists(path));
  CHECK(*first->pragma("journal_mode=WAL") == "wal");
  auto second = Connection::open(path, Connection::Mode::ReadWrite, 0ms);
  REQUIRE(second);
  auto transaction = Transaction::begin(*first, Transaction::Kind::Write);
  REQUIRE(transaction);
  auto refused = Transaction::begin(*second, Transaction::Kind::Write);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind() == ErrorKind::Overloaded);
  CHECK(refused.error().message() == "database is locked");
  auto reader = Connection::open(path, Connection::Mode::ReadOnly, 0ms);
  REQUIRE(reader);
  auto write = reader->execute("INSERT INTO t VALUES(1)");
  REQUIRE_FALSE(write);
  CHECK(write.error().kind() == ErrorKind::PermissionDenied);

  auto missing = Connection::open(folder.path("missing"), Connection::Mode::ReadOnly, 0ms);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind() == ErrorKind::Unavailable);

  REQUIRE(fs::write_file_atomic(folder.path("text"), as_bytes(std::string(4096, 'x'))));
  auto text = Connection::open(folder.path("text"), Connection::Mode::ReadWrite, 0ms);
  REQUIRE(text);
  auto used = text->execute("CREATE TABLE t(x)");
  REQUIRE_FALSE(used);
  CHECK(used.error().kind() == ErrorKind::Corrupt);
  CHECK(used.error().message() == "file is not a database");
}

}  // namespace
}  // namespace whorl::db
