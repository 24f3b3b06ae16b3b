#include "host/sqlite/sqlite_hosts.hpp"

#include "host/caller.hpp"
#include "host/host_span.hpp"
#include "host/listed.hpp"
#include "wit/spin_sqlite_sqlite_abi.hpp"

#include <expected>
#include <type_traits>
#include <utility>

namespace whorl::host::sqlite {
namespace {

namespace v1 = wit::fermyon_spin_sqlite_v1;
namespace v2 = wit::fermyon_spin_sqlite;
namespace v3 = wit::spin_sqlite_sqlite;

// Values of all interfaces hold the alternatives of ours, and name them in the same order with NULL
// last instead of first.
template <class Theirs>
Value to_value(Theirs&& value) {
  static_assert(std::is_same_v<decltype(value.payload), Value>);
  return std::move(value.payload);
}

template <class Theirs>
Theirs from_value(Value&& value) {
  Theirs made;
  made.tag =
      value.index() == 0 ? Theirs::Tag::Null : static_cast<typename Theirs::Tag>(value.index() - 1);
  made.payload = std::move(value);
  return made;
}

template <class Theirs>
std::vector<Value> to_values(std::vector<Theirs>&& values) {
  std::vector<Value> made;
  made.reserve(values.size());
  for (Theirs& value : values) {
    made.push_back(to_value(std::move(value)));
  }
  return made;
}

template <class Theirs>
component::HostResult<Theirs> from_result(component::Call& call, QueryResult result) {
  Theirs made;
  ManyValues many(call);
  made.columns = std::move(result.columns);
  made.rows.reserve(result.rows.size());
  for (auto& row : result.rows) {
    if (!many.go_on()) {
      return std::unexpected(component::being_ended());
    }
    auto& values = made.rows.emplace_back().values;
    values.reserve(row.size());
    for (Value& value : row) {
      using Cell = typename std::remove_reference_t<decltype(values)>::value_type;
      values.push_back(from_value<Cell>(std::move(value)));
    }
    row = {};  // one row at a time is there twice
  }
  return made;
}

template <class Theirs>
Theirs to_error(const Error& error) {
  return Theirs::io(error.message());
}

constexpr SpanSite kOpen{.name = "spin_sqlite.open", .system = "sqlite"};
constexpr SpanSite kExecute{.name = "spin_sqlite.execute", .system = "sqlite"};

/// A new connection, or why there is none.
template <class Theirs>
std::expected<Opened, Theirs> open_database(
    const GrantedDatabases& databases, ConnectionCount& count, std::string_view label
) {
  HostSpan span(kOpen);
  span.set("database", label);
  const auto found = databases.find(label);
  if (found == databases.end()) {
    span.note_failure(ErrorKind::PermissionDenied);
    return std::unexpected(Theirs::access_denied());
  }
  span.set("sqlite.backend", found->second->backend());
  if (!count.try_add()) {
    span.note_failure(ErrorKind::ResourceLimit);
    return std::unexpected(Theirs::io("too many connections opened"));
  }
  return Opened(count, found->second->open());
}

/// Keeps the connection: the guest's handle may be dropped while this waits.
template <class Result, class TheirError, class Theirs>
component::HostResult<std::expected<Result, TheirError>> run(
    component::Call& call,
    std::shared_ptr<Connection> connection,
    std::string_view statement,
    std::vector<Theirs> parameters
) {
  using Answer = std::expected<Result, TheirError>;
  auto ran = answer(
      call,
      [&](Caller caller) {
        HostSpan span(kExecute);
        span.set("query", statement).set("sqlite.backend", connection->backend());
        return span.note(connection->execute(caller, statement, to_values(std::move(parameters))));
      },
      to_error<TheirError>
  );
  if (!ran) {
    return std::unexpected(std::move(ran.error()));
  }
  if (!*ran) {
    return Answer(std::unexpect, std::move(ran->error()));
  }
  auto made = from_result<Result>(call, **std::move(ran));
  if (!made) {
    return std::unexpected(std::move(made.error()));
  }
  return Answer(*std::move(made));
}

class SpinConnection final : public v2::Connection {
 public:
  explicit SpinConnection(Opened opened) noexcept : opened_(std::move(opened)) {}
  component::HostResult<std::expected<v2::QueryResult, v2::Error>> execute(
      component::Call& call, std::string_view statement, std::vector<v2::Value> parameters
  ) override {
    return run<v2::QueryResult, v2::Error>(
        call, opened_.connection(), statement, std::move(parameters)
    );
  }

 private:
  Opened opened_;
};

class Spin3Connection final : public v3::Connection {
 public:
  using Rows = std::tuple<
      std::vector<std::string>,
      component::StreamReader<v3::RowResult>,
      component::FutureReader<std::expected<void, v3::Error>>>;

  explicit Spin3Connection(Opened opened) noexcept : opened_(std::move(opened)) {}
  component::HostResult<std::expected<v3::QueryResult, v3::Error>> execute(
      component::Call& call, std::string_view statement, std::vector<v3::Value> parameters
  ) override {
    return run<v3::QueryResult, v3::Error>(
        call, opened_.connection(), statement, std::move(parameters)
    );
  }
  component::HostResult<std::expected<Rows, v3::Error>> execute_async(
      component::Call& call, std::string statement, std::vector<v3::Value> parameters
  ) override {
    using Answer = std::expected<Rows, v3::Error>;
    auto ran = run<v3::QueryResult, v3::Error>(
        call, opened_.connection(), statement, std::move(parameters)
    );
    if (!ran) {
      return std::unexpected(std::move(ran.error()));
    }
    if (!*ran) {
      return Answer(std::unexpect, std::move(ran->error()));
    }
    auto [rows, done] =
        listed(std::expected<std::vector<v3::RowResult>, v3::Error>(std::move((*ran)->rows)));
    return Answer(std::in_place, std::move((*ran)->columns), std::move(rows), std::move(done));
  }
  component::HostResult<std::int64_t> last_insert_rowid(component::Call&) override {
    return opened_.connection()->last_insert_rowid();
  }
  component::HostResult<std::int64_t> last_insert_rowid_async(component::Call& call) override {
    return last_insert_rowid(call);
  }
  component::HostResult<std::uint64_t> changes(component::Call&) override {
    return opened_.connection()->changes();
  }
  component::HostResult<std::uint64_t> changes_async(component::Call& call) override {
    return changes(call);
  }

 private:
  Opened opened_;
};

}  // namespace

component::HostResult<std::expected<component::Own<v2::Connection>, v2::Error>>
SpinHost::connection_open(component::Call&, std::string_view database) {
  using Answer = std::expected<component::Own<v2::Connection>, v2::Error>;
  auto opened = open_database<v2::Error>(databases_, count_, database);
  if (!opened) {
    return Answer(std::unexpect, std::move(opened.error()));
  }
  return Answer(std::make_unique<SpinConnection>(*std::move(opened)));
}

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open(component::Call&, std::string_view database) {
  using Answer = std::expected<component::Own<v3::Connection>, v3::Error>;
  auto opened = open_database<v3::Error>(databases_, count_, database);
  if (!opened) {
    return Answer(std::unexpect, std::move(opened.error()));
  }
  return Answer(std::make_unique<Spin3Connection>(*std::move(opened)));
}

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open_async(component::Call& call, std::string database) {
  return connection_open(call, database);
}

component::HostResult<std::expected<v1::Connection, v1::Error>> SpinV1Host::open(
    component::Call&, std::string_view database
) {
  using Answer = std::expected<v1::Connection, v1::Error>;
  auto opened = open_database<v1::Error>(databases_, count_, database);
  if (!opened) {
    return Answer(std::unexpect, std::move(opened.error()));
  }
  while (open_.contains(next_)) {
    ++next_;
  }
  open_.emplace(next_, *std::move(opened));
  return Answer(next_++);
}

component::HostResult<std::expected<v1::QueryResult, v1::Error>> SpinV1Host::execute(
    component::Call& call, Handle conn, std::string_view statement, std::vector<Value> parameters
) {
  const auto found = open_.find(conn);
  if (found == open_.end()) {
    return std::expected<v1::QueryResult, v1::Error>(
        std::unexpect, v1::Error::invalid_connection()
    );
  }
  return run<v1::QueryResult, v1::Error>(
      call, found->second.connection(), statement, std::move(parameters)
  );
}

component::HostResult<> SpinV1Host::close(component::Call&, Handle conn) {
  open_.erase(conn);
  return {};
}

}  // namespace whorl::host::sqlite
