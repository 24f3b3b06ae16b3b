#include "host/sqlite/backends/sql_connection.hpp"

#include "host/sqlite/backends/sql_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>

namespace whorl::host::sqlite {
namespace {

/// How long another connection's lock is waited for; Spin's.
constexpr std::chrono::milliseconds kBusy{5000};
/// What a row costs besides its values: the vector and its block of memory.
constexpr std::uint64_t kRowBytes = 40;

/// Settings that reach beyond the connection: of the process, or of others who use the file.
constexpr std::array<std::string_view, 7> kForbiddenPragmas{
    "hard_heap_limit",
    "soft_heap_limit",
    "temp_store_directory",
    "data_store_directory",
    "locking_mode",
    "trusted_schema",
    "threads",
};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view one) {
    return std::ranges::equal(name, one, [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
  });
}

/// What later statements on the same connection would notice.
bool leaves_something_behind(const db::Access& access) noexcept {
  switch (access.action) {
    case db::Action::Transaction:
    case db::Action::Savepoint:
    case db::Action::Attach:
    case db::Action::Detach:
    case db::Action::Pragma:
    case db::Action::TempSchema:
      return true;
    default:
      return access.schema == "temp";
  }
}

Result<> bind(db::Statement& statement, int parameter, const Value& value) {
  return std::visit(
      [&](const auto& held) -> Result<> {
        using T = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return statement.bind_null(parameter);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return statement.bind(parameter, std::string_view(held));
        } else if constexpr (std::is_same_v<T, Bytes>) {
          return statement.bind(parameter, ByteView(held));
        } else {
          return statement.bind(parameter, held);
        }
      },
      value
  );
}

Result<> bind_all(db::Statement& statement, const std::vector<Value>& parameters) {
  const int wanted = statement.parameter_count();
  if (std::cmp_not_equal(wanted, parameters.size())) {
    return fail(
        ErrorKind::InvalidInput,
        "Wrong number of parameters passed to query. Got {}, needed {}",
        parameters.size(),
        wanted
    );
  }
  for (int i = 0; i < wanted; ++i) {
    WHORL_CHECKED(bind(statement, i + 1, parameters[static_cast<std::size_t>(i)]));
  }
  return {};
}

Value value_of(const db::Statement& statement, int column) {
  switch (statement.type(column)) {
    case db::ColumnType::Integer:
      return statement.integer(column);
    case db::ColumnType::Real:
      return statement.real(column);
    case db::ColumnType::Text:
      return std::string(statement.text(column));
    case db::ColumnType::Blob: {
      const ByteView bytes = statement.bytes(column);
      return Bytes(bytes.begin(), bytes.end());
    }
    case db::ColumnType::Null:
      break;
  }
  return std::monostate();
}

Result<QueryResult> collect(db::Statement& statement) {
  QueryResult result;
  const int columns = statement.column_count();
  for (int i = 0; i < columns; ++i) {
    result.columns.emplace_back(statement.column_name(i));
  }
  std::uint64_t bytes = 0;
  while (true) {
    WHORL_TRY(const bool has_row, statement.step());
    if (!has_row) {
      return result;
    }
    auto& row = result.rows.emplace_back();
    bytes += kRowBytes;
    row.reserve(static_cast<std::size_t>(columns));
    for (int i = 0; i < columns; ++i) {
      bytes += size_of(row.emplace_back(value_of(statement, i)));
      if (bytes > kMaxAnswerBytes) {
        return fail(
            ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", kMaxAnswerBytes
        );
      }
    }
  }
}

}  // namespace

const Error* SqlJob::run(SqlConnection& connection) {
  db::Connection& database = connection.database();
  interrupter_.begin(kMaxTime);
  database.set_interrupter(&interrupter_);
  database.set_last_insert_rowid(before_.last_insert_rowid);
  connection.set_current(this);
  const std::int64_t counted = database.total_changes();
  const auto run_statement = [&]() -> Result<QueryResult> {
    WHORL_TRY(const auto prepared, connection.prepare(sql_));
    needs_session_ = prepared.needs_session;
    if (needs_session_) {
      return QueryResult();
    }
    const db::Run reset_later(*prepared.statement);
    WHORL_CHECKED(bind_all(*prepared.statement, parameters_));
    return collect(*prepared.statement);
  };
  outcome_ = run_statement();
  connection.set_current(nullptr);
  database.set_interrupter(nullptr);
  if (!*outcome_) {
    return &outcome_->error();
  }
  after_.last_insert_rowid = database.last_insert_rowid();
  after_.total_changes = before_.total_changes + database.total_changes() - counted;
  after_.changes = changes_rows(sql_) ? database.changes() : before_.changes;
  return nullptr;
}

Result<std::unique_ptr<SqlConnection>> SqlConnection::open(
    const std::string& path, Use use, Files files
) {
  WHORL_TRY(
      db::Connection connection, db::Connection::open(path, db::Connection::Mode::ReadWrite, kBusy)
  );
  if (!path.empty()) {
    // Refused where the file system cannot do it or another process uses the file just now; it
    // works as it is then, only that readers and writers wait for one another.
    static_cast<void>(connection.pragma("journal_mode=WAL"));
    WHORL_CHECKED(connection.pragma("synchronous=FULL"));
  }
  connection.enforce_foreign_keys();
  // What could not be answered anyway need not be made.
  connection.limit_length(static_cast<int>(kMaxAnswerBytes));
  if (use == Use::Readers) {
    WHORL_CHECKED(connection.execute("PRAGMA query_only=1"));
  }
  return std::make_unique<SqlConnection>(std::move(connection), use, files);
}

SqlConnection::SqlConnection(db::Connection connection, Use use, Files files)
    : connection_(std::move(connection)), use_(use), files_(files) {
  // Guests share connections without noticing: these two are about a guest's own.
  connection_.define_integer("changes", [this] {
    return current_ != nullptr ? current_->before().changes : 0;
  });
  connection_.define_integer("total_changes", [this] {
    return current_ != nullptr ? current_->before().total_changes : 0;
  });
  connection_.set_authorizer([this](const db::Access& access) { return judge(access); });
}

db::Verdict SqlConnection::judge(const db::Access& access) {
  if (current_ == nullptr) {
    return db::Verdict::Allow;  // the program's own
  }
  if (use_ != Use::Session) {
    // What a statement prepares while it runs (tables of pragmas) leaves nothing behind.
    if (is_preparing_ && leaves_something_behind(access)) {
      wants_session_ = true;
      return db::Verdict::Deny;
    }
    return db::Verdict::Allow;
  }
  switch (access.action) {
    case db::Action::Attach: {
      const bool is_private = access.first.empty() || access.first == ":memory:";
      return is_private || files_ == Files::Allowed ? db::Verdict::Allow : db::Verdict::Deny;
    }
    case db::Action::Pragma:
      return is_one_of(access.first, kForbiddenPragmas) && !access.second.empty()
                 ? db::Verdict::Deny
                 : db::Verdict::Allow;
    default:
      return db::Verdict::Allow;
  }
}

Result<SqlConnection::Prepared> SqlConnection::prepare(const std::string& sql) {
  if (const auto found = by_text_.find(sql); found != by_text_.end()) {
    kept_.splice(kept_.begin(), kept_, found->second);
    return Prepared{&kept_.front().statement};
  }
  is_preparing_ = true;
  wants_session_ = false;
  auto statement = connection_.prepare(sql);
  is_preparing_ = false;
  if (wants_session_) {
    return Prepared{nullptr, true};
  }
  if (!statement) {
    return statement.take_error();
  }
  if (kept_.size() >= kMaxKept) {
    by_text_.erase(kept_.back().sql);
    kept_.pop_back();
  }
  kept_.push_front(Kept{sql, *std::move(statement)});
  by_text_.emplace(kept_.front().sql, kept_.begin());
  return Prepared{&kept_.front().statement};
}

}  // namespace whorl::host::sqlite
