#include "host/key_value/backends/sqlite_file.hpp"

#include "db/database.hpp"

#include "fs/file.hpp"
#include "fs/test_folder.hpp"
#include "host/test_support.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>

namespace whorl::host::key_value {
namespace {

using namespace std::chrono_literals;
using test::Scene;

Value value_of(std::string_view text) {
  return Bytes(as_bytes(text).begin(), as_bytes(text).end());
}

Bytes number(std::int64_t value) {
  Bytes bytes(8);
  for (int i = 0; i < 8; ++i) {
    bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  return bytes;
}

/// One thread that uses a store.
struct User : Scene {
  explicit User(std::shared_ptr<Store> its_store) : store(std::move(its_store)) {}
  Caller caller{shard, fiber};
  std::shared_ptr<Store> store;

  bool set(std::string_view key, std::string_view value) {
    return store->set(caller, key, as_bytes(value)).has_value();
  }
  Value get(std::string_view key) {
    auto value = store->get(caller, key);
    REQUIRE(value);
    return *value;
  }
  std::vector<std::string> keys() {
    auto keys = store->keys(caller);
    REQUIRE(keys);
    std::ranges::sort(*keys);
    return *keys;
  }
};

/// Every function, on a store that is empty.
void check_store(User& user) {
  Store& store = *user.store;
  const Caller caller = user.caller;
  CHECK(user.get("k") == std::nullopt);
  CHECK(user.keys().empty());
  CHECK(*store.exists(caller, "k") == false);
  CHECK(store.remove(caller, "k"));
  REQUIRE(user.set("k", "v"));
  CHECK(user.get("k") == value_of("v"));
  CHECK(*store.exists(caller, "k"));
  REQUIRE(user.set("k", ""));
  CHECK(user.get("k") == Bytes());
  const std::string odd("a\0b\xc3\xa9'; DROP TABLE spin_key_value; --", 36);
  REQUIRE(user.set("", "empty"));
  REQUIRE(user.set(odd, "odd"));
  CHECK(user.get(odd) == value_of("odd"));
  CHECK(user.get(odd.substr(0, 1)) == std::nullopt);
  CHECK(user.get("") == value_of("empty"));
  CHECK(user.keys() == std::vector<std::string>{"", odd, "k"});
  Bytes all(256 * 1024);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint8_t>(i * 7);
  }
  REQUIRE(store.set(caller, "big", all));
  CHECK(user.get("big") == all);

  SUBCASE("many at once") {
    const PairView pairs[] = {{"x", as_bytes("1")}, {"y", as_bytes("2")}, {"x", as_bytes("3")}};
    REQUIRE(store.set_many(caller, pairs));
    const std::string_view wanted[] = {"y", "missing", "x", ""};
    const auto found = store.get_many(caller, wanted);
    REQUIRE(found);
    CHECK(
        *found == FoundPairs{{"y", value_of("2")}, {"x", value_of("3")}, {"", value_of("empty")}}
    );
    REQUIRE(store.remove_many(caller, wanted));
    CHECK(user.keys() == std::vector<std::string>{odd, "big", "k"});
  }
  SUBCASE("numbers") {
    CHECK(*store.increment(caller, "n", 10) == 10);
    CHECK(*store.increment(caller, "n", -15) == -5);
    CHECK(user.get("n") == number(-5));
    REQUIRE(store.set(caller, "n", number(std::numeric_limits<std::int64_t>::max())));
    const auto over = store.increment(caller, "n", 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().message() == "the sum does not fit into 64 bits");
    REQUIRE(user.set("n", "1234567"));
    const auto wrong = store.increment(caller, "n", 1);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().kind() == ErrorKind::InvalidInput);
    CHECK(wrong.error().message() == "the value has 7 bytes; a number has 8");
    CHECK(user.get("n") == value_of("1234567"));
  }
  SUBCASE("compare and set") {
    CHECK(*store.compare_and_set(caller, "c", std::nullopt, as_bytes("1")));
    CHECK_FALSE(*store.compare_and_set(caller, "c", std::nullopt, as_bytes("2")));
    CHECK_FALSE(*store.compare_and_set(caller, "c", value_of("0"), as_bytes("2")));
    CHECK(user.get("c") == value_of("1"));
    CHECK(*store.compare_and_set(caller, "c", value_of("1"), as_bytes("2")));
    CHECK(user.get("c") == value_of("2"));
    CHECK_FALSE(*store.compare_and_set(caller, "gone", value_of("1"), as_bytes("2")));
    CHECK(user.get("gone") == std::nullopt);
  }
}

TEST_CASE("a store in a file, with a folder that is made for it") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  const auto file = SqliteFile::make(folder.path("a/b/kv.db"), pool);
  CHECK_FALSE(std::filesystem::exists(folder.path("a")));  // made when first used
  User user(file->store("default"));
  check_store(user);
}

TEST_CASE("a store in memory") {
  async::BlockingPool pool;
  User user(SqliteFile::make("", pool)->store("default"));
  check_store(user);
}

TEST_CASE("stores of one file are apart, and what was written stays") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  const std::string path = folder.path("kv.db");
  {
    const auto file = SqliteFile::make(path, pool);
    User one(file->store("one"));
    User two(file->store("two"));
    REQUIRE(one.set("k", "1"));
    CHECK(two.get("k") == std::nullopt);
    REQUIRE(two.set("k", "2"));
    CHECK(one.get("k") == value_of("1"));
  }
  User two(SqliteFile::make(path, pool)->store("two"));
  CHECK(two.get("k") == value_of("2"));
}

TEST_CASE("the layout is the one that Spin reads and writes") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  const std::string path = folder.path("kv.db");
  {
    auto other = db::Connection::open(path, db::Connection::Mode::ReadWrite, 0ms);
    REQUIRE(other);
    REQUIRE(
        other->execute("CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, "
                       "value BLOB NOT NULL, PRIMARY KEY (store, key));"
                       "INSERT INTO spin_key_value VALUES('default', 'theirs', x'00ff')")
    );
  }
  User user(SqliteFile::make(path, pool)->store("default"));
  CHECK(user.get("theirs") == Bytes{0, 255});
  REQUIRE(user.set("ours", "1"));
  auto other = db::Connection::open(path, db::Connection::Mode::ReadOnly, 0ms);
  REQUIRE(other);
  auto query = other->prepare(
      "SELECT store, typeof(key), typeof(value), hex(value) FROM "
      "spin_key_value WHERE key = 'ours'"
  );
  REQUIRE(query);
  REQUIRE(*query->step());
  CHECK(query->text(0) == "default");
  CHECK(query->text(1) == "text");
  CHECK(query->text(2) == "blob");
  CHECK(query->text(3) == "31");
}

TEST_CASE("answers have a limit") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  User user(SqliteFile::make(folder.path("kv.db"), pool)->store("default"));
  const Bytes megabytes(std::size_t{16} << 20, 'y');
  std::vector<std::string> names;
  for (int i = 0; i < 9; ++i) {
    names.push_back(std::to_string(i));
    REQUIRE(user.store->set(user.caller, names.back(), megabytes));
  }
  std::vector<std::string_view> keys(names.begin(), names.end());
  const auto all = user.store->get_many(user.caller, keys);
  REQUIRE_FALSE(all);
  CHECK(all.error().kind() == ErrorKind::ResourceLimit);
  CHECK(all.error().message() == "query result exceeds limit of 134217728 bytes");
  keys.resize(7);
  CHECK(user.store->get_many(user.caller, keys)->size() == 7);
}

TEST_CASE("a file that is none, or cannot be made, is an error without its path") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  const std::string path = folder.path("kv.db");
  REQUIRE(fs::write_file_atomic(path, as_bytes(std::string(8192, 'x'))));
  User user(SqliteFile::make(path, pool)->store("default"));
  const auto broken = user.store->set(user.caller, "k", as_bytes("v"));
  REQUIRE_FALSE(broken);
  CHECK(broken.error().kind() == ErrorKind::Corrupt);
  CHECK(broken.error().message() == "the store cannot be opened");
  CHECK_FALSE(user.store->get(user.caller, "k"));
  std::filesystem::remove(path);
  CHECK(user.set("k", "v"));  // opened anew

  User blocked(SqliteFile::make(path + "/under/a/file", pool)->store("default"));
  const auto impossible = blocked.store->get(blocked.caller, "k");
  REQUIRE_FALSE(impossible);
  CHECK(impossible.error().message() == "the store cannot be opened");
}

TEST_CASE("a full disk fails what does not fit and keeps the rest") {
  const fs::test::TestFolder folder;
  async::BlockingPool pool;
  User user(SqliteFile::make(folder.path("kv.db"), pool)->store("default"));
  REQUIRE(user.set("before", "1"));
  struct rlimit old_limit{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = old_limit;
  small.rlim_cur = 256 * 1024;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto too_big = user.store->set(user.caller, "big", Bytes(1 << 20));
  const bool small_one = user.set("small", "2");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  REQUIRE_FALSE(too_big);
  CHECK(user.get("before") == value_of("1"));
  CHECK(user.get("big") == std::nullopt);
  CHECK(user.get("small") == (small_one ? value_of("2") : std::nullopt));
  CHECK(user.set("after", "3"));
}

TEST_CASE("many at once: nothing is lost, sums are exact") {
  const fs::test::TestFolder folder;
  constexpr int kUsers = 8;
  constexpr int kEach = 200;
  async::BlockingPool pool;
  const auto file = SqliteFile::make(folder.path("kv.db"), pool);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kUsers; ++i) {
      threads.emplace_back([&file, i] {
        User user(file->store("default"));
        for (int n = 0; n < kEach; ++n) {
          const std::string key = std::to_string(i) + "/" + std::to_string(n);
          REQUIRE(user.set(key, key));
          REQUIRE(user.get(key) == value_of(key));
          REQUIRE(user.store->increment(user.caller, "sum", 1));
          while (true) {  // add by compare-and-set
            const Value before = user.get("cas");
            const std::string next =
                std::to_string(before ? std::stoi(std::string(as_text(*before))) + 1 : 1);
            if (*user.store->compare_and_set(user.caller, "cas", before, as_bytes(next))) {
              break;
            }
          }
        }
      });
    }
  }
  User user(file->store("default"));
  CHECK(user.get("sum") == number(kUsers * kEach));
  CHECK(user.get("cas") == value_of(std::to_string(kUsers * kEach)));
  CHECK(user.keys().size() == kUsers * kEach + 2);
}

/// Sets numbered keys until killed; says each that is done through the pipe.
[[noreturn]] void write_until_killed(const std::string& path, int out) {
  async::BlockingPool pool;
  const auto file = SqliteFile::make(path, pool);
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      User user(file->store("default"));
      for (std::uint32_t n = 0;; ++n) {
        const std::uint32_t id = i << 24 | n;
        if (!user.set(std::to_string(id), std::to_string(id) + std::string(n % 3000, 'x'))) {
          ::_exit(2);
        }
        if (::write(out, &id, sizeof id) != sizeof id) {
          ::_exit(3);
        }
      }
    });
  }
  threads.clear();
  ::_exit(4);
}

TEST_CASE("kill -9 loses nothing that was acknowledged") {
  const char* asked = std::getenv("WHORL_KILLS");
  const int kills = asked != nullptr ? std::atoi(asked) : 10;
  const fs::test::TestFolder folder;
  const std::string path = folder.path("kv.db");
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  CAPTURE(seed);
  std::size_t acknowledged = 0;
  for (int round = 0; round < kills; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(path, ends[1]);
    }
    ::close(ends[1]);
    const std::size_t kill_after = 1 + random() % 300;
    std::vector<std::uint32_t> done;
    std::uint32_t id = 0;
    while (::read(ends[0], &id, sizeof id) == sizeof id) {
      done.push_back(id);
      if (done.size() == kill_after) {
        ::kill(child, SIGKILL);
      }
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    acknowledged += done.size();
    async::BlockingPool pool;
    User user(SqliteFile::make(path, pool)->store("default"));
    for (const std::uint32_t key : done) {
      const std::string text = std::to_string(key);
      const Value value = user.get(text);
      REQUIRE(value);
      REQUIRE(*value == *value_of(text + std::string((key & 0xffffff) % 3000, 'x')));
    }
    auto database = db::Connection::open(path, db::Connection::Mode::ReadWrite, 0ms);
    REQUIRE(*database->pragma("integrity_check") == "ok");
  }
  MESSAGE(kills << " kills, " << acknowledged << " acknowledged sets, none lost");
}

}  // namespace
}  // namespace whorl::host::key_value
