/// The spans of MySQL calls, as Spin names them, around what all versions of the interface do.
#pragma once

#include "host/mysql/mysql_client.hpp"

#include <string>
#include <vector>

namespace whorl::host::mysql {

struct MysqlAccess;

/// open_session() for a guest that keeps what it opens.
[[nodiscard]] Outcome<std::shared_ptr<MysqlSession>> open_traced(
    Caller caller, const MysqlAccess& access, std::string_view address
);
/// A statement whose rows are wanted.
[[nodiscard]] Outcome<types::RowSet> run_query(
    Caller caller,
    MysqlSession& session,
    std::string statement,
    std::vector<types::ParameterValue> parameters
);
/// A statement whose rows, if there are any, are not.
[[nodiscard]] Outcome<void> run_statement(
    Caller caller,
    MysqlSession& session,
    std::string statement,
    std::vector<types::ParameterValue> parameters
);

}  // namespace whorl::host::mysql
