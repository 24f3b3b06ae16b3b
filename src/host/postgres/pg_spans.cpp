#include "host/postgres/pg_spans.hpp"

#include "host/host_span.hpp"
#include "host/postgres/pg_address.hpp"
#include "host/postgres/pg_hosts.hpp"
#include "host/sql_failure.hpp"

#include <algorithm>
#include <utility>

namespace whorl::host::postgres {
namespace {

constexpr SpanSite kOpen{.name = "spin_outbound_pg.open", .system = "postgresql"};
constexpr SpanSite kQuery{.name = "spin_outbound_pg.query", .system = "postgresql"};
constexpr SpanSite kExecute{.name = "spin_outbound_pg.execute", .system = "postgresql"};

using Setting = std::pair<std::string, std::string>;

/// What is told of an address has neither user nor password.
void note_server(HostSpan& span, std::string_view address) {
  if (!span.is_on()) {
    return;
  }
  if (const auto parsed = parse_pg_address(address); parsed && !parsed->servers.empty()) {
    span.at(parsed->servers.front().host, parsed->servers.front().port);
    const auto name = std::ranges::find(parsed->settings, "dbname", &Setting::first);
    if (name != parsed->settings.end()) {
      span.set("db.namespace", name->second);
    }
  }
}

}  // namespace

Outcome<std::shared_ptr<PgSession>> open_traced(
    Caller caller, const PgAccess& access, std::string_view address, std::string ca_root
) {
  HostSpan span(kOpen);
  note_server(span, address);
  return span
      .note(open_session(caller, access, address, std::move(ca_root)), sql_failure<v4::Error>);
}

Outcome<v4::RowSet> run_query(
    Caller caller, PgSession& session, std::string statement, Parameters parameters
) {
  HostSpan span(kQuery);
  span.set("statement", statement);
  return span
      .note(session.query(caller, std::move(statement), std::move(parameters)), sql_failure<v4::Error>);
}

Outcome<std::uint64_t> run_statement(
    Caller caller, PgSession& session, std::string statement, Parameters parameters
) {
  HostSpan span(kExecute);
  span.set("statement", statement);
  return span
      .note(session.execute(caller, std::move(statement), std::move(parameters)), sql_failure<v4::Error>);
}

}  // namespace whorl::host::postgres
