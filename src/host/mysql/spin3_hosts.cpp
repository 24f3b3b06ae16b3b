#include "host/listed.hpp"
#include "host/mysql/mysql_conversions.hpp"
#include "host/mysql/mysql_hosts.hpp"
#include "host/mysql/mysql_spans.hpp"
#include "wit/spin_mysql_mysql_abi.hpp"

#include <string>
#include <tuple>
#include <utility>

namespace whorl::host::mysql {
namespace {

namespace v3 = wit::spin_mysql_mysql;

v3::Error to_v3(types::Error&& error) {
  return same<v3::Error>(std::move(error));
}

/// Functions keep the session: the handle may be dropped while they wait. The session runs a
/// guest's statements one after the other.
class Spin3Connection final : public v3::Connection {
 public:
  using Rows = std::tuple<
      std::vector<v3::Column>,
      component::StreamReader<v3::Row>,
      component::FutureReader<std::expected<void, v3::Error>>>;

  explicit Spin3Connection(std::shared_ptr<MysqlSession> session) noexcept
      : session_(std::move(session)) {}

  component::HostResult<std::expected<Rows, v3::Error>> query(
      component::Call& call, std::string statement, std::vector<v3::ParameterValue> params
  ) override {
    return respond<v3::Error>(
        call,
        [&, session = session_](Caller caller) -> Outcome<Rows> {
          auto ran =
              run_query(caller, *session, std::move(statement), to_parameters(std::move(params)));
          if (!ran) {
            return std::unexpected(std::move(ran.error()));
          }
          auto [rows, done] = listed(std::expected<std::vector<v3::Row>, v3::Error>(
              to_rows<v3::DbValue>(std::move(ran->rows))
          ));
          return Rows(
              to_columns<v3::Column>(std::move(ran->columns)), std::move(rows), std::move(done)
          );
        },
        to_v3
    );
  }
  component::HostResult<std::expected<void, v3::Error>> execute(
      component::Call& call, std::string statement, std::vector<v3::ParameterValue> params
  ) override {
    return respond<v3::Error>(
        call,
        [&, session = session_](Caller caller) {
          return run_statement(
              caller, *session, std::move(statement), to_parameters(std::move(params))
          );
        },
        to_v3
    );
  }

 private:
  std::shared_ptr<MysqlSession> session_;
};

}  // namespace

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open(component::Call& call, std::string address) {
  return respond<v3::Error>(
      call,
      [&](Caller caller) -> Outcome<component::Own<v3::Connection>> {
        auto session = open_traced(caller, access_, address);
        if (!session) {
          return std::unexpected(std::move(session.error()));
        }
        return std::make_unique<Spin3Connection>(*std::move(session));
      },
      to_v3
  );
}

}  // namespace whorl::host::mysql
