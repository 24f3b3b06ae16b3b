/// PgConnection: one connection to a PostgreSQL server, over libpq without blocking.
/// @thread shard
#pragma once

#include "async/deadline.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"
#include "host/net_policy/network.hpp"
#include "host/postgres/pg_address.hpp"
#include "wit/spin_postgres_postgres.hpp"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::postgres {

/// The newest version's types stand for all.
namespace v4 = wit::spin_postgres_postgres;

template <class T>
using Outcome = std::expected<T, v4::Error>;

/// Parameters as texts, whose types the server tells from the statement; nothing is NULL.
using Parameters = std::vector<std::optional<std::string>>;

/// Bytes of one answer; a longer one is an error, and ends the connection.
inline constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{128} << 20;

class PgConnection {
 public:
  /// @return errors: connection-failed
  [[nodiscard]] static Outcome<std::unique_ptr<PgConnection>> open(
      Caller caller,
      net_policy::Network& network,
      const PgAddress& address,
      async::Deadline deadline
  );
  struct Impl;
  explicit PgConnection(std::unique_ptr<Impl> impl) noexcept;
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;
  ~PgConnection();

  /// Runs one statement. @return its rows; errors: query-failed, value-conversion-failed, other
  [[nodiscard]] Outcome<v4::RowSet> query(
      Caller caller,
      const std::string& statement,
      const Parameters& parameters,
      async::Deadline deadline
  );
  /// The same. @return how many rows it changed
  [[nodiscard]] Outcome<std::uint64_t> execute(
      Caller caller,
      const std::string& statement,
      const Parameters& parameters,
      async::Deadline deadline
  );

  /// In good order, idle and outside of transactions.
  [[nodiscard]] bool is_usable() const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace whorl::host::postgres
