#include "host/postgres/pg_client.hpp"

#include <algorithm>
#include <array>

namespace whorl::host::postgres {
namespace {

constexpr std::array<std::string_view, 29> kPlain{
    "select",  "insert", "update",  "delete",   "merge",    "values", "table",     "with",
    "explain", "create", "drop",    "alter",    "truncate", "grant",  "revoke",    "comment",
    "begin",   "start",  "commit",  "rollback", "end",      "abort",  "savepoint", "release",
    "analyze", "vacuum", "reindex", "refresh",  "notify",
};
constexpr std::array<std::string_view, 6> kTelling{
    "set_config",
    "advisory",
    "temp",
    "session",
    "declare",
    "search_path",
};

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::unexpected<v4::Error> no_connection(std::string text) {
  return std::unexpected(v4::Error::connection_failed(std::move(text)));
}

}  // namespace

bool keeps_state(std::string_view statement) {
  const std::string lower = to_lower(statement);
  const std::size_t begin = std::min(lower.find_first_not_of(" \t\r\n"), lower.size());
  const std::size_t end =
      std::min(lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz", begin), lower.size());
  const std::string_view word = std::string_view(lower).substr(begin, end - begin);
  return std::ranges::find(kPlain, word) == kPlain.end() ||
         std::ranges::any_of(kTelling, [&](std::string_view each) {
           return lower.find(each) != std::string::npos;
         });
}

PgClient::PgClient(net_policy::Network& network, net_policy::PoolOptions pool, const PgTimes& times)
    : network_(network), pool_options_(std::move(pool)), times_(times) {
  const auto& total = network.options().total;
  pool_options_.limits.insert(pool_options_.limits.end(), total.begin(), total.end());
}

PgClient::Pool& PgClient::pool(async::Shard& shard) {
  return pools_.get(shard, [&] { return std::make_shared<Pool>(shard, pool_options_); });
}

Outcome<PgClient::Lease> PgClient::lease(Caller caller, const PgAddress& address) {
  const auto deadline = async::Deadline::after(times_.connect);
  auto lease = pool(caller.shard).take(caller, address, deadline);
  if (!lease) {
    return no_connection(lease.error().message());
  }
  if (lease->connection() == nullptr) {
    auto made = PgConnection::open(caller, network_, address, deadline);
    if (!made) {
      return std::unexpected(std::move(made.error()));
    }
    lease->set(*std::move(made));
  }
  return *std::move(lease);
}

Outcome<std::shared_ptr<PgSession>> PgSession::open(
    Caller caller, PgClient& client, PgAddress address
) {
  auto lease = client.lease(caller, address);
  if (!lease) {
    return std::unexpected(std::move(lease.error()));
  }
  return std::make_shared<PgSession>(
      client, client.pool(caller.shard), std::move(address), *std::move(lease)
  );
}

PgSession::PgSession(
    PgClient& client, PgClient::Pool& pool, PgAddress address, PgClient::Lease lease
)
    : client_(client), pool_(pool), address_(std::move(address)), lease_(std::move(lease)) {}

PgSession::~PgSession() {
  if (!is_busy_ && !keeps_state_ && lease_.connection()->is_usable()) {
    pool_.give_back(address_, std::move(lease_));
  }
}

template <class T, class Run>
Outcome<T> PgSession::in_turn(Caller caller, std::string_view statement, Run run) {
  while (is_busy_) {
    if (!async::wait_on(caller.fiber, idle_)) {
      return std::unexpected(v4::Error::other("the guest was ended"));
    }
  }
  if (statement.find('\0') != std::string_view::npos) {
    return std::unexpected(v4::Error::query_failed(v4::QueryError::text("a zero byte in a statement"
    )));
  }
  keeps_state_ = keeps_state_ || keeps_state(statement);
  is_busy_ = true;
  auto outcome = run(*lease_.connection(), client_.answer_deadline());
  is_busy_ = false;
  idle_.notify();
  return outcome;
}

Outcome<v4::RowSet> PgSession::query(Caller caller, std::string statement, Parameters parameters) {
  return in_turn<v4::RowSet>(caller, statement, [&](auto& connection, async::Deadline deadline) {
    return connection.query(caller, statement, parameters, deadline);
  });
}

Outcome<std::uint64_t> PgSession::execute(
    Caller caller, std::string statement, Parameters parameters
) {
  return in_turn<std::uint64_t>(caller, statement, [&](auto& connection, async::Deadline deadline) {
    return connection.execute(caller, statement, parameters, deadline);
  });
}

}  // namespace whorl::host::postgres
