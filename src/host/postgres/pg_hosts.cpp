#include "host/postgres/pg_hosts.hpp"

#include "host/listed.hpp"
#include "host/net_policy/grants.hpp"
#include "host/postgres/pg_spans.hpp"
#include "host/postgres/pg_values.hpp"
#include "wit/spin_postgres_postgres_abi.hpp"

#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace whorl::host::postgres {
namespace {

namespace v1 = wit::fermyon_spin_postgres_v1;
namespace v2 = wit::fermyon_spin_postgres;
namespace v3 = wit::spin_postgres_postgres_v3;

// --- errors of all versions ----------------------------------------------------------------------

std::string text_of_error(const v4::Error& error) {
  if (error.tag != v4::Error::Tag::QueryFailed) {
    return error.as<std::string>();
  }
  const auto& query = error.as<v4::QueryError>();
  return query.tag == v4::QueryError::Tag::Text ? query.as<std::string>()
                                                : query.as<v4::DbError>().as_text;
}

/// Versions before 4 have the same cases with texts; the oldest one calls the last differently.
template <class Theirs>
Theirs to_error(v4::Error error) {
  if constexpr (std::is_same_v<Theirs, v4::Error>) {
    return error;
  } else {
    std::string text = text_of_error(error);
    switch (error.tag) {
      case v4::Error::Tag::ConnectionFailed:
        return Theirs::connection_failed(std::move(text));
      case v4::Error::Tag::BadParameter:
        return Theirs::bad_parameter(std::move(text));
      case v4::Error::Tag::QueryFailed:
        return Theirs::query_failed(std::move(text));
      case v4::Error::Tag::ValueConversionFailed:
        return Theirs::value_conversion_failed(std::move(text));
      default:
        if constexpr (requires { Theirs::other_error(std::string()); }) {
          return Theirs::other_error(std::move(text));
        } else {
          return Theirs::other(std::move(text));
        }
    }
  }
}

// --- results of all versions ---------------------------------------------------------------------

/// The values that versions 1 and 2 know. The tag decides: alternatives are shared by several.
template <class Theirs>
Theirs to_old_value(v4::DbValue&& value) {
  using Tag = v4::DbValue::Tag;
  switch (value.tag) {
    case Tag::Boolean:
      return Theirs::boolean(value.as<bool>());
    case Tag::Int8:
      return Theirs::int8(value.as<std::int8_t>());
    case Tag::Int16:
      return Theirs::int16(value.as<std::int16_t>());
    case Tag::Int32:
      return Theirs::int32(value.as<std::int32_t>());
    case Tag::Int64:
      return Theirs::int64(value.as<std::int64_t>());
    case Tag::Floating32:
      return Theirs::floating32(value.as<float>());
    case Tag::Floating64:
      return Theirs::floating64(value.as<double>());
    case Tag::Str:
      return Theirs::str(std::move(value.as<std::string>()));
    case Tag::Binary:
      return Theirs::binary(std::move(value.as<Bytes>()));
    case Tag::DbNull:
      return Theirs::db_null();
    default:
      return Theirs::unsupported();
  }
}

v3::DbValue to_v3_value(v4::DbValue&& value) {
  using Tag = v4::DbValue::Tag;
  switch (value.tag) {
    case Tag::Date:
      return v3::DbValue::date(value.as<Date>());
    case Tag::Time:
      return v3::DbValue::time(value.as<Time>());
    case Tag::Datetime:
      return v3::DbValue::datetime(value.as<DateTime>());
    case Tag::Timestamp:
      return v3::DbValue::timestamp(value.as<std::int64_t>());
    default:
      return to_old_value<v3::DbValue>(std::move(value));
  }
}

/// An enum of an older version; what it does not know is `other`.
template <class Theirs>
Theirs to_type(const v4::DbDataType& type) {
  using Tag = v4::DbDataType::Tag;
  if constexpr (requires { Theirs::Datetime; }) {
    switch (type.tag) {
      case Tag::Date:
        return Theirs::Date;
      case Tag::Time:
        return Theirs::Time;
      case Tag::Datetime:
        return Theirs::Datetime;
      case Tag::Timestamp:
        return Theirs::Timestamp;
      default:
        break;
    }
  }
  switch (type.tag) {
    case Tag::Boolean:
      return Theirs::Boolean;
    case Tag::Int8:
      return Theirs::Int8;
    case Tag::Int16:
      return Theirs::Int16;
    case Tag::Int32:
      return Theirs::Int32;
    case Tag::Int64:
      return Theirs::Int64;
    case Tag::Floating32:
      return Theirs::Floating32;
    case Tag::Floating64:
      return Theirs::Floating64;
    case Tag::Str:
      return Theirs::Str;
    case Tag::Binary:
      return Theirs::Binary;
    default:
      return Theirs::Other;
  }
}

template <class Theirs>
Theirs to_rows(v4::RowSet&& rows) {
  if constexpr (std::is_same_v<Theirs, v4::RowSet>) {
    return std::move(rows);
  } else {
    Theirs out;
    for (v4::Column& column : rows.columns) {
      auto& made = out.columns.emplace_back();
      made.name = std::move(column.name);
      made.data_type = to_type<decltype(made.data_type)>(column.data_type);
    }
    out.rows.reserve(rows.rows.size());
    for (v4::Row& row : rows.rows) {
      auto& made = out.rows.emplace_back();
      made.reserve(row.size());
      for (v4::DbValue& value : row) {
        using Value = typename std::remove_reference_t<decltype(made)>::value_type;
        if constexpr (std::is_same_v<Value, v3::DbValue>) {
          made.push_back(to_v3_value(std::move(value)));
        } else {
          made.push_back(to_old_value<Value>(std::move(value)));
        }
      }
      row = {};  // one row at a time is there twice
    }
    return out;
  }
}

// --- calls of all versions -----------------------------------------------------------------------

template <class Theirs>
Outcome<Parameters> to_parameters(const std::vector<Theirs>& theirs) {
  Parameters out;
  out.reserve(theirs.size());
  for (const Theirs& each : theirs) {
    auto text = text_of_parameter(each);
    if (!text) {
      return std::unexpected(v4::Error::bad_parameter(std::move(text.error())));
    }
    out.push_back(*std::move(text));
  }
  return out;
}

/// Waits for a guest, and says errors in its version's way.
template <class E, class Body>
auto respond(component::Call& call, Body body) {
  using T = typename std::invoke_result_t<Body, Caller>::value_type;
  using Out = component::HostResult<std::expected<T, E>>;
  auto caller = caller_of(call);
  if (!caller) {
    return Out(std::unexpect, std::move(caller.error()));
  }
  auto outcome = body(*caller);
  if (outcome) {
    return Out(std::in_place, *std::move(outcome));
  }
  if (caller->fiber.cancelled()) {
    return Out(component::trap("the guest was ended while it waited"));
  }
  return Out(std::in_place, std::unexpect, to_error<E>(std::move(outcome.error())));
}

template <class RowSet, class E, class Parameter>
auto query(
    component::Call& call,
    std::shared_ptr<PgSession> session,
    std::string_view statement,
    const std::vector<Parameter>& params
) {
  return respond<E>(call, [&](Caller caller) -> Outcome<RowSet> {
    auto parameters = to_parameters(params);
    if (!parameters) {
      return std::unexpected(std::move(parameters.error()));
    }
    auto rows = run_query(caller, *session, std::string(statement), *std::move(parameters));
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    return to_rows<RowSet>(*std::move(rows));
  });
}

template <class E, class Parameter>
auto execute(
    component::Call& call,
    std::shared_ptr<PgSession> session,
    std::string_view statement,
    const std::vector<Parameter>& params
) {
  return respond<E>(call, [&](Caller caller) -> Outcome<std::uint64_t> {
    auto parameters = to_parameters(params);
    if (!parameters) {
      return std::unexpected(std::move(parameters.error()));
    }
    return run_statement(caller, *session, std::string(statement), *std::move(parameters));
  });
}

/// A version's connection resource. Functions keep the session: the handle may be dropped while
/// they wait.
template <class Base, class Parameter, class RowSet, class E>
class PgResource final : public Base {
 public:
  explicit PgResource(std::shared_ptr<PgSession> session) noexcept : session_(std::move(session)) {}
  component::HostResult<std::expected<RowSet, E>> query(
      component::Call& call, std::string_view statement, std::vector<Parameter> params
  ) override {
    return postgres::query<RowSet, E>(call, session_, statement, params);
  }
  component::HostResult<std::expected<std::uint64_t, E>> execute(
      component::Call& call, std::string_view statement, std::vector<Parameter> params
  ) override {
    return postgres::execute<E>(call, session_, statement, params);
  }

 private:
  std::shared_ptr<PgSession> session_;
};

/// That of version 4.
class Connection4 final : public v4::Connection {
 public:
  using Rows = std::tuple<
      std::vector<v4::Column>,
      component::StreamReader<v4::Row>,
      component::FutureReader<std::expected<void, v4::Error>>>;
  template <class T>
  using Answer = component::HostResult<std::expected<T, v4::Error>>;

  explicit Connection4(std::shared_ptr<PgSession> session) noexcept
      : session_(std::move(session)) {}
  Answer<v4::RowSet> query(
      component::Call& call, std::string_view statement, std::vector<v4::ParameterValue> params
  ) override {
    return postgres::query<v4::RowSet, v4::Error>(call, session_, statement, params);
  }
  Answer<Rows> query_async(
      component::Call& call, std::string statement, std::vector<v4::ParameterValue> params
  ) override {
    using Out = std::expected<Rows, v4::Error>;
    auto ran = query(call, statement, std::move(params));
    if (!ran) {
      return std::unexpected(std::move(ran.error()));
    }
    if (!*ran) {
      return Out(std::unexpect, std::move(ran->error()));
    }
    auto [rows, done] =
        listed(std::expected<std::vector<v4::Row>, v4::Error>(std::move((*ran)->rows)));
    return Out(std::in_place, std::move((*ran)->columns), std::move(rows), std::move(done));
  }
  Answer<std::uint64_t> execute(
      component::Call& call, std::string_view statement, std::vector<v4::ParameterValue> params
  ) override {
    return postgres::execute<v4::Error>(call, session_, statement, params);
  }
  Answer<std::uint64_t> execute_async(
      component::Call& call, std::string statement, std::vector<v4::ParameterValue> params
  ) override {
    return execute(call, statement, std::move(params));
  }

 private:
  std::shared_ptr<PgSession> session_;
};

using Connection3 = PgResource<v3::Connection, v3::ParameterValue, v3::RowSet, v3::Error>;
using Connection2 = PgResource<v2::Connection, v2::ParameterValue, v2::RowSet, v2::Error>;

template <class Resource, class Interface, class E>
auto open(
    component::Call& call, const PgAccess& access, std::string_view address, std::string root = {}
) {
  return respond<E>(call, [&](Caller caller) -> Outcome<component::Own<Interface>> {
    auto session = open_traced(caller, access, address, std::move(root));
    if (!session) {
      return std::unexpected(std::move(session.error()));
    }
    return std::make_unique<Resource>(*std::move(session));
  });
}

constexpr const char* kTooManyBuilders = "the component has too many connection builders";
/// Longest root certificate, bytes.
constexpr std::size_t kMaxRoot = std::size_t{256} << 10;

class Builder final : public v4::ConnectionBuilder {
 public:
  Builder(const PgAccess& access, std::string_view address)
      : access_(access), address_(address), kept_(access.kept) {}
  /// Counts what it holds, and would with a certificate of that size.
  [[nodiscard]] bool keep(std::size_t root) noexcept {
    return kept_.try_resize(sizeof *this + address_.size() + root);
  }
  component::HostResult<std::expected<void, v4::Error>> set_ca_root(
      component::Call&, std::string_view certificate
  ) override {
    using Answer = std::expected<void, v4::Error>;
    if (certificate.size() > kMaxRoot ||
        certificate.find("-----BEGIN CERTIFICATE-----") == std::string_view::npos) {
      return Answer(
          std::unexpect, v4::Error::other("invalid root certificate: it is not in PEM format")
      );
    }
    if (!keep(certificate.size())) {
      return Answer(std::unexpect, v4::Error::other(kTooManyBuilders));
    }
    root_ = certificate;
    return Answer();
  }
  component::HostResult<std::expected<component::Own<v4::Connection>, v4::Error>> build(
      component::Call& call
  ) override {
    const std::string address = address_;
    return open<Connection4, v4::Connection, v4::Error>(call, access_, address, root_);
  }
  component::HostResult<std::expected<component::Own<v4::Connection>, v4::Error>> build_async(
      component::Call& call
  ) override {
    return build(call);
  }

 private:
  const PgAccess& access_;
  std::string address_;
  std::string root_;
  KeptMemory::Share kept_;
};

}  // namespace

Outcome<std::shared_ptr<PgSession>> open_session(
    Caller caller, const PgAccess& access, std::string_view address, std::string ca_root
) {
  auto parsed = parse_pg_address(address);
  if (!parsed) {
    return std::unexpected(v4::Error::connection_failed(parsed.error().message()));
  }
  for (const PgAddress::Server& server : parsed->servers) {
    const net_policy::OutboundUrl url{
        .scheme = "postgres", .host = server.host, .port = server.port, .has_port = true
    };
    if (!net_policy::check_grant(access.grants, url)) {
      return std::unexpected(v4::Error::connection_failed(
          fmt::format("address {} is not permitted", server.to_destination())
      ));
    }
  }
  parsed->ca_root = std::move(ca_root);
  return PgSession::open(caller, *access.client, *std::move(parsed));
}

component::HostResult<component::Own<v4::ConnectionBuilder>> Spin4Host::connection_builder_new(
    component::Call&, std::string_view address
) {
  // One that is too long stays so, and is refused when it is used.
  auto builder = std::make_unique<Builder>(access_, address.substr(0, kMaxPgAddress + 1));
  if (!builder->keep(0)) {
    return component::trap(kTooManyBuilders);
  }
  return builder;
}

component::HostResult<std::expected<component::Own<v4::Connection>, v4::Error>>
Spin4Host::connection_open(component::Call& call, std::string_view address) {
  return open<Connection4, v4::Connection, v4::Error>(call, access_, address);
}

component::HostResult<std::expected<component::Own<v4::Connection>, v4::Error>>
Spin4Host::connection_open_async(component::Call& call, std::string address) {
  return connection_open(call, address);
}

component::HostResult<std::expected<component::Own<v3::Connection>, v3::Error>>
Spin3Host::connection_open(component::Call& call, std::string_view address) {
  return open<Connection3, v3::Connection, v3::Error>(call, access_, address);
}

component::HostResult<std::expected<component::Own<v2::Connection>, v2::Error>>
SpinHost::connection_open(component::Call& call, std::string_view address) {
  return open<Connection2, v2::Connection, v2::Error>(call, access_, address);
}

component::HostResult<std::expected<v1::RowSet, v1::PgError>> SpinV1Host::query(
    component::Call& call,
    std::string_view address,
    std::string_view statement,
    std::vector<Parameter> params
) {
  const std::string sql(statement);
  return respond<v1::PgError>(call, [&](Caller caller) -> Outcome<v1::RowSet> {
    auto parameters = to_parameters(params);
    if (!parameters) {
      return std::unexpected(std::move(parameters.error()));
    }
    auto session = open_session(caller, access_, address);
    if (!session) {
      return std::unexpected(std::move(session.error()));
    }
    auto rows = run_query(caller, **session, sql, *std::move(parameters));
    if (!rows) {
      return std::unexpected(std::move(rows.error()));
    }
    return to_rows<v1::RowSet>(*std::move(rows));
  });
}

component::HostResult<std::expected<std::uint64_t, v1::PgError>> SpinV1Host::execute(
    component::Call& call,
    std::string_view address,
    std::string_view statement,
    std::vector<Parameter> params
) {
  const std::string sql(statement);
  return respond<v1::PgError>(call, [&](Caller caller) -> Outcome<std::uint64_t> {
    auto parameters = to_parameters(params);
    if (!parameters) {
      return std::unexpected(std::move(parameters.error()));
    }
    auto session = open_session(caller, access_, address);
    if (!session) {
      return std::unexpected(std::move(session.error()));
    }
    return run_statement(caller, **session, sql, *std::move(parameters));
  });
}

}  // namespace whorl::host::postgres
