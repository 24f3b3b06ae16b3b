#include "host/mysql/mysql_spans.hpp"

#include "host/host_span.hpp"
#include "host/mysql/mysql_address.hpp"
#include "host/mysql/mysql_conversions.hpp"
#include "host/mysql/mysql_hosts.hpp"
#include "host/sql_failure.hpp"

#include <utility>

namespace whorl::host::mysql {
namespace {

constexpr SpanSite kOpen{.name = "spin_outbound_mysql.open", .system = "mysql"};
constexpr SpanSite kQuery{.name = "spin_outbound_mysql.query", .system = "mysql"};
constexpr SpanSite kExecute{.name = "spin_outbound_mysql.execute", .system = "mysql"};

}  // namespace

Outcome<std::shared_ptr<MysqlSession>> open_traced(
    Caller caller, const MysqlAccess& access, std::string_view address
) {
  HostSpan span(kOpen);
  if (span.is_on()) {
    // What is told of an address has neither user nor password.
    if (const auto parsed = parse_mysql_address(address)) {
      span.at(parsed->url.host, parsed->url.port).set("db.namespace", parsed->database);
    }
  }
  return span.note(open_session(caller, access, address), sql_failure<types::Error>);
}

Outcome<types::RowSet> run_query(
    Caller caller,
    MysqlSession& session,
    std::string statement,
    std::vector<types::ParameterValue> parameters
) {
  HostSpan span(kQuery);
  span.set("statement", statement);
  return span
      .note(session.query(caller, std::move(statement), std::move(parameters)), sql_failure<types::Error>);
}

Outcome<void> run_statement(
    Caller caller,
    MysqlSession& session,
    std::string statement,
    std::vector<types::ParameterValue> parameters
) {
  HostSpan span(kExecute);
  span.set("statement", statement);
  return without_rows(
      span.note(session.query(caller, std::move(statement), std::move(parameters)), sql_failure<types::Error>)
  );
}

}  // namespace whorl::host::mysql
