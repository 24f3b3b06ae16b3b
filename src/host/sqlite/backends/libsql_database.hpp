/// A database of a libSQL server, over HTTP (Hrana 3, JSON).
///
/// A statement outside of a transaction is one request. One that begins a transaction, or leaves
/// something behind, opens a stream of the server's: later statements of the same connection go to
/// it until it is back in autocommit; when the connection is dropped the stream is closed, which
/// rolls back. @spec the Hrana protocol, version 3, "Hrana over HTTP"
#pragma once

#include "host/remote/service_client.hpp"
#include "host/sqlite/database.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace whorl::host::sqlite {

struct LibsqlSettings {
  remote::ServiceUrl url{};
  std::string token{};  ///< sent to that server, and to one that it names for a stream; empty: none
};

/// @param client  outlives the database and its connections
/// @return errors: InvalidInput (a token that cannot stand in a header)
[[nodiscard]] Result<std::shared_ptr<Database>> make_libsql_database(
    LibsqlSettings settings, remote::ServiceClient& client
);

/// Runs all statements of a text, whose rows nobody wants.
[[nodiscard]] Result<> run_libsql_script(
    const LibsqlSettings& settings,
    remote::ServiceClient& client,
    Caller caller,
    std::string_view statements
);

}  // namespace whorl::host::sqlite
