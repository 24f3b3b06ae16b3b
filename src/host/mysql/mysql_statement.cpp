// One statement through the binary protocol: prepare, execute, fetch row by row.
#include "component/utf8.hpp"
#include "host/mysql/mysql_impl.hpp"
#include "telemetry/text.hpp"

#include <type_traits>
#include <vector>

namespace whorl::host::mysql {
namespace {

using Value = types::DbValue;
using Type = types::DbDataType;

/// What the server says of statements that only the text protocol has.
constexpr unsigned kNotPreparable = 1295;
/// The character set of bytes that are no text.
constexpr unsigned kBinary = 63;

struct CloseStatement {
  const MysqlLibrary* library;
  void operator()(MYSQL_STMT* statement) const noexcept { library->stmt_close(statement); }
};
using Statement = std::unique_ptr<MYSQL_STMT, CloseStatement>;
struct FreeResult {
  const MysqlLibrary* library;
  void operator()(MYSQL_RES* result) const noexcept { library->free_result(result); }
};

std::unexpected<types::Error> query_failed(const MysqlLibrary& library, MYSQL_STMT* statement) {
  return std::unexpected(types::Error::query_failed(server_error(
      library.stmt_sql_state(statement),
      library.stmt_error_number(statement),
      library.stmt_error_text(statement)
  )));
}

Type type_of(const MYSQL_FIELD& field) {
  const bool is_unsigned = (field.flags & UNSIGNED_FLAG) != 0;
  switch (field.type) {
    case MYSQL_TYPE_TINY:
      return is_unsigned ? Type::Uint8 : Type::Int8;
    case MYSQL_TYPE_SHORT:
      return is_unsigned ? Type::Uint16 : Type::Int16;
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
      return is_unsigned ? Type::Uint32 : Type::Int32;
    case MYSQL_TYPE_LONGLONG:
      return is_unsigned ? Type::Uint64 : Type::Int64;
    case MYSQL_TYPE_FLOAT:
      return Type::Floating32;
    case MYSQL_TYPE_DOUBLE:
      return Type::Floating64;
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
      return (field.flags & (ENUM_FLAG | SET_FLAG)) != 0 ? Type::Other
             : field.charsetnr == kBinary                ? Type::Binary
                                                         : Type::Str;
    default:
      return Type::Other;
  }
}

/// A column's place for one row's value.
struct Cell {
  Type type = Type::Other;
  union {
    std::int64_t integer;
    float single;
    double real;
  } number{};
  unsigned long length = 0;
  my_bool is_null = 0;
  my_bool is_cut = 0;

  void bind(MYSQL_BIND& out) {
    out.length = &length;
    out.is_null = &is_null;
    out.error = &is_cut;
    out.buffer = &number;
    switch (type) {
      case Type::Str:
      case Type::Binary:
      case Type::Other:
        // Its length is told first, then it is fetched.
        out.buffer_type = MYSQL_TYPE_BLOB;
        out.buffer_length = 0;
        break;
      case Type::Floating32:
        out.buffer_type = MYSQL_TYPE_FLOAT;
        break;
      case Type::Floating64:
        out.buffer_type = MYSQL_TYPE_DOUBLE;
        break;
      default:
        out.buffer_type = MYSQL_TYPE_LONGLONG;
        out.is_unsigned = type == Type::Uint8 || type == Type::Uint16 || type == Type::Uint32 ||
                          type == Type::Uint64;
    }
  }
};

/// A parameter's place, which the server's types are made from.
struct Parameter {
  types::ParameterValue value;
  std::int64_t integer = 0;
  unsigned long length = 0;

  void bind(MYSQL_BIND& out) {
    out.length = &length;
    std::visit(
        [&](auto& held) {
          using T = std::decay_t<decltype(held)>;
          if constexpr (std::is_same_v<T, std::monostate>) {
            out.buffer_type = MYSQL_TYPE_NULL;
          } else if constexpr (std::is_integral_v<T>) {
            integer = static_cast<std::int64_t>(held);
            out.buffer_type = MYSQL_TYPE_LONGLONG;
            out.is_unsigned = std::is_unsigned_v<T>;
            out.buffer = &integer;
          } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
            out.buffer_type = std::is_same_v<T, float> ? MYSQL_TYPE_FLOAT : MYSQL_TYPE_DOUBLE;
            out.buffer = &held;
          } else {
            out.buffer_type = std::is_same_v<T, std::string> ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
            out.buffer = const_cast<void*>(static_cast<const void*>(held.data()));
            length = held.size();
            out.buffer_length = held.size();
          }
        },
        value.payload
    );
  }
};

class Run {
 public:
  Run(Caller caller, MysqlConnection::Impl& connection, async::Deadline deadline) noexcept
      : caller_(caller),
        connection_(connection),
        library_(connection.library),
        deadline_(deadline) {}

  Outcome<types::RowSet> run(
      const std::string& text, std::vector<types::ParameterValue> parameters
  );

 private:
  Outcome<types::RowSet> run_as_text(const std::string& text);
  Outcome<void> execute(MYSQL_STMT* statement, std::vector<types::ParameterValue> parameters);
  Outcome<types::RowSet> read_rows(MYSQL_STMT* statement);
  Outcome<Value> read(MYSQL_STMT* statement, unsigned column, Cell& cell);

  Caller caller_;
  MysqlConnection::Impl& connection_;
  const MysqlLibrary& library_;
  async::Deadline deadline_;
  std::uint64_t bytes_ = 0;
};

Outcome<types::RowSet> Run::run_as_text(const std::string& text) {
  int failed = 0;
  const bool ended = connection_.drive(
      caller_,
      deadline_,
      [&] { return library_.query_start(&failed, connection_.handle, text.data(), text.size()); },
      [&](int ready) { return library_.query_cont(&failed, connection_.handle, ready); }
  );
  if (!ended) {
    return connection_.timed_out();
  }
  if (failed != 0) {
    return std::unexpected(types::Error::query_failed(server_error(
        library_.sql_state(connection_.handle),
        library_.error_number(connection_.handle),
        library_.error_text(connection_.handle)
    )));
  }
  if (library_.field_count(connection_.handle) != 0) {
    return connection_.broken("a statement that cannot be prepared has rows");
  }
  return types::RowSet();
}

Outcome<void> Run::execute(MYSQL_STMT* statement, std::vector<types::ParameterValue> parameters) {
  const std::size_t wanted = library_.parameter_count(statement);
  if (wanted != parameters.size()) {
    return std::unexpected(types::Error::query_failed(
        fmt::format("Statement takes {} parameters but {} was supplied.", wanted, parameters.size())
    ));
  }
  std::vector<Parameter> held(parameters.size());
  std::vector<MYSQL_BIND> binds(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    held[i].value = std::move(parameters[i]);
    held[i].bind(binds[i]);
  }
  if (!binds.empty() && library_.bind_parameters(statement, binds.data()) != 0) {
    return std::unexpected(
        types::Error::bad_parameter(telemetry::to_utf8(library_.stmt_error_text(statement)))
    );
  }
  int failed = 0;
  const bool ended = connection_.drive(
      caller_,
      deadline_,
      [&] { return library_.execute_start(&failed, statement); },
      [&](int ready) { return library_.execute_cont(&failed, statement, ready); }
  );
  if (!ended) {
    return connection_.timed_out();
  }
  return failed == 0 ? Outcome<void>() : query_failed(library_, statement);
}

Outcome<Value> Run::read(MYSQL_STMT* statement, unsigned column, Cell& cell) {
  bytes_ += sizeof(Value) + (cell.is_null != 0 ? 0 : cell.length);
  if (bytes_ > kMaxAnswerBytes) {
    return connection_.broken(fmt::format("query result exceeds limit of {} bytes", kMaxAnswerBytes)
    );
  }
  if (cell.is_null != 0) {
    return Value::db_null();
  }
  const std::int64_t integer = cell.number.integer;
  switch (cell.type) {
    case Type::Int8:
      return Value::int8(static_cast<std::int8_t>(integer));
    case Type::Int16:
      return Value::int16(static_cast<std::int16_t>(integer));
    case Type::Int32:
      return Value::int32(static_cast<std::int32_t>(integer));
    case Type::Int64:
      return Value::int64(integer);
    case Type::Uint8:
      return Value::uint8(static_cast<std::uint8_t>(integer));
    case Type::Uint16:
      return Value::uint16(static_cast<std::uint16_t>(integer));
    case Type::Uint32:
      return Value::uint32(static_cast<std::uint32_t>(integer));
    case Type::Uint64:
      return Value::uint64(static_cast<std::uint64_t>(integer));
    case Type::Floating32:
      return Value::floating32(cell.number.single);
    case Type::Floating64:
      return Value::floating64(cell.number.real);
    case Type::Str:
    case Type::Binary:
      break;
    default:
      return std::unexpected(types::Error::value_conversion_failed(
          fmt::format("column {} has a type that has no form here", column)
      ));
  }
  Bytes data(cell.length);
  MYSQL_BIND whole{};
  unsigned long length = 0;
  whole.buffer_type = MYSQL_TYPE_BLOB;
  whole.buffer = data.data();
  whole.buffer_length = data.size();
  whole.length = &length;
  if (!data.empty() && library_.fetch_column(statement, &whole, column, 0) != 0) {
    return connection_.broken("a value cannot be read");
  }
  if (cell.type == Type::Binary) {
    return Value::binary(std::move(data));
  }
  std::string text(as_text(data));
  if (!component::is_valid_utf8(text)) {
    return std::unexpected(types::Error::value_conversion_failed("a text is not UTF-8"));
  }
  return Value::str(std::move(text));
}

Outcome<types::RowSet> Run::read_rows(MYSQL_STMT* statement) {
  const std::unique_ptr<MYSQL_RES, FreeResult> columns(
      library_.result_metadata(statement), FreeResult{&library_}
  );
  types::RowSet out;
  if (columns == nullptr) {
    return out;
  }
  const MYSQL_FIELD* fields = library_.fields(columns.get());
  const unsigned count = library_.number_of_fields(columns.get());
  std::vector<Cell> cells(count);
  std::vector<MYSQL_BIND> binds(count);
  for (unsigned i = 0; i < count; ++i) {
    cells[i].type = type_of(fields[i]);
    cells[i].bind(binds[i]);
    const std::string_view name(fields[i].name, fields[i].name_length);
    out.columns.push_back({telemetry::to_utf8(name), cells[i].type});
  }
  if (library_.bind_result(statement, binds.data()) != 0) {
    return connection_.broken("the result cannot be read");
  }
  std::optional<types::Error> first_error;
  while (true) {
    int fetched = 0;
    const bool ended = connection_.drive(
        caller_,
        deadline_,
        [&] { return library_.fetch_start(&fetched, statement); },
        [&](int ready) { return library_.fetch_cont(&fetched, statement, ready); }
    );
    if (!ended) {
      return connection_.timed_out();
    }
    if (fetched == MYSQL_NO_DATA) {
      break;
    }
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) {
      return connection_.broken(telemetry::to_utf8(library_.stmt_error_text(statement)));
    }
    if (first_error) {
      continue;  // what is left must be read all the same
    }
    auto& row = out.rows.emplace_back();
    for (unsigned i = 0; i < count && !first_error; ++i) {
      auto value = read(statement, i, cells[i]);
      if (connection_.handle == nullptr) {
        return std::unexpected(std::move(value.error()));
      }
      if (value) {
        row.push_back(*std::move(value));
      } else {
        first_error = std::move(value.error());
      }
    }
  }
  if (first_error) {
    return std::unexpected(*std::move(first_error));
  }
  return out;
}

Outcome<types::RowSet> Run::run(
    const std::string& text, std::vector<types::ParameterValue> parameters
) {
  const Statement statement(library_.stmt_init(connection_.handle), CloseStatement{&library_});
  if (statement == nullptr) {
    return connection_.broken("out of memory");
  }
  int failed = 0;
  const bool ended = connection_.drive(
      caller_,
      deadline_,
      [&] { return library_.prepare_start(&failed, statement.get(), text.data(), text.size()); },
      [&](int ready) { return library_.prepare_cont(&failed, statement.get(), ready); }
  );
  if (!ended) {
    return connection_.timed_out();
  }
  if (failed != 0) {
    if (library_.stmt_error_number(statement.get()) == kNotPreparable && parameters.empty()) {
      return run_as_text(text);
    }
    return query_failed(library_, statement.get());
  }
  if (auto executed = execute(statement.get(), std::move(parameters)); !executed) {
    return std::unexpected(std::move(executed.error()));
  }
  return read_rows(statement.get());
}

}  // namespace

Outcome<types::RowSet> run_statement(
    Caller caller,
    MysqlConnection::Impl& connection,
    const std::string& statement,
    std::vector<types::ParameterValue> parameters,
    async::Deadline deadline
) {
  if (connection.handle == nullptr) {
    return std::unexpected(types::Error::other("the connection to the server is broken"));
  }
  return Run(caller, connection, deadline).run(statement, std::move(parameters));
}

}  // namespace whorl::host::mysql
