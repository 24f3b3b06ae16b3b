/// SqlConnection: a connection that runs guests' statements, and SqlJob: one of them. Private to
/// the backend. @thread a pool's, one at a time per connection
#pragma once

#include "db/database.hpp"

#include "async/work_lane.hpp"
#include "host/sqlite/database.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::host::sqlite {

class SqlConnection;

/// What a guest's connection knows of its past.
struct Standing {
  std::int64_t last_insert_rowid = 0;
  std::int64_t changes = 0;
  std::int64_t total_changes = 0;
};

/// One statement of a guest, on its way through a lane.
class SqlJob : public async::WorkLane::Operation {
 public:
  SqlJob(std::string_view sql, std::vector<Value> parameters, const Standing& before)
      : sql_(sql), parameters_(std::move(parameters)), before_(before), after_(before) {}
  void on_abandoned() noexcept override { interrupter_.interrupt(); }

  /// Runs it and keeps the outcome. @return the error, if it is one
  const Error* run(SqlConnection& connection);
  void fail_with(const Error& why) { outcome_ = why.clone(); }
  /// True when it must be run again, on a connection of its own.
  [[nodiscard]] bool needs_session() const noexcept { return needs_session_; }
  /// Once it was carried out; likewise those below.
  [[nodiscard]] Result<QueryResult> take_outcome() { return *std::move(outcome_); }
  [[nodiscard]] const std::string& sql() const noexcept { return sql_; }
  [[nodiscard]] std::vector<Value> take_parameters() noexcept { return std::move(parameters_); }
  [[nodiscard]] const Standing& after() const noexcept { return after_; }
  /// While it runs.
  [[nodiscard]] const Standing& before() const noexcept { return before_; }

  /// How long one statement may run.
  static constexpr std::chrono::seconds kMaxTime{30};

 private:
  std::string sql_;
  std::vector<Value> parameters_;
  Standing before_;
  Standing after_;
  db::Interrupter interrupter_;
  bool needs_session_ = false;
  std::optional<Result<QueryResult>> outcome_;
};

class SqlConnection {
 public:
  /// Who uses it.
  enum class Use : std::uint8_t {
    Readers,  ///< many guests; statements that change something are refused
    Writers,  ///< many guests
    Session,  ///< one guest; may have transactions, temporary tables and settings of its own
  };
  enum class Files : bool { Refused, Allowed };

  /// @param path   "" for one in memory
  /// @param files  whether a guest may attach other files
  [[nodiscard]] static Result<std::unique_ptr<SqlConnection>> open(
      const std::string& path, Use use, Files files
  );
  /// For open().
  SqlConnection(db::Connection connection, Use use, Files files);
  SqlConnection(const SqlConnection&) = delete;
  SqlConnection& operator=(const SqlConnection&) = delete;

  [[nodiscard]] db::Connection& database() noexcept { return connection_; }

  /// For SqlJob.
  struct Prepared {
    db::Statement* statement;
    bool needs_session = false;
  };
  /// A statement, kept for the next time. @return errors: db::Connection::prepare()'s
  [[nodiscard]] Result<Prepared> prepare(const std::string& sql);
  void set_current(SqlJob* job) noexcept { current_ = job; }

 private:
  /// Statements kept.
  static constexpr std::size_t kMaxKept = 100;

  [[nodiscard]] db::Verdict judge(const db::Access& access);

  struct Kept {
    std::string sql;
    db::Statement statement;
  };
  db::Connection connection_;
  Use use_;
  Files files_;
  SqlJob* current_ = nullptr;
  bool is_preparing_ = false;
  bool wants_session_ = false;
  std::list<Kept> kept_;  ///< used last comes first
  std::unordered_map<std::string_view, std::list<Kept>::iterator> by_text_;
};

}  // namespace whorl::host::sqlite
