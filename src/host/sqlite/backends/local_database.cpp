#include "host/sqlite/backends/local_database.hpp"

#include "db/group_commit.hpp"

#include "fs/file.hpp"
#include "host/sqlite/backends/sql_connection.hpp"
#include "host/sqlite/backends/sql_text.hpp"
#include "host/sqlite/backends/write_ticket.hpp"
#include "log/log.hpp"
#include "log/rate_limit.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace whorl::host::sqlite {
namespace {

/// What a statement takes while it waits for its turn.
std::size_t cost_of(std::string_view sql, const std::vector<Value>& parameters) noexcept {
  std::size_t bytes = sql.size();
  for (const Value& value : parameters) {
    bytes += size_of(value);
  }
  return bytes;
}

constexpr std::string_view kLogTarget = "whorl::sqlite";
/// Threads for statements that read or have a connection of their own; as many as may be slow at a
/// time before others wait.
constexpr unsigned kThreads = 8;
/// One statement after another, so that a slow one does not hold back the answers before it.
constexpr async::LaneLimits kOneByOne{.batch_operations = 1};
constexpr async::LaneLimits kGrouped{.batch_operations = 64};

constinit log::RateLimit trouble_reports{10, std::chrono::seconds(1)};

SqlJob& as_job(const std::shared_ptr<async::WorkLane::Operation>& operation) {
  return static_cast<SqlJob&>(*operation);
}

/// Opens connections to one database, its folder first.
class Opener {
 public:
  explicit Opener(LocalOptions options) : options_(std::move(options)) {}
  [[nodiscard]] bool is_memory() const noexcept { return options_.path.empty(); }

  /// @return errors: their message is for guests; the log has the rest. @thread pool
  [[nodiscard]] Result<std::unique_ptr<SqlConnection>> open(SqlConnection::Use use) {
    const std::scoped_lock lock(mutex_);
    auto opened = try_open(use);
    if (!opened) {
      report(opened.error());
      return fail(opened.error().kind(), "unable to open database file");
    }
    return opened;
  }
  void report(const Error& error) const {
    log::log_limited(
        trouble_reports,
        log::Level::Error,
        kLogTarget,
        "database {}: {}",
        is_memory() ? "in memory" : fs::quote_path(options_.path),
        error.to_line()
    );
  }

 private:
  Result<std::unique_ptr<SqlConnection>> try_open(SqlConnection::Use use) {
    if (!is_memory()) {
      const std::string folder(fs::parent(options_.path));
      WHORL_CHECKED(fs::create_directories(folder.empty() ? "." : folder));
      WHORL_CHECKED(fs::sync_directory(std::string(fs::parent(folder))));
    }
    return SqlConnection::open(
        options_.path,
        use,
        options_.may_attach_files ? SqlConnection::Files::Allowed : SqlConnection::Files::Refused
    );
  }

  const LocalOptions options_;
  std::mutex mutex_;
};

/// A connection opened when needed, and again after the file turned out broken or gone.
class KeptConnection {
 public:
  KeptConnection(Opener& opener, SqlConnection::Use use) noexcept : opener_(opener), use_(use) {}
  [[nodiscard]] Result<SqlConnection*> get() {
    if (connection_ == nullptr) {
      WHORL_TRY(connection_, opener_.open(use_));
    }
    return connection_.get();
  }
  void note(const Error* error) {
    if (error == nullptr ||
        (error->kind() != ErrorKind::Corrupt && error->kind() != ErrorKind::Unavailable)) {
      return;
    }
    opener_.report(*error);
    connection_.reset();
  }

 private:
  Opener& opener_;
  SqlConnection::Use use_;
  std::unique_ptr<SqlConnection> connection_;
};

/// Statements that read, on a connection shared by all guests.
class Reader final : public async::WorkLane::Worker {
 public:
  Reader(Opener& opener, async::BlockingPool& pool)
      : connection_(opener, SqlConnection::Use::Readers), lane_(pool, *this, kOneByOne) {}
  void work(async::WorkLane::Batch batch) override {
    for (const auto& operation : batch) {
      auto connection = connection_.get();
      if (!connection) {
        as_job(operation).fail_with(connection.error());
        continue;
      }
      connection_.note(as_job(operation).run(**connection));
    }
  }
  [[nodiscard]] async::WorkLane& lane() noexcept { return lane_; }

 private:
  KeptConnection connection_;
  async::WorkLane lane_;
};

/// Statements that write, in groups.
class Writer final : public async::WorkLane::Worker {
 public:
  Writer(Opener& opener, async::BlockingPool& pool)
      : connection_(opener, SqlConnection::Use::Writers), lane_(pool, *this, kGrouped) {}
  void work(async::WorkLane::Batch batch) override {
    auto connection = connection_.get();
    if (!connection) {
      for (const auto& operation : batch) {
        as_job(operation).fail_with(connection.error());
      }
      return;
    }
    if (const auto turn = ticket_.take_blocking(); !turn) {
      for (const auto& operation : batch) {
        as_job(operation).fail_with(turn.error());
      }
      return;
    }
    const auto trouble = db::commit_group(
        (*connection)->database(),
        batch.size(),
        [&](std::size_t i) { return as_job(batch[i]).run(**connection); },
        [&](std::size_t i, const Error& why) { as_job(batch[i]).fail_with(why); }
    );
    ticket_.give_back();
    connection_.note(trouble ? &*trouble : nullptr);
  }
  [[nodiscard]] async::WorkLane& lane() noexcept { return lane_; }
  [[nodiscard]] WriteTicket& ticket() noexcept { return ticket_; }

 private:
  KeptConnection connection_;
  WriteTicket ticket_;
  async::WorkLane lane_;
};

/// A statement on a connection of the guest's own, or the end of that connection.
class SessionOperation : public SqlJob {
 public:
  using SqlJob::SqlJob;
  virtual void run_in_session() = 0;
};

class SessionWorker final : public async::WorkLane::Worker {
 public:
  void work(async::WorkLane::Batch batch) override {
    for (const auto& operation : batch) {
      static_cast<SessionOperation&>(*operation).run_in_session();
    }
  }
};

}  // namespace

struct SqlLanes::Impl {
  async::BlockingPool writers;
  async::BlockingPool others{kThreads};
  SessionWorker worker;
  std::array<std::unique_ptr<async::WorkLane>, kSessionLanes> sessions;

  /// The lane with the least to do.
  [[nodiscard]] async::WorkLane& session_lane() {
    return **std::ranges::min_element(sessions, {}, [](const auto& lane) { return lane->load(); });
  }
};

SqlLanes::SqlLanes() : impl_(std::make_unique<Impl>()) {
  for (auto& lane : impl_->sessions) {
    lane = std::make_unique<async::WorkLane>(impl_->others, impl_->worker, kOneByOne);
  }
}

SqlLanes::~SqlLanes() = default;

namespace {

class LocalDatabase final : public Database, public std::enable_shared_from_this<LocalDatabase> {
 public:
  std::string_view backend() const noexcept override { return "spin"; }
  LocalDatabase(LocalOptions options, SqlLanes::Impl& lanes)
      : opener_(std::move(options)), lanes_(lanes), writer_(opener_, lanes.writers) {
    for (auto& reader : readers_) {
      reader = std::make_unique<Reader>(opener_, lanes.others);
    }
  }
  [[nodiscard]] std::shared_ptr<Connection> open() override;

  [[nodiscard]] Opener& opener() noexcept { return opener_; }
  [[nodiscard]] async::WorkLane& writing() noexcept { return writer_.lane(); }
  [[nodiscard]] WriteTicket& ticket() noexcept { return writer_.ticket(); }
  [[nodiscard]] async::WorkLane& reading() {
    return (*std::ranges::min_element(
                readers_, {}, [](const auto& reader) { return reader->lane().load(); }
            )
    )->lane();
  }
  [[nodiscard]] async::WorkLane& session_lane() { return lanes_.session_lane(); }

 private:
  static constexpr std::size_t kReaders = 2;
  Opener opener_;
  SqlLanes::Impl& lanes_;
  Writer writer_;
  std::array<std::unique_ptr<Reader>, kReaders> readers_;
};

/// A connection of a guest's own, used and closed on one lane only. It has the ticket while it is
/// in a transaction, and while a statement runs that may write.
class Session {
 public:
  Session(std::shared_ptr<LocalDatabase> database, async::WorkLane& lane) noexcept
      : database_(std::move(database)), lane_(lane) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { close(); }
  [[nodiscard]] async::WorkLane& lane() noexcept { return lane_; }

  /// Before a statement that may write. @thread shard
  [[nodiscard]] Result<> take_ticket(Caller caller) {
    if (!has_ticket_) {
      WHORL_CHECKED(database_->ticket().take(caller));
      has_ticket_ = true;
    }
    return {};
  }
  /// @thread pool, likewise those below
  [[nodiscard]] Result<SqlConnection*> get() {
    if (connection_ == nullptr) {
      WHORL_TRY(connection_, database_->opener().open(SqlConnection::Use::Session));
    }
    return connection_.get();
  }
  void settle() noexcept {
    if (has_ticket_ && (connection_ == nullptr || !connection_->database().in_transaction())) {
      has_ticket_ = false;
      database_->ticket().give_back();
    }
  }
  void close() noexcept {
    connection_.reset();
    settle();
  }

 private:
  std::shared_ptr<LocalDatabase> database_;
  async::WorkLane& lane_;
  /// Handed on between shard and pool with each statement, like the connection.
  bool has_ticket_ = false;
  std::unique_ptr<SqlConnection> connection_;
};

class SessionStatement final : public SessionOperation {
 public:
  SessionStatement(
      std::shared_ptr<Session> session,
      std::string_view sql,
      std::vector<Value> parameters,
      const Standing& before
  )
      : SessionOperation(sql, std::move(parameters), before), session_(std::move(session)) {}
  void run_in_session() override {
    if (auto connection = session_->get(); connection) {
      static_cast<void>(run(**connection));
    } else {
      fail_with(connection.error());
    }
    session_->settle();
  }

 private:
  std::shared_ptr<Session> session_;
};

class SessionEnd final : public SessionOperation {
 public:
  explicit SessionEnd(std::shared_ptr<Session> session)
      : SessionOperation({}, {}, {}), session_(std::move(session)) {}
  void run_in_session() override { session_->close(); }

 private:
  std::shared_ptr<Session> session_;
};

class LocalConnection final : public Connection {
 public:
  std::string_view backend() const noexcept override { return "spin"; }
  explicit LocalConnection(std::shared_ptr<LocalDatabase> database)
      : database_(std::move(database)) {
    if (database_->opener().is_memory()) {
      make_session();
    }
  }
  LocalConnection(const LocalConnection&) = delete;
  LocalConnection& operator=(const LocalConnection&) = delete;
  // Closing waits for the disk where something is rolled back: not here.
  ~LocalConnection() override {
    if (session_ != nullptr) {
      // A lane that is full lets the connection end here, late rather than never.
      static_cast<void>(session_->lane().post(std::make_shared<SessionEnd>(session_)));
    }
  }

  Result<QueryResult> execute(Caller caller, std::string_view sql, std::vector<Value> parameters)
      override {
    if (session_ == nullptr) {
      const Route route = route_of(sql);
      if (route != Route::Session) {
        const std::size_t cost = cost_of(sql, parameters);
        const auto job = std::make_shared<SqlJob>(sql, std::move(parameters), standing_);
        auto& lane = route == Route::Read ? database_->reading() : database_->writing();
        WHORL_CHECKED(lane.run(caller.shard, caller.fiber, job, cost));
        if (!job->needs_session()) {
          standing_ = job->after();
          return job->take_outcome();
        }
        // The text may lie in memory that the guest has changed meanwhile: the job has a copy.
        return run_in_session(caller, job->sql(), job->take_parameters());
      }
    }
    return run_in_session(caller, sql, std::move(parameters));
  }
  std::int64_t last_insert_rowid() const noexcept override { return standing_.last_insert_rowid; }
  std::uint64_t changes() const noexcept override {
    return static_cast<std::uint64_t>(standing_.changes);
  }

 private:
  void make_session() {
    session_ = std::make_shared<Session>(database_, database_->session_lane());
  }
  Result<QueryResult> run_in_session(
      Caller caller, std::string_view sql, std::vector<Value> parameters
  ) {
    if (session_ == nullptr) {
      make_session();
    }
    // In memory nobody else writes.
    if (!database_->opener().is_memory() && route_of(sql) != Route::Read) {
      WHORL_CHECKED(session_->take_ticket(caller));
    }
    const std::size_t cost = cost_of(sql, parameters);
    const auto statement =
        std::make_shared<SessionStatement>(session_, sql, std::move(parameters), standing_);
    WHORL_CHECKED(session_->lane().run(caller.shard, caller.fiber, statement, cost));
    standing_ = statement->after();
    return statement->take_outcome();
  }

  std::shared_ptr<LocalDatabase> database_;
  std::shared_ptr<Session> session_;  ///< once it is needed
  Standing standing_;
};

std::shared_ptr<Connection> LocalDatabase::open() {
  return std::make_shared<LocalConnection>(shared_from_this());
}

}  // namespace

std::shared_ptr<Database> make_local_database(LocalOptions options, SqlLanes& lanes) {
  return std::make_shared<LocalDatabase>(std::move(options), lanes.impl());
}

Result<> run_script(const std::string& path, const std::string& sql) {
  Opener opener({.path = path, .may_attach_files = true});
  WHORL_TRY(const auto connection, opener.open(SqlConnection::Use::Session));
  return connection->database().execute(sql);
}

}  // namespace whorl::host::sqlite
