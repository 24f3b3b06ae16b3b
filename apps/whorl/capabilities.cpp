#include "capabilities.hpp"

#include "fs/file.hpp"
#include "host/key_value/backends/redis_store.hpp"
#include "host/main_caller.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

namespace whorl {
namespace {

namespace config = host::runtime_config;

// Spin's names: both programs use the same files.
constexpr std::string_view kDefaultStore = "sqlite_key_value.db";
constexpr std::string_view kDefaultDatabase = "sqlite_db.db";
/// The longest file of SQL statements, bytes.
constexpr std::uint64_t kMaxScriptBytes = std::uint64_t{256} << 20;

/// Stores or databases by label as the operator has them, the default one included.
template <class Kind>
std::map<std::string, Kind, std::less<>> with_default(
    const cli::UpRequest& request,
    std::map<std::string, Kind, std::less<>> config::RuntimeConfig::* configured,
    std::string_view file
) {
  std::map<std::string, Kind, std::less<>> all;
  if (request.runtime_config != nullptr) {
    all = (*request.runtime_config).*configured;
  }
  all.try_emplace(
      "default",
      config::LocalFile{
          .path = request.state_dir ? fs::join(*request.state_dir, file) : std::string()
      }
  );
  return all;
}

auto all_stores(const cli::UpRequest& request) {
  return with_default(request, &config::RuntimeConfig::key_value_stores, kDefaultStore);
}

auto all_databases(const cli::UpRequest& request) {
  return with_default(request, &config::RuntimeConfig::sqlite_databases, kDefaultDatabase);
}

/// How many connections a capability may have open.
host::net_policy::PoolOptions pool_options(
    std::optional<std::uint64_t> most, std::uint64_t by_default, std::string_view kind
) {
  return {
      .limits = {std::make_shared<http::ConnectionLimit>(most.value_or(by_default))},
      .kind = kind,
  };
}

const config::OutboundLimits& limits_of(const cli::UpRequest& request) {
  static const config::OutboundLimits none;
  return request.runtime_config != nullptr ? request.runtime_config->max_connections : none;
}

http::ConnectionLimits total_of(const cli::UpRequest& request) {
  const auto most = limits_of(request).total;
  return most ? http::ConnectionLimits{std::make_shared<http::ConnectionLimit>(*most)}
              : http::ConnectionLimits();
}

host::mqtt::MqttOptions mqtt_options(const cli::UpRequest& request) {
  return {
      .pool = pool_options(
          limits_of(request).mqtt, host::mqtt::MqttClient::kDefaultConnections, "mqtt"
      ),
      .max_payload_bytes = request.runtime_config != nullptr
                               ? request.runtime_config->mqtt_max_payload_bytes
                               : std::nullopt,
  };
}

std::string place_of(const config::LocalFile& file, std::string_view in_memory) {
  return file.path.empty() ? std::string(in_memory) : fs::quote_path(file.path);
}

}  // namespace

struct Capabilities::Clients {
  explicit Clients(const cli::UpRequest& request)
      : total(total_of(request)),
        guests(
            {.blocked = request.runtime_config != nullptr ? request.runtime_config->blocked_networks
                                                          : net::BlockedNetworks(),
             .total = total}
        ),
        redis(std::make_shared<host::redis::RedisClient>(
            guests,
            pool_options(
                limits_of(request).redis, host::redis::RedisClient::kDefaultConnections, "redis"
            )
        )),
        mqtt(std::make_shared<host::mqtt::MqttClient>(guests, mqtt_options(request))),
        mysql(std::make_shared<host::mysql::MysqlClient>(
            guests,
            pool_options(
                limits_of(request).mysql, host::mysql::MysqlClient::kDefaultConnections, "mysql"
            )
        )),
        postgres(std::make_shared<host::postgres::PgClient>(
            guests,
            pool_options(limits_of(request).pg, host::postgres::PgClient::kDefaultConnections, "pg")
        )),
        redis_stores(std::make_shared<host::redis::RedisClient>(
            operators, pool_options({}, host::redis::RedisClient::kDefaultConnections, "key-value")
        )) {}

  /// What holds for all connections of guests together; empty: nothing.
  http::ConnectionLimits total;
  /// For addresses that guests name.
  host::net_policy::Network guests;
  /// For those of the operator's own settings: what is blocked is blocked for guests.
  host::net_policy::Network operators{{}};
  std::shared_ptr<host::redis::RedisClient> redis;
  std::shared_ptr<host::mqtt::MqttClient> mqtt;
  std::shared_ptr<host::mysql::MysqlClient> mysql;
  std::shared_ptr<host::postgres::PgClient> postgres;
  std::shared_ptr<host::redis::RedisClient> redis_stores;
};

Capabilities::Capabilities() = default;
Capabilities::~Capabilities() = default;

Capabilities::Clients& Capabilities::clients(const cli::UpRequest& request) {
  if (clients_ == nullptr) {
    clients_ = std::make_unique<Clients>(request);
  }
  return *clients_;
}

host::net_policy::Network& Capabilities::operator_network(const cli::UpRequest& request) {
  return clients(request).operators;
}

const http::ConnectionLimits& Capabilities::total_limit(const cli::UpRequest& request) {
  return clients(request).total;
}

http::ConnectionLimits Capabilities::socket_limits(const cli::UpRequest& request) {
  http::ConnectionLimits limits;
  if (const auto most = limits_of(request).sockets) {
    limits.push_back(std::make_shared<http::ConnectionLimit>(*most));
  }
  const auto& total = total_limit(request);
  limits.insert(limits.end(), total.begin(), total.end());
  return limits;
}

Result<AppCapabilities> Capabilities::configure(
    const cli::UpRequest& request, const cli::Runnable& runnable
) {
  AppCapabilities app;
  app.add(std::make_unique<host::variables::AppVariablesCapability>(variables_, runnable.variables)
  );
  WHORL_TRY(auto stores, key_value_stores(request));
  app.add(std::make_unique<host::key_value::AppKeyValueCapability>(key_value_, std::move(stores)));
  app.add(std::make_unique<host::mqtt::AppMqttCapability>(
      mqtt_, clients(request).mqtt, *runnable.app, runnable.variables.get()
  ));
  app.add(std::make_unique<host::mysql::AppMysqlCapability>(
      mysql_, clients(request).mysql, *runnable.app, runnable.variables.get()
  ));
  app.add(std::make_unique<host::postgres::AppPgCapability>(
      postgres_, clients(request).postgres, *runnable.app, runnable.variables.get()
  ));
  app.add(std::make_unique<host::redis::AppRedisCapability>(
      redis_, clients(request).redis, *runnable.app, runnable.variables.get()
  ));
  WHORL_TRY(auto databases, sqlite_databases(request));
  auto sqlite = std::make_unique<host::sqlite::AppSqliteCapability>(sqlite_, std::move(databases));
  WHORL_CHECKED(sqlite->check(*runnable.app));
  app.add(std::move(sqlite));
  WHORL_TRY(auto models, remote_.models(request));
  app.add(std::make_unique<host::llm::AppLlmCapability>(llm_, std::move(models)));
  if (otel_.is_enabled()) {
    app.add(std::make_unique<host::otel::AppOtelCapability>(otel_));
  }
  return app;
}

std::string Capabilities::storing_lines(const cli::UpRequest& request, const app::LockedApp& app) {
  const auto uses_default = [&](const std::vector<std::string> app::Component::* labels) {
    return std::ranges::any_of(app.components, [&](const app::Component& component) {
      return std::ranges::find(component.*labels, "default") != (component.*labels).end();
    });
  };
  std::string lines;
  const auto databases = all_databases(request);
  const auto* database = std::get_if<config::LocalFile>(&databases.find("default")->second);
  if (database != nullptr && uses_default(&app::Component::sqlite_databases)) {
    lines += fmt::format(
        "Storing default SQLite data to {}.\n",
        place_of(*database, "a temporary in-memory database")
    );
  }
  const auto stores = all_stores(request);
  const auto* store = std::get_if<config::LocalFile>(&stores.find("default")->second);
  if (store != nullptr && uses_default(&app::Component::key_value_stores)) {
    lines += fmt::format(
        "Storing default key-value data to {}.\n", place_of(*store, "a temporary in-memory store")
    );
  }
  return lines;
}

Result<> Capabilities::fill(const cli::UpRequest& request) {
  if (!request.key_values.empty()) {
    WHORL_TRY(const auto stores, key_value_stores(request));
    const auto store = stores.find("default");
    std::vector<host::key_value::PairView> pairs;
    for (const auto& [key, value] : request.key_values) {
      pairs.emplace_back(key, as_bytes(value));
    }
    host::MainCaller main;
    WHORL_CHECKED(store->second->set_many(main.caller(), pairs)
                      .context("cannot set key-value pairs in the default store"));
  }
  for (const std::string& text : request.sqlite_statements) {
    WHORL_CHECKED(run_statement(request, text));
  }
  return {};
}

Result<> Capabilities::run_statement(const cli::UpRequest& request, const std::string& text) {
  const auto failed = [](std::string_view label, std::string_view what) {
    return fmt::format(
        "failed to execute following sql statement against {} database: '{}'", label, what
    );
  };
  if (!text.starts_with('@')) {
    WHORL_TRY(const auto databases, sqlite_databases(request));
    host::MainCaller main;
    auto done = databases.find("default")->second->open()->execute(main.caller(), text, {});
    return done ? Result<>() : Result<>(done.take_error().context(failed("default", text)));
  }
  const std::string_view argument = std::string_view(text).substr(1);
  if (argument.empty()) {
    return fail(
        ErrorKind::InvalidInput, "database configuration is empty in the '@' sqlite statement"
    );
  }
  const std::size_t colon = argument.find(':');
  const std::string path(argument.substr(0, colon));
  const std::string label(colon == std::string_view::npos ? "default" : argument.substr(colon + 1));
  if (path.empty() || label.empty()) {
    return fail(
        ErrorKind::InvalidInput,
        "{} is empty in the '{}' sqlite statement",
        path.empty() ? "file path" : "database label",
        text
    );
  }
  const auto kinds = all_databases(request);
  const auto kind = kinds.find(label);
  if (kind == kinds.end()) {
    return fail(
        ErrorKind::NotFound,
        "based on the '{}' a registered database named '{}' was expected but not found.",
        text,
        label
    );
  }
  auto script = fs::read_file(path, kMaxScriptBytes);
  if (!script) {
    return Error(script.error().kind(), script.error().message())
        .context(fmt::format("could not read file '{}' containing sql statements", path));
  }
  const std::string statements(as_text(*script));
  const auto* local = std::get_if<config::LocalFile>(&kind->second);
  auto run = local != nullptr ? host::sqlite::run_script(local->path, statements)
                              : remote_.run_script(label, kind->second, statements);
  return std::move(run).map_error([&](Error error) {
    return std::move(error).context(failed(label, text));
  });
}

Result<host::sqlite::GrantedDatabases> Capabilities::sqlite_databases(const cli::UpRequest& request
) {
  for (const auto& [label, kind] : all_databases(request)) {
    // Kept from version to version of the application: guests of both write in turns.
    auto& database = databases_[label];
    if (const auto* local = std::get_if<config::LocalFile>(&kind); local == nullptr) {
      WHORL_TRY(database, remote_.database(label, kind));
    } else if (database == nullptr) {
      database = host::sqlite::make_local_database(
          {.path = local->path, .may_attach_files = local->may_attach_files}, sql_lanes_
      );
    }
  }
  return databases_;
}

Result<host::key_value::GrantedStores> Capabilities::key_value_stores(const cli::UpRequest& request
) {
  host::key_value::GrantedStores stores;
  for (const auto& [label, kind] : all_stores(request)) {
    if (const auto* local = std::get_if<config::LocalFile>(&kind)) {
      stores.emplace(label, store_file(label, local->path)->store(label));
    } else if (const auto* remote = std::get_if<config::RedisStore>(&kind)) {
      WHORL_TRY(
          auto store,
          host::key_value::make_redis_store(clients(request).redis_stores, remote->url)
              .context("could not configure key-value store with label '{}'", label)
      );
      stores.emplace(label, std::move(store));
    } else {
      WHORL_TRY(auto store, remote_.key_value_store(label, kind));
      stores.emplace(label, std::move(store));
    }
  }
  return stores;
}

std::shared_ptr<host::key_value::SqliteFile> Capabilities::store_file(
    const std::string& key, const std::string& path
) {
  auto& file = store_files_[path.empty() ? "memory:" + key : path];
  if (file == nullptr) {
    file = host::key_value::SqliteFile::make(path, disk_pool_);
  }
  return file;
}

}  // namespace whorl
