/// Group commit: several independent writes in one transaction, since a commit, which waits for the
/// disk, costs the same for one and for many. Nobody is told "done" before it.
#pragma once

#include "db/database.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace whorl::db {

/// Carries out writes, all in one transaction, or, when one of them or the commit takes the whole
/// transaction down, each in one of its own.
///
/// @param count     writes
/// @param run       (std::size_t index) -> const Error*: does one; a write that fails must leave
///                  nothing behind (statements of SQLite do so by themselves). Its outcome is not
///                  valid before this function returns, and it may be run a second time
/// @param fail      (std::size_t index, const Error&): the write has not happened for this reason
/// @return          what was wrong with the database, for the log; the guests' own errors too
template <class Run, class Fail>
[[nodiscard]] std::optional<Error> commit_group(
    Connection& connection, std::size_t count, Run&& run, Fail&& fail
) {
  std::optional<Error> trouble;
  // Whether all of [first, end) have their outcome.
  const auto commit = [&](std::size_t first, std::size_t end) {
    const auto fail_all = [&](Error why) {
      for (std::size_t i = first; i < end; ++i) {
        fail(i, why);
      }
      trouble = std::move(why);
    };
    auto transaction = Transaction::begin(connection, Transaction::Kind::Write);
    if (!transaction) {
      fail_all(transaction.take_error());
      return true;
    }
    for (std::size_t i = first; i < end; ++i) {
      if (const Error* error = run(i)) {
        trouble = error->clone();
      }
      if (!connection.in_transaction()) {
        return end - first == 1;  // its own error is its outcome
      }
    }
    if (auto committed = transaction->commit(); !committed) {
      fail_all(committed.take_error());
      return end - first == 1;
    }
    return true;
  };
  if (!commit(0, count)) {
    for (std::size_t i = 0; i < count; ++i) {
      static_cast<void>(commit(i, i + 1));
    }
  }
  return trouble;
}

}  // namespace whorl::db
