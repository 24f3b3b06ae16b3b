/// What a connection and its statements share. Private to the capability. @thread shard
#pragma once

#include "async/timer.hpp"
#include "fs/file.hpp"
#include "host/mysql/mysql_connection.hpp"
#include "host/mysql/mysql_library.hpp"
#include "net/watched_socket.hpp"

#include <optional>
#include <string>
#include <utility>

namespace whorl::host::mysql {

struct MysqlConnection::Impl {
  explicit Impl(const MysqlLibrary& its_library) noexcept : library(its_library) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() { close(); }

  const MysqlLibrary& library;
  MYSQL* handle = nullptr;                       ///< null once it is broken
  std::unique_ptr<net::WatchedSocket> socket{};  ///< the library's, under a number of ours
  int watched = -1;                              ///< the library's number of it

  /// Cuts the connection, in the middle of whatever it does.
  void close() noexcept;
  /// Waits for what the library waits for. @return what has come of it; nothing when the time is
  /// over or the guest is being ended
  [[nodiscard]] std::optional<int> wait(Caller caller, int status, async::Deadline deadline);
  /// Carries out an operation of the library's in steps.
  /// @return false when it could not be ended in time: then the connection is closed
  template <class Start, class Continue>
  [[nodiscard]] bool drive(Caller caller, async::Deadline deadline, Start start, Continue go_on) {
    int status = start();
    while (status != 0) {
      const auto ready = wait(caller, status, deadline);
      if (!ready) {
        close();
        return false;
      }
      status = go_on(*ready);
    }
    return true;
  }
  /// An error that makes the connection useless.
  [[nodiscard]] std::unexpected<types::Error> broken(std::string text) noexcept {
    close();
    return std::unexpected(types::Error::other(std::move(text)));
  }
  [[nodiscard]] std::unexpected<types::Error> timed_out() noexcept {
    return broken("the server did not answer in time");
  }
};

/// In the words of Spin's client.
[[nodiscard]] std::string server_error(const char* state, unsigned number, const char* text);

/// Runs one statement, prepared where the server can prepare it.
[[nodiscard]] Outcome<types::RowSet> run_statement(
    Caller caller,
    MysqlConnection::Impl& connection,
    const std::string& statement,
    std::vector<types::ParameterValue> parameters,
    async::Deadline deadline
);

}  // namespace whorl::host::mysql
