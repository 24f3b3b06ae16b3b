/// The spans of PostgreSQL calls, as Spin names them, around what all versions of the interface do.
#pragma once

#include "host/postgres/pg_client.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace whorl::host::postgres {

struct PgAccess;

/// open_session() for a guest that keeps what it opens.
[[nodiscard]] Outcome<std::shared_ptr<PgSession>> open_traced(
    Caller caller, const PgAccess& access, std::string_view address, std::string ca_root
);
/// A statement whose rows are wanted.
[[nodiscard]] Outcome<v4::RowSet> run_query(
    Caller caller, PgSession& session, std::string statement, Parameters parameters
);
/// A statement of which only the number of rows is.
[[nodiscard]] Outcome<std::uint64_t> run_statement(
    Caller caller, PgSession& session, std::string statement, Parameters parameters
);

}  // namespace whorl::host::postgres
