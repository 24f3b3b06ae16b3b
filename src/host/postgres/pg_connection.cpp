#include "host/postgres/pg_connection.hpp"

#include "async/timer.hpp"
#include "fs/file.hpp"
#include "host/postgres/pg_library.hpp"
#include "host/postgres/pg_values.hpp"
#include "net/watched_socket.hpp"
#include "telemetry/text.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <utility>

namespace whorl::host::postgres {
namespace {

constexpr const char* kDefaultRoots = "/etc/ssl/certs/ca-certificates.crt";

struct FinishConnection {
  const PgLibrary* pq;
  void operator()(PGconn* connection) const noexcept { pq->finish(connection); }
};
struct ClearResult {
  const PgLibrary* pq;
  void operator()(PGresult* result) const noexcept { pq->clear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

void ignore_notice(void*, const char*) {}

std::unexpected<v4::Error> no_connection(std::string text) {
  return std::unexpected(v4::Error::connection_failed(std::move(text)));
}

std::unexpected<v4::Error> no_connection(const Error& error) {
  return no_connection(error.message());
}

/// The first line of what libpq says, without the place, which the guest knows. It may hold any
/// bytes of the server's.
std::string reason(std::string_view message) {
  message = message.substr(0, message.find('\n'));
  constexpr std::string_view kFailed = " failed: ";
  const std::size_t end = message.find(kFailed);
  return telemetry::to_utf8(
      end == std::string_view::npos ? message : message.substr(end + kFailed.size())
  );
}

/// A certificate as a file without a name, since libpq reads files only.
Result<fs::Fd> memory_file(const std::string& text) {
  fs::Fd file(::memfd_create("root", MFD_CLOEXEC));
  if (!file.is_open() ||
      ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail(ErrorKind::ResourceLimit, "the root certificate cannot be kept");
  }
  return file;
}

std::string field(const PgLibrary& pq, const PGresult* result, int code) {
  const char* text = pq.result_error_field(result, code);
  return text != nullptr ? telemetry::to_utf8(text) : std::string();
}

v4::Error query_failed(const PgLibrary& pq, const PGresult* result) {
  v4::DbError made;
  made.severity = field(pq, result, PG_DIAG_SEVERITY);
  made.code = field(pq, result, PG_DIAG_SQLSTATE);
  made.message = field(pq, result, PG_DIAG_MESSAGE_PRIMARY);
  if (made.code.empty()) {
    return v4::Error::query_failed(v4::QueryError::text(reason(pq.result_error_message(result))));
  }
  if (std::string detail = field(pq, result, PG_DIAG_MESSAGE_DETAIL); !detail.empty()) {
    made.detail = std::move(detail);
  }
  for (const auto& [code, name] : {
           std::pair{PG_DIAG_COLUMN_NAME, "column"},
           std::pair{PG_DIAG_CONSTRAINT_NAME, "constraint"},
           std::pair{PG_DIAG_SOURCE_FUNCTION, "routine"},
           std::pair{PG_DIAG_MESSAGE_HINT, "hint"},
           std::pair{PG_DIAG_TABLE_NAME, "table"},
           std::pair{PG_DIAG_DATATYPE_NAME, "datatype"},
           std::pair{PG_DIAG_SCHEMA_NAME, "schema"},
           std::pair{PG_DIAG_SOURCE_FILE, "file"},
           std::pair{PG_DIAG_SOURCE_LINE, "line"},
           std::pair{PG_DIAG_CONTEXT, "where_"},
       }) {
    if (std::string text = field(pq, result, code); !text.empty()) {
      made.extras.emplace_back(name, std::move(text));
    }
  }
  made.as_text = fmt::format("{}: {}", made.severity, made.message);
  return v4::Error::query_failed(v4::QueryError::db_error(std::move(made)));
}

}  // namespace

struct PgConnection::Impl {
  const PgLibrary& pq;
  std::unique_ptr<PGconn, FinishConnection> connection;
  fs::Fd roots;                                  ///< read while connecting
  std::unique_ptr<net::WatchedSocket> socket{};  ///< the same socket under a number of ours
  bool is_broken = false;
  std::uint64_t received = 0;  ///< bytes of the answer that is being read

  /// libpq may have closed its socket and opened another.
  [[nodiscard]] bool rewatch(async::Shard& shard) {
    fs::Fd copy(::fcntl(pq.socket(connection.get()), F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) {
      return false;
    }
    socket = std::make_unique<net::WatchedSocket>(shard, std::move(copy));
    return true;
  }
  [[nodiscard]] Result<> wait(Caller caller, async::Deadline deadline) {
    return async::wait_on(caller.shard, caller.fiber, socket->changed(), deadline);
  }
  std::unexpected<v4::Error> broken(std::string text) {
    is_broken = true;
    return std::unexpected(v4::Error::other(std::move(text)));
  }

  Outcome<void> connect(Caller caller, async::Deadline deadline);
  Outcome<void> send(
      Caller caller,
      const std::string& statement,
      const Parameters& values,
      async::Deadline deadline
  );
  Outcome<ResultPtr> next(Caller caller, async::Deadline deadline);
  /// Runs a statement and gives each of its results to `take`, which says whether to go on.
  template <class Take>
  Outcome<void> run(
      Caller caller,
      const std::string& statement,
      const Parameters& values,
      async::Deadline deadline,
      Take take
  );
};

Outcome<void> PgConnection::Impl::connect(Caller caller, async::Deadline deadline) {
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (true) {
    if (state == PGRES_POLLING_FAILED || pq.status(connection.get()) == CONNECTION_BAD) {
      return no_connection(reason(pq.error_message(connection.get())));
    }
    if (state == PGRES_POLLING_OK) {
      break;
    }
    if (!rewatch(caller.shard)) {
      return no_connection("no descriptor is free");
    }
    if (state == PGRES_POLLING_READING) {
      socket->watch_readable();
    } else {
      socket->watch_writable();
    }
    if (auto waited = wait(caller, deadline); !waited) {
      return no_connection("the server did not answer in time");
    }
    state = pq.connect_poll(connection.get());
  }
  pq.set_nonblocking(connection.get(), 1);
  return {};
}

Outcome<void> PgConnection::Impl::send(
    Caller caller, const std::string& statement, const Parameters& values, async::Deadline deadline
) {
  std::vector<const char*> texts;
  texts.reserve(values.size());
  for (const auto& value : values) {
    texts.push_back(value ? value->c_str() : nullptr);
  }
  constexpr int kBinary = 1;
  if (pq.send_query_params(
          connection.get(),
          statement.c_str(),
          static_cast<int>(texts.size()),
          nullptr,
          texts.data(),
          nullptr,
          nullptr,
          kBinary
      ) != 1) {
    return broken(reason(pq.error_message(connection.get())));
  }
  pq.set_single_row_mode(connection.get());
  received = 0;
  while (true) {
    const int left = pq.flush(connection.get());
    if (left == 0) {
      return {};
    }
    if (left < 0 || pq.consume_input(connection.get()) != 1) {
      return broken(reason(pq.error_message(connection.get())));
    }
    socket->watch_writable();
    socket->watch_readable();  // a server that answers first must be read, or both wait
    if (auto waited = wait(caller, deadline); !waited) {
      return broken("the server did not answer in time");
    }
  }
}

Outcome<ResultPtr> PgConnection::Impl::next(Caller caller, async::Deadline deadline) {
  while (pq.is_busy(connection.get()) != 0) {
    socket->watch_readable();
    if (auto waited = wait(caller, deadline); !waited) {
      return broken("the server did not answer in time");
    }
    int waiting = 0;
    if (::ioctl(socket->fd(), FIONREAD, &waiting) == 0) {
      received += static_cast<std::uint64_t>(waiting);
    }
    // libpq keeps a message whole, however long it says it is.
    if (received > 2 * kMaxAnswerBytes) {
      return broken(fmt::format("query result exceeds limit of {} bytes", kMaxAnswerBytes));
    }
    if (pq.consume_input(connection.get()) != 1) {
      return broken(reason(pq.error_message(connection.get())));
    }
  }
  return ResultPtr(pq.get_result(connection.get()), ClearResult{&pq});
}

template <class Take>
Outcome<void> PgConnection::Impl::run(
    Caller caller,
    const std::string& statement,
    const Parameters& values,
    async::Deadline deadline,
    Take take
) {
  if (auto sent = send(caller, statement, values, deadline); !sent) {
    return sent;
  }
  Outcome<void> outcome;
  while (true) {
    auto result = next(caller, deadline);
    if (!result) {
      return std::unexpected(std::move(result.error()));
    }
    if (*result == nullptr) {
      is_broken = is_broken || pq.status(connection.get()) == CONNECTION_BAD;
      return outcome;
    }
    switch (pq.result_status(result->get())) {
      case PGRES_SINGLE_TUPLE:
      case PGRES_TUPLES_OK:
      case PGRES_COMMAND_OK:
      case PGRES_EMPTY_QUERY:
        if (outcome) {
          outcome = take(result->get());
        }
        break;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        return broken("COPY is not supported");
      default:
        outcome = std::unexpected(query_failed(pq, result->get()));
    }
    if (is_broken) {
      return outcome;
    }
  }
}

PgConnection::PgConnection(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
PgConnection::~PgConnection() = default;

Outcome<std::unique_ptr<PgConnection>> PgConnection::open(
    Caller caller, net_policy::Network& network, const PgAddress& address, async::Deadline deadline
) {
  const auto pq = PgLibrary::get();
  if (!pq) {
    return no_connection(pq.error());
  }
  std::vector<std::pair<std::size_t, net::SocketAddress>> resolved;
  std::string trouble;
  for (std::size_t i = 0; i < address.servers.size(); ++i) {
    const auto& server = address.servers[i];
    auto found = network.resolve(caller, server.host, server.port, deadline);
    if (!found) {
      trouble = found.error().message();
      continue;
    }
    for (const auto& each : *found) {
      resolved.emplace_back(i, each);
    }
  }
  if (resolved.empty()) {
    return no_connection(std::move(trouble));
  }
  const char* moved = std::getenv("SSL_CERT_FILE");
  std::string root_file = moved != nullptr ? moved : kDefaultRoots;
  fs::Fd roots;
  if (!address.ca_root.empty()) {
    auto file = memory_file(address.ca_root);
    if (!file) {
      return no_connection(file.error());
    }
    roots = *std::move(file);
    root_file = fmt::format("/proc/self/fd/{}", roots.get());
  }
  const std::string conninfo = to_conninfo(address, resolved, root_file);
  auto impl = std::make_unique<Impl>(Impl{
      .pq = **pq,
      .connection = {(*pq)->connect_start(conninfo.c_str()), FinishConnection{*pq}},
      .roots = std::move(roots),
  });
  if (impl->connection == nullptr) {
    return no_connection("out of memory");
  }
  (*pq)->set_notice_processor(impl->connection.get(), ignore_notice, nullptr);
  if (auto connected = impl->connect(caller, deadline); !connected) {
    return std::unexpected(std::move(connected.error()));
  }
  if (!impl->rewatch(caller.shard)) {
    return no_connection("no descriptor is free");
  }
  return std::make_unique<PgConnection>(std::move(impl));
}

Outcome<v4::RowSet> PgConnection::query(
    Caller caller,
    const std::string& statement,
    const Parameters& parameters,
    async::Deadline deadline
) {
  const PgLibrary& pq = impl_->pq;
  v4::RowSet out;
  std::vector<std::uint32_t> types;
  std::uint64_t bytes = 0;
  bool has_columns = false;
  const auto take = [&](const PGresult* result) -> Outcome<void> {
    if (!std::exchange(has_columns, true)) {
      for (int i = 0; i < pq.column_count(result); ++i) {
        types.push_back(pq.column_type(result, i));
        out.columns.push_back(
            {telemetry::to_utf8(pq.column_name(result, i)), data_type(types.back())}
        );
      }
    }
    for (int row = 0; row < pq.row_count(result); ++row) {
      auto& values = out.rows.emplace_back();
      values.reserve(types.size());
      for (int i = 0; i < static_cast<int>(types.size()); ++i) {
        const auto size = static_cast<std::size_t>(pq.length(result, row, i));
        bytes += size + sizeof(v4::DbValue);
        if (bytes > kMaxAnswerBytes) {
          return impl_->broken(
              fmt::format("query result exceeds limit of {} bytes", kMaxAnswerBytes)
          );
        }
        if (pq.is_null(result, row, i) != 0) {
          values.push_back(v4::DbValue::db_null());
          continue;
        }
        const auto* data = reinterpret_cast<const std::uint8_t*>(pq.value(result, row, i));
        auto value = decode(types[static_cast<std::size_t>(i)], {data, size});
        if (!value) {
          return std::unexpected(v4::Error::value_conversion_failed(std::move(value.error())));
        }
        values.push_back(*std::move(value));
      }
    }
    return {};
  };
  if (auto ran = impl_->run(caller, statement, parameters, deadline, take); !ran) {
    return std::unexpected(std::move(ran.error()));
  }
  return out;
}

Outcome<std::uint64_t> PgConnection::execute(
    Caller caller,
    const std::string& statement,
    const Parameters& parameters,
    async::Deadline deadline
) {
  std::uint64_t changed = 0;
  const auto take = [&](PGresult* result) -> Outcome<void> {
    const std::string_view text = impl_->pq.affected_rows(result);
    static_cast<void>(std::from_chars(text.data(), text.data() + text.size(), changed));
    return {};
  };
  if (auto ran = impl_->run(caller, statement, parameters, deadline, take); !ran) {
    return std::unexpected(std::move(ran.error()));
  }
  return changed;
}

bool PgConnection::is_usable() const {
  const Impl& impl = *impl_;
  char byte = 0;
  const ssize_t count = ::recv(impl.socket->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return !impl.is_broken && count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) &&
         impl.pq.transaction_status(impl.connection.get()) == PQTRANS_IDLE;
}

}  // namespace whorl::host::postgres
