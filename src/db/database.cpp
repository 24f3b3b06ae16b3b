#include "db/database.hpp"

#include "base/check.hpp"

#include <sqlite3.h>

#include <limits>
#include <utility>

namespace whorl::db {
namespace {

/// Virtual-machine steps between two looks at the interrupter: some microseconds.
constexpr int kInterruptSteps = 1000;

ErrorKind kind_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorKind::Overloaded;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
    case SQLITE_NOMEM:
      return ErrorKind::ResourceLimit;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorKind::Corrupt;
    case SQLITE_AUTH:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return ErrorKind::PermissionDenied;
    case SQLITE_CONSTRAINT:
      return ErrorKind::AlreadyExists;
    case SQLITE_INTERRUPT:
      return ErrorKind::Cancelled;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      return ErrorKind::Unavailable;
    default:
      return ErrorKind::InvalidInput;
  }
}

Error error_of(
    sqlite3* connection, int code, std::source_location where = std::source_location::current()
) {
  const char* text = connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
  return Error(kind_of(code), text, where);
}

Result<> check(
    sqlite3_stmt* statement, int code, std::source_location where = std::source_location::current()
) {
  if (code == SQLITE_OK) {
    return {};
  }
  return error_of(sqlite3_db_handle(statement), code, where);
}

const char* or_empty(const char* text) noexcept {
  return text != nullptr ? text : "";
}

Action action_of(int code) noexcept {
  switch (code) {
    case SQLITE_ATTACH:
      return Action::Attach;
    case SQLITE_DETACH:
      return Action::Detach;
    case SQLITE_PRAGMA:
      return Action::Pragma;
    case SQLITE_TRANSACTION:
      return Action::Transaction;
    case SQLITE_SAVEPOINT:
      return Action::Savepoint;
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
    case SQLITE_DROP_TEMP_INDEX:
    case SQLITE_DROP_TEMP_TABLE:
    case SQLITE_DROP_TEMP_TRIGGER:
    case SQLITE_DROP_TEMP_VIEW:
      return Action::TempSchema;
    case SQLITE_FUNCTION:
      return Action::Function;
    default:
      return Action::Other;
  }
}

int ask_authorizer(void* context, int action, const char* first, const char* second, const char* schema, const char*) {
  auto& authorizer = *static_cast<Authorizer*>(context);
  const Access access{action_of(action), or_empty(first), or_empty(second), or_empty(schema)};
  return authorizer(access) == Verdict::Allow ? SQLITE_OK : SQLITE_DENY;
}

int ask_interrupter(void* context) {
  return static_cast<const Interrupter*>(context)->should_stop() ? 1 : 0;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

Result<> Statement::bind(int parameter, std::int64_t value) {
  return check(statement_.get(), sqlite3_bind_int64(statement_.get(), parameter, value));
}

Result<> Statement::bind(int parameter, double value) {
  return check(statement_.get(), sqlite3_bind_double(statement_.get(), parameter, value));
}

Result<> Statement::bind(int parameter, std::string_view text) {
  // A null pointer would be bound as NULL.
  const char* data = text.data() != nullptr ? text.data() : "";
  return check(
      statement_.get(),
      sqlite3_bind_text64(
          statement_.get(), parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8
      )
  );
}

Result<> Statement::bind(int parameter, ByteView bytes) {
  if (bytes.empty()) {
    return check(statement_.get(), sqlite3_bind_zeroblob(statement_.get(), parameter, 0));
  }
  return check(
      statement_.get(),
      sqlite3_bind_blob64(statement_.get(), parameter, bytes.data(), bytes.size(), SQLITE_STATIC)
  );
}

Result<> Statement::bind_null(int parameter) {
  return check(statement_.get(), sqlite3_bind_null(statement_.get(), parameter));
}

int Statement::parameter_count() const noexcept {
  return sqlite3_bind_parameter_count(statement_.get());
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    return false;
  }
  return error_of(sqlite3_db_handle(statement_.get()), code);
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int Statement::column_count() const noexcept {
  return sqlite3_column_count(statement_.get());
}

std::string_view Statement::column_name(int column) const {
  return or_empty(sqlite3_column_name(statement_.get(), column));
}

ColumnType Statement::type(int column) const noexcept {
  switch (sqlite3_column_type(statement_.get(), column)) {
    case SQLITE_INTEGER:
      return ColumnType::Integer;
    case SQLITE_FLOAT:
      return ColumnType::Real;
    case SQLITE_TEXT:
      return ColumnType::Text;
    case SQLITE_BLOB:
      return ColumnType::Blob;
    default:
      return ColumnType::Null;
  }
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const noexcept {
  return sqlite3_column_double(statement_.get(), column);
}

std::string_view Statement::text(int column) const noexcept {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  return {or_empty(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

ByteView Statement::bytes(int column) const noexcept {
  const auto* data =
      static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::is_readonly() const noexcept {
  return sqlite3_stmt_readonly(statement_.get()) != 0;
}

void Connection::Close::operator()(sqlite3* connection) const noexcept {
  sqlite3_close_v2(connection);
}

Result<Connection> Connection::open(
    const std::string& path, Mode mode, std::chrono::milliseconds busy
) {
  sqlite3* opened = nullptr;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  flags |=
      mode == Mode::ReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  // A name that begins like a URI or ":memory:" is a file of that name when a folder stands first.
  const bool is_plain = path.empty() || path.starts_with('/');
  const std::string name = path.empty() ? ":memory:" : is_plain ? path : "./" + path;
  const int code = sqlite3_open_v2(name.c_str(), &opened, flags, nullptr);
  Connection connection(opened);
  if (code != SQLITE_OK) {
    return error_of(opened, code);
  }
  sqlite3_busy_timeout(opened, static_cast<int>(busy.count()));
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  // A file may come from anywhere: functions with side effects stay out of its schema.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  return connection;
}

Result<> Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return error_of(connection_.get(), code);
  }
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  if (sql.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return fail(ErrorKind::ResourceLimit, "statement too long");
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(
      connection_.get(),
      sql.data() != nullptr ? sql.data() : "",
      static_cast<int>(sql.size()),
      SQLITE_PREPARE_PERSISTENT,
      &statement,
      nullptr
  );
  if (code != SQLITE_OK) {
    Error error = error_of(connection_.get(), code);
    const int offset = sqlite3_error_offset(connection_.get());
    if ((code & 0xff) == SQLITE_ERROR && offset >= 0) {
      return fail(error.kind(), "{} in {} at offset {}", error.message(), sql, offset);
    }
    return error;
  }
  if (statement == nullptr) {
    return fail(ErrorKind::InvalidInput, "bad parameter or other API misuse");
  }
  return Statement(statement);
}

Result<std::string> Connection::pragma(const std::string& text) {
  WHORL_TRY(Statement statement, prepare("PRAGMA " + text));
  WHORL_TRY(const bool has_row, statement.step());
  return has_row ? std::string(statement.text(0)) : std::string();
}

bool Connection::in_transaction() const noexcept {
  return sqlite3_get_autocommit(connection_.get()) == 0;
}

std::int64_t Connection::last_insert_rowid() const noexcept {
  return sqlite3_last_insert_rowid(connection_.get());
}

void Connection::set_last_insert_rowid(std::int64_t rowid) noexcept {
  sqlite3_set_last_insert_rowid(connection_.get(), rowid);
}

std::int64_t Connection::changes() const noexcept {
  return sqlite3_changes64(connection_.get());
}

std::int64_t Connection::total_changes() const noexcept {
  return sqlite3_total_changes64(connection_.get());
}

void Connection::define_integer(const char* name, std::move_only_function<std::int64_t()> value) {
  using Value = std::move_only_function<std::int64_t()>;
  auto owned = std::make_unique<Value>(std::move(value));
  // The library frees the context, also when it fails.
  const int code = sqlite3_create_function_v2(
      connection_.get(),
      name,
      0,
      SQLITE_UTF8 | SQLITE_INNOCUOUS,
      owned.release(),
      [](sqlite3_context* context, int, sqlite3_value**) {
        sqlite3_result_int64(context, (*static_cast<Value*>(sqlite3_user_data(context)))());
      },
      nullptr,
      nullptr,
      [](void* context) { std::unique_ptr<Value>(static_cast<Value*>(context)).reset(); }
  );
  WHORL_CHECK(code == SQLITE_OK, "a function can be defined", code);
}

void Connection::enforce_foreign_keys() noexcept {
  sqlite3_db_config(connection_.get(), SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
}

void Connection::set_authorizer(Authorizer authorizer) {
  authorizer_ = std::make_unique<Authorizer>(std::move(authorizer));
  sqlite3_set_authorizer(connection_.get(), &ask_authorizer, authorizer_.get());
}

void Connection::set_interrupter(const Interrupter* interrupter) noexcept {
  sqlite3_progress_handler(
      connection_.get(),
      interrupter != nullptr ? kInterruptSteps : 0,
      interrupter != nullptr ? &ask_interrupter : nullptr,
      const_cast<Interrupter*>(interrupter)
  );
}

void Connection::limit_length(int bytes) noexcept {
  sqlite3_limit(connection_.get(), SQLITE_LIMIT_LENGTH, bytes);
}

Result<Transaction> Transaction::begin(Connection& connection, Kind kind) {
  WHORL_CHECK(!connection.in_transaction(), "transactions do not nest");
  WHORL_CHECKED(connection.execute(kind == Kind::Write ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // Some errors have rolled back already.
  if (connection_ != nullptr && connection_->in_transaction()) {
    static_cast<void>(connection_->execute("ROLLBACK"));
  }
}

Result<> Transaction::commit() {
  WHORL_CHECKED(connection_->execute("COMMIT"));
  connection_ = nullptr;
  return {};
}

}  // namespace whorl::db
