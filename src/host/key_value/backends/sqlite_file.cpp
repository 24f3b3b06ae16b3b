#include "host/key_value/backends/sqlite_file.hpp"

#include "db/group_commit.hpp"

#include "fs/file.hpp"
#include "host/key_value/backends/sqlite_operations.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"

#include <mutex>
#include <utility>

namespace whorl::host::key_value {
namespace {

constexpr std::string_view kLogTarget = "whorl::key_value";
/// How long another process's lock is waited for; Spin's.
constexpr std::chrono::milliseconds kBusy{5000};
constexpr const char* kTable =
    "CREATE TABLE IF NOT EXISTS spin_key_value ("
    "store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))";

constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

StoreOperation& as_store_operation(const std::shared_ptr<async::WorkLane::Operation>& operation) {
  return static_cast<StoreOperation&>(*operation);
}

/// Makes connections to one file, in the same way for readers and the writer.
class Opener {
 public:
  explicit Opener(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] bool is_memory() const noexcept { return path_.empty(); }

  /// @return errors: their message is for guests; the log has the rest. @thread pool
  [[nodiscard]] Result<StoreConnection> open() {
    const std::scoped_lock lock(mutex_);
    auto opened = try_open();
    if (!opened) {
      report(opened.error());
      return fail(opened.error().kind(), "the store cannot be opened");
    }
    return opened;
  }
  void report(const Error& error) const {
    log::log_limited(
        trouble_reports,
        log::Level::Error,
        kLogTarget,
        "key-value store {}: {}",
        is_memory() ? "in memory" : fs::quote_path(path_),
        error.to_line()
    );
  }

 private:
  Result<StoreConnection> try_open() {
    if (!is_memory()) {
      const std::string folder(fs::parent(path_));
      WHORL_CHECKED(fs::create_directories(folder.empty() ? "." : folder));
      // SQLite syncs the folder of its files; the folder's own entry is left to us.
      WHORL_CHECKED(fs::sync_directory(std::string(fs::parent(folder))));
    }
    WHORL_TRY(
        db::Connection connection,
        db::Connection::open(path_, db::Connection::Mode::ReadWrite, kBusy)
    );
    // Refused where the file system cannot do it or another process uses the file just now. Then
    // the file works as it is, only that readers and the writer wait for one another.
    if (auto mode = connection.pragma("journal_mode=WAL"); !mode || *mode == "delete") {
      log::warn(kLogTarget, "key-value store {}: no write-ahead log", fs::quote_path(path_));
    }
    WHORL_CHECKED(connection.pragma("synchronous=FULL"));
    WHORL_CHECKED(connection.execute(kTable));
    return StoreConnection(std::move(connection));
  }

  const std::string path_;
  std::mutex mutex_;
};

/// A lane's own connection, opened when needed and again after trouble with it.
class KeptConnection {
 public:
  explicit KeptConnection(Opener& opener) noexcept : opener_(opener) {}
  /// @return errors: as Opener::open()
  [[nodiscard]] Result<StoreConnection*> get() {
    if (!connection_) {
      WHORL_TRY(connection_, opener_.open());
    }
    return &*connection_;
  }
  /// Says what went wrong; a connection to a file that is broken or gone is not used again. What a
  /// guest did wrong is only for the guest.
  void note(const Error* error) {
    if (error == nullptr || error->kind() == ErrorKind::InvalidInput) {
      return;
    }
    opener_.report(*error);
    const bool is_broken =
        error->kind() == ErrorKind::Corrupt || error->kind() == ErrorKind::Unavailable;
    if (is_broken && !opener_.is_memory()) {
      connection_.reset();
    }
  }

 private:
  Opener& opener_;
  std::optional<StoreConnection> connection_;
};

class Reader final : public async::WorkLane::Worker {
 public:
  explicit Reader(Opener& opener) noexcept : connection_(opener) {}
  void work(async::WorkLane::Batch batch) override {
    for (const auto& operation : batch) {
      auto connection = connection_.get();
      if (!connection) {
        as_store_operation(operation).fail_with(connection.error());
        continue;
      }
      connection_.note(as_store_operation(operation).run(**connection));
    }
  }

 private:
  KeptConnection connection_;
};

class Writer final : public async::WorkLane::Worker {
 public:
  explicit Writer(Opener& opener) noexcept : connection_(opener) {}
  void work(async::WorkLane::Batch batch) override {
    auto connection = connection_.get();
    if (!connection) {
      for (const auto& operation : batch) {
        as_store_operation(operation).fail_with(connection.error());
      }
      return;
    }
    const auto trouble = db::commit_group(
        (*connection)->connection(),
        batch.size(),
        [&](std::size_t i) { return run(as_store_operation(batch[i]), **connection); },
        [&](std::size_t i, const Error& why) { as_store_operation(batch[i]).fail_with(why); }
    );
    connection_.note(trouble ? &*trouble : nullptr);
  }

 private:
  static const Error* run(StoreOperation& operation, StoreConnection& connection) {
    if (!operation.is_compound()) {
      return operation.run(connection);
    }
    db::Connection& database = connection.connection();
    if (auto marked = database.execute("SAVEPOINT operation"); !marked) {
      operation.fail_with(marked.error());
      return nullptr;
    }
    const Error* error = operation.run(connection);
    if (database.in_transaction()) {
      if (error != nullptr) {
        static_cast<void>(database.execute("ROLLBACK TO operation"));
      }
      static_cast<void>(database.execute("RELEASE operation"));
    }
    return error;
  }

  KeptConnection connection_;
};

class SqliteFileImpl final : public SqliteFile {
 public:
  SqliteFileImpl(std::string path, async::BlockingPool& pool)
      : opener_(std::move(path)),
        writer_(opener_),
        reader_(opener_),
        lister_(opener_),
        writes_(pool, writer_),
        reads_(pool, reader_),
        listings_(pool, lister_) {}

  [[nodiscard]] std::shared_ptr<Store> store(std::string label) override;

  // What is in memory is seen by one connection only.
  [[nodiscard]] async::WorkLane& writes() noexcept { return writes_; }
  [[nodiscard]] async::WorkLane& reads() noexcept { return opener_.is_memory() ? writes_ : reads_; }
  [[nodiscard]] async::WorkLane& listings() noexcept {
    return opener_.is_memory() ? writes_ : listings_;
  }

 private:
  Opener opener_;
  Writer writer_;
  Reader reader_;
  Reader lister_;
  // Last: they end before what they use.
  async::WorkLane writes_;
  async::WorkLane reads_;
  async::WorkLane listings_;
};

class SqliteStore final : public Store {
 public:
  std::string_view backend() const noexcept override { return "spin"; }
  SqliteStore(std::shared_ptr<SqliteFile> owner, SqliteFileImpl& file, std::string label) noexcept
      : owner_(std::move(owner)), file_(file), label_(std::move(label)) {}

  Result<Value> get(Caller caller, std::string_view key) override {
    return run(file_.reads(), caller, make_get(label_, key), key.size());
  }
  Result<> set(Caller caller, std::string_view key, ByteView value) override {
    const PairView pair{key, value};
    return set_many(caller, {&pair, 1});
  }
  Result<> remove(Caller caller, std::string_view key) override {
    return remove_many(caller, {&key, 1});
  }
  Result<bool> exists(Caller caller, std::string_view key) override {
    return run(file_.reads(), caller, make_exists(label_, key), key.size());
  }
  Result<std::vector<std::string>> keys(Caller caller) override {
    return run(file_.listings(), caller, make_keys(label_), 0);
  }
  Result<FoundPairs> get_many(Caller caller, std::span<const std::string_view> keys) override {
    return run(file_.listings(), caller, make_get_many(label_, keys), size_of(keys));
  }
  Result<> set_many(Caller caller, std::span<const PairView> pairs) override {
    std::size_t bytes = 0;
    for (const auto& [key, value] : pairs) {
      bytes += key.size() + value.size() + kPairOverhead;
    }
    return run(file_.writes(), caller, make_set_many(label_, pairs), bytes);
  }
  Result<> remove_many(Caller caller, std::span<const std::string_view> keys) override {
    return run(file_.writes(), caller, make_remove_many(label_, keys), size_of(keys));
  }
  Result<std::int64_t> increment(Caller caller, std::string_view key, std::int64_t delta) override {
    return run(file_.writes(), caller, make_increment(label_, key, delta), key.size());
  }
  Result<bool> compare_and_set(
      Caller caller, std::string_view key, const Value& expected, ByteView value
  ) override {
    const std::size_t bytes = key.size() + value.size() + (expected ? expected->size() : 0);
    return run(file_.writes(), caller, make_compare_and_set(label_, key, expected, value), bytes);
  }

 private:
  static constexpr std::size_t kPairOverhead = 64;

  static std::size_t size_of(std::span<const std::string_view> keys) noexcept {
    std::size_t bytes = 0;
    for (const std::string_view key : keys) {
      bytes += key.size() + kPairOverhead;
    }
    return bytes;
  }

  template <class T>
  Result<T> run(async::WorkLane& lane, Caller caller, const Made<T>& operation, std::size_t cost) {
    WHORL_CHECKED(lane.run(caller.shard, caller.fiber, operation, cost));
    return operation->take_outcome();
  }

  std::shared_ptr<SqliteFile> owner_;
  SqliteFileImpl& file_;
  std::string label_;
};

std::shared_ptr<Store> SqliteFileImpl::store(std::string label) {
  return std::make_shared<SqliteStore>(shared_from_this(), *this, std::move(label));
}

}  // namespace

std::shared_ptr<SqliteFile> SqliteFile::make(std::string path, async::BlockingPool& pool) {
  return std::make_shared<SqliteFileImpl>(std::move(path), pool);
}

}  // namespace whorl::host::key_value
