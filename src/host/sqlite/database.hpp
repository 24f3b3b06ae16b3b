/// Database and Connection: one SQL database as a capability sees it, whatever is behind it.
///
/// execute() parks the calling guest's fiber. Errors by kind: PermissionDenied, InvalidInput (the
/// statement), ResourceLimit, Overloaded, Unavailable, Corrupt, Cancelled; their message reaches
/// the guest and names no path. @thread shard; a database serves all shards, a connection one guest
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "host/caller.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::host::sqlite {

/// Bytes of one answer; a longer one is a ResourceLimit error.
inline constexpr std::uint64_t kMaxAnswerBytes = std::uint64_t{128} << 20;

/// NULL, an integer, a real number, a text, a blob: the alternatives of the guests' interfaces.
using Value = std::variant<std::monostate, std::int64_t, double, std::string, Bytes>;

/// Memory that a value takes, beside what its vector knows of it.
[[nodiscard]] inline std::uint64_t size_of(const Value& value) noexcept {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sizeof value + text->size();
  }
  const auto* bytes = std::get_if<Bytes>(&value);
  return sizeof value + (bytes == nullptr ? 0 : bytes->size());
}

struct QueryResult {
  std::vector<std::string> columns{};
  std::vector<std::vector<Value>> rows{};
};

/// What a guest has opened. Dropping it rolls back what was not committed.
class Connection {
 public:
  virtual ~Connection() = default;
  /// @see Database::backend()
  [[nodiscard]] virtual std::string_view backend() const noexcept { return "unknown"; }
  /// Runs the first statement of `sql`; the rest is ignored.
  [[nodiscard]] virtual Result<QueryResult> execute(
      Caller caller, std::string_view sql, std::vector<Value> parameters
  ) = 0;
  /// Of the last INSERT through this connection; 0 before.
  [[nodiscard]] virtual std::int64_t last_insert_rowid() const noexcept = 0;
  /// Rows changed by the last INSERT, UPDATE or DELETE through this connection; 0 before.
  [[nodiscard]] virtual std::uint64_t changes() const noexcept = 0;
};

class Database {
 public:
  virtual ~Database() = default;
  /// What is behind it, as spans name it: a kind, no address.
  [[nodiscard]] virtual std::string_view backend() const noexcept { return "unknown"; }
  /// Cheap; what is behind it is contacted when something is executed.
  [[nodiscard]] virtual std::shared_ptr<Connection> open() = 0;
};

}  // namespace whorl::host::sqlite
