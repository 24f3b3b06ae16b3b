/// SQLite, owned: connections, prepared statements, transactions; errors as values.
///
/// Everything here blocks: for the blocking pool, never on a shard that serves. A connection and
/// its statements belong to one thread at a time; handing them on needs a happens-before edge (a
/// queue, a mutex). The library's header stays in this room's .cpp files.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace whorl::db {

/// What a column of the current row holds.
enum class ColumnType : std::uint8_t { Integer, Real, Text, Blob, Null };

/// A prepared statement. Columns count from 0, parameters from 1. Outlived by its connection.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) noexcept : statement_(statement) {}

  /// Texts and bytes are borrowed until reset(). @return ResourceLimit when too long
  [[nodiscard]] Result<> bind(int parameter, std::int64_t value);
  [[nodiscard]] Result<> bind(int parameter, double value);
  [[nodiscard]] Result<> bind(int parameter, std::string_view text);
  [[nodiscard]] Result<> bind(int parameter, ByteView bytes);
  [[nodiscard]] Result<> bind_null(int parameter);
  [[nodiscard]] int parameter_count() const noexcept;

  /// @return whether there is a row; errors: Connection's
  [[nodiscard]] Result<bool> step();
  /// Ends the run and forgets what was bound.
  void reset() noexcept;

  [[nodiscard]] int column_count() const noexcept;
  [[nodiscard]] std::string_view column_name(int column) const;
  [[nodiscard]] ColumnType type(int column) const noexcept;
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] double real(int column) const noexcept;
  /// Valid until the next step() or reset(); likewise bytes().
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] ByteView bytes(int column) const noexcept;

  /// True when running it changes nothing in the database; also of BEGIN and the like.
  [[nodiscard]] bool is_readonly() const noexcept;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };

 private:
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Resets a statement at the end of a scope.
class Run {
 public:
  explicit Run(Statement& statement) noexcept : statement_(statement) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { statement_.reset(); }

 private:
  Statement& statement_;
};

enum class Action : std::uint8_t {
  Attach,       ///< first: the file
  Detach,       ///< first: the schema
  Pragma,       ///< first: its name; second: its argument
  Transaction,  ///< BEGIN, COMMIT, ROLLBACK
  Savepoint,
  TempSchema,  ///< creates or drops something temporary
  Function,    ///< second: its name
  Other,
};

/// What a statement is about to do, asked while it is prepared; "" where there is no argument.
struct Access {
  Action action;
  std::string_view first;
  std::string_view second;
  std::string_view schema;  ///< "main", "temp", …
};
enum class Verdict : bool { Deny, Allow };
/// Called on the thread that prepares. @see https://sqlite.org/c3ref/set_authorizer.html
using Authorizer = std::move_only_function<Verdict(const Access&)>;

/// Ends statements from outside: by another thread, or when their time is over.
/// @thread any for interrupt()
class Interrupter {
 public:
  /// Statements that run now, or are run later, end soon with Cancelled.
  void interrupt() noexcept { stop_.store(true, std::memory_order_relaxed); }
  /// Statements that run have `time` from now.
  void begin(std::chrono::steady_clock::duration time) noexcept {
    end_ = std::chrono::steady_clock::now() + time;
  }
  [[nodiscard]] bool should_stop() const noexcept {
    return stop_.load(std::memory_order_relaxed) || std::chrono::steady_clock::now() >= end_;
  }

 private:
  std::atomic<bool> stop_{false};
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
};

class Connection {
 public:
  enum class Mode : std::uint8_t {
    ReadWrite,  ///< the file is created if missing
    ReadOnly,   ///< statements that write are refused; the file must exist
  };
  /// Opens a database file, or one in memory that nobody else sees.
  ///
  /// Foreign code (extensions) is never loaded; `busy` is how long a statement waits for another
  /// connection's lock.
  /// @param path  "" for one in memory; never taken for a URI
  [[nodiscard]] static Result<Connection> open(
      const std::string& path, Mode mode, std::chrono::milliseconds busy
  );
  Connection(Connection&&) noexcept = default;
  Connection& operator=(Connection&&) noexcept = default;

  /// Runs statements that give no rows anybody wants. @return errors: see kind_of(); the message is
  ///         the library's
  [[nodiscard]] Result<> execute(const std::string& sql);
  /// Prepares the first statement of `sql`; the rest is ignored. Errors are worded as Spin's.
  /// @return InvalidInput when it cannot be understood or there is none; PermissionDenied by the
  ///         authorizer
  [[nodiscard]] Result<Statement> prepare(std::string_view sql);
  /// Asks for a value of a pragma: `pragma("journal_mode=WAL")`.
  [[nodiscard]] Result<std::string> pragma(const std::string& text);

  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] std::int64_t last_insert_rowid() const noexcept;
  void set_last_insert_rowid(std::int64_t rowid) noexcept;
  /// Rows changed by the last statement that changes rows, and by all of them since the opening.
  [[nodiscard]] std::int64_t changes() const noexcept;
  [[nodiscard]] std::int64_t total_changes() const noexcept;

  /// Makes an SQL function without arguments that gives an integer.
  void define_integer(const char* name, std::move_only_function<std::int64_t()> value);
  /// Whether REFERENCES clauses are enforced; off at first.
  void enforce_foreign_keys() noexcept;
  void set_authorizer(Authorizer authorizer);
  /// Statements ask it every so often. @param interrupter  outlives the connection; may be null
  void set_interrupter(const Interrupter* interrupter) noexcept;
  /// Longest text, blob or row, bytes.
  void limit_length(int bytes) noexcept;

  struct Close {
    void operator()(sqlite3* connection) const noexcept;
  };

 private:
  explicit Connection(sqlite3* connection) noexcept : connection_(connection) {}

  // The authorizer outlives the connection that calls it.
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<sqlite3, Close> connection_;
};

/// Rolls back at the end of a scope unless committed.
class Transaction {
 public:
  enum class Kind : std::uint8_t {
    Read,   ///< sees one state of the database throughout
    Write,  ///< holds the write lock from the start
  };
  /// @return errors: Overloaded when another connection holds the lock for too long
  [[nodiscard]] static Result<Transaction> begin(Connection& connection, Kind kind);
  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// After this everything is on the disk, as far as the connection's `synchronous` says so.
  [[nodiscard]] Result<> commit();

 private:
  explicit Transaction(Connection& connection) noexcept : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace whorl::db
