#include "host/mysql/mysql_spans.hpp"

#include "host/host_span.hpp"
#include "host/mysql/mysql_address.hpp"
#include "host/mysql/mysql_conversions.hpp"
#include "host/mysql/mysql_hosts.hpp"

#include <utility>

namespace whorl::host::mysql {
namespace {

constexpr SpanSite kOpen{.name = "spin_outbound_mysql.open", .system = "mysql"};
constexpr SpanSite kQuery{.name = "spin_outbound_mysql.query", .system = "mysql"};
constexpr SpanSite kExecute{.name = "spin_outbound_mysql.execute", .system = "mysql"};

ErrorKind kind_of(const types::Error& error) noexcept {
  switch (error.tag) {
    case types::Error::Tag::ConnectionFailed:
      return ErrorKind::Unavailable;
    case types::Error::Tag::BadParameter:
    case types::Error::Tag::QueryFailed:
      return ErrorKind::InvalidInput;
    case types::Error::Tag::ValueConversionFailed:
      return ErrorKind::Unsupported;
    default:
      return ErrorKind::Internal;
  }
}

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
  return span.note(open_session(caller, access, address), kind_of);
}

Outcome<types::RowSet> run_query(
    Caller caller,
    MysqlSession& session,
    std::string statement,
    std::vector<types::ParameterValue> parameters
) {
  HostSpan span(kQuery);
  span.set("statement", statement);
  return span.note(session.query(caller, std::move(statement), std::move(parameters)), kind_of);
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
      span.note(session.query(caller, std::move(statement), std::move(parameters)), kind_of)
  );
}

}  // namespace whorl::host::mysql
