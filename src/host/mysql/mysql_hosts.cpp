#include "host/mysql/mysql_hosts.hpp"

#include "host/mysql/mysql_conversions.hpp"
#include "host/mysql/mysql_spans.hpp"
#include "host/net_policy/grants.hpp"

#include <string>
#include <utility>

namespace whorl::host::mysql {
namespace {

namespace v1 = wit::fermyon_spin_mysql_v1;
namespace v2 = wit::fermyon_spin_mysql;

v1::RowSet to_v1(types::RowSet&& rows) {
  v1::RowSet out;
  out.columns = to_columns<decltype(out.columns)::value_type>(std::move(rows.columns));
  out.rows = to_rows<decltype(out.rows)::value_type::value_type>(std::move(rows.rows));
  return out;
}

v1::MysqlError to_v1(types::Error&& error) {
  std::string text = std::move(error.as<std::string>());
  switch (error.tag) {
    case types::Error::Tag::ConnectionFailed:
      return v1::MysqlError::connection_failed(std::move(text));
    case types::Error::Tag::BadParameter:
      return v1::MysqlError::bad_parameter(std::move(text));
    case types::Error::Tag::QueryFailed:
      return v1::MysqlError::query_failed(std::move(text));
    case types::Error::Tag::ValueConversionFailed:
      return v1::MysqlError::value_conversion_failed(std::move(text));
    default:
      return v1::MysqlError::other_error(std::move(text));
  }
}

/// Functions keep the session: the handle may be dropped while they wait.
class SpinConnection final : public v2::Connection {
 public:
  explicit SpinConnection(std::shared_ptr<MysqlSession> session) noexcept
      : session_(std::move(session)) {}
  component::HostResult<std::expected<v2::RowSet, v2::Error>> query(
      component::Call& call, std::string_view statement, std::vector<v2::ParameterValue> params
  ) override {
    return respond<v2::Error>(call, [&, session = session_](Caller caller) {
      return run_query(caller, *session, std::string(statement), std::move(params));
    });
  }
  component::HostResult<std::expected<void, v2::Error>> execute(
      component::Call& call, std::string_view statement, std::vector<v2::ParameterValue> params
  ) override {
    return respond<v2::Error>(call, [&, session = session_](Caller caller) {
      return run_statement(caller, *session, std::string(statement), std::move(params));
    });
  }

 private:
  std::shared_ptr<MysqlSession> session_;
};

}  // namespace

Outcome<std::shared_ptr<MysqlSession>> open_session(
    Caller caller, const MysqlAccess& access, std::string_view address
) {
  const std::string given(address);
  auto parsed = parse_mysql_address(given);
  if (!parsed || !net_policy::check_grant(access.grants, parsed->url)) {
    // The guest's own words, as in Spin; the operator is told without credentials.
    return std::unexpected(
        types::Error::connection_failed(fmt::format("address {} is not permitted", given))
    );
  }
  return MysqlSession::open(caller, *access.client, *std::move(parsed));
}

component::HostResult<std::expected<component::Own<v2::Connection>, v2::Error>>
SpinHost::connection_open(component::Call& call, std::string_view address) {
  return respond<v2::Error>(call, [&](Caller caller) -> Outcome<component::Own<v2::Connection>> {
    auto session = open_traced(caller, access_, address);
    if (!session) {
      return std::unexpected(std::move(session.error()));
    }
    return std::make_unique<SpinConnection>(*std::move(session));
  });
}

component::HostResult<std::expected<v1::RowSet, v1::MysqlError>> SpinV1Host::query(
    component::Call& call,
    std::string_view address,
    std::string_view statement,
    std::vector<Parameter> params
) {
  const std::string sql(statement);
  return respond<v1::MysqlError>(
      call,
      [&](Caller caller) -> Outcome<v1::RowSet> {
        auto session = open_session(caller, access_, address);
        if (!session) {
          return std::unexpected(std::move(session.error()));
        }
        auto rows = run_query(caller, **session, sql, to_parameters(std::move(params)));
        if (!rows) {
          return std::unexpected(std::move(rows.error()));
        }
        return to_v1(*std::move(rows));
      },
      [](types::Error&& error) { return to_v1(std::move(error)); }
  );
}

component::HostResult<std::expected<void, v1::MysqlError>> SpinV1Host::execute(
    component::Call& call,
    std::string_view address,
    std::string_view statement,
    std::vector<Parameter> params
) {
  const std::string sql(statement);
  return respond<v1::MysqlError>(
      call,
      [&](Caller caller) -> Outcome<void> {
        auto session = open_session(caller, access_, address);
        if (!session) {
          return std::unexpected(std::move(session.error()));
        }
        return run_statement(caller, **session, sql, to_parameters(std::move(params)));
      },
      [](types::Error&& error) { return to_v1(std::move(error)); }
  );
}

}  // namespace whorl::host::mysql
