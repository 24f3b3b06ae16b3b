#include "remote_backends.hpp"

#include "cli/values.hpp"
#include "host/key_value/backends/cosmos_store.hpp"
#include "host/key_value/backends/dynamo_store.hpp"
#include "host/llm/backends/no_local_models.hpp"
#include "host/llm/backends/remote_models.hpp"
#include "host/main_caller.hpp"
#include "host/sqlite/backends/libsql_database.hpp"

#include <utility>
#include <variant>

namespace whorl {

namespace config = host::runtime_config;

Result<std::shared_ptr<host::llm::Models>> RemoteBackends::models(const cli::UpRequest& request) {
  const config::RemoteLlm* remote = nullptr;
  if (request.runtime_config != nullptr && request.runtime_config->llm_compute) {
    remote = std::get_if<config::RemoteLlm>(&*request.runtime_config->llm_compute);
  }
  if (remote == nullptr) {
    return host::llm::make_no_local_models();
  }
  auto url = host::remote::parse_service_url(remote->url);
  if (!url) {
    return std::move(url.take_error().context("invalid value for `url`"))
        .context("in [llm_compute]");
  }
  host::llm::RemoteModelSettings settings{.url = *std::move(url), .auth_token = remote->auth_token};
  if (remote->timeout) {
    auto timeout = cli::parse_duration(*remote->timeout);
    if (timeout && timeout->count() == 0) {
      timeout = fail(ErrorKind::InvalidInput, "no answer comes in no time");
    }
    if (!timeout) {
      return std::move(timeout.take_error().context("invalid value for `timeout`"))
          .context("in [llm_compute]");
    }
    settings.timeout = *timeout;
  }
  auto made = remote->is_open_ai ? host::llm::make_open_ai_models(std::move(settings), services_)
                                 : host::llm::make_spin_models(std::move(settings), services_);
  return std::move(made).context("in [llm_compute]");
}

Result<std::shared_ptr<host::key_value::Store>> RemoteBackends::key_value_store(
    const std::string& label, const config::KeyValueStore& kind
) {
  using Store = std::shared_ptr<host::key_value::Store>;
  auto made = [&]() -> Result<Store> {
    if (const auto* cosmos = std::get_if<config::CosmosStore>(&kind)) {
      WHORL_TRY(
          auto account,
          host::key_value::cosmos_account(cosmos->account).context("invalid value for `account`")
      );
      return host::key_value::make_cosmos_store(
          {.account = std::move(account),
           .database = cosmos->database,
           .container = cosmos->container,
           .key = cosmos->key},
          services_
      );
    }
    if (const auto* dynamo = std::get_if<config::DynamoStore>(&kind)) {
      std::optional<host::remote::AwsKeys> keys;
      if (dynamo->access_key && dynamo->secret_key) {
        keys = host::remote::AwsKeys{
            *dynamo->access_key, *dynamo->secret_key, dynamo->token.value_or("")
        };
      }
      return host::key_value::make_dynamo_store(
          {.region = dynamo->region,
           .table = dynamo->table,
           .is_consistent = dynamo->consistent_read,
           .keys = std::move(keys)},
          services_
      );
    }
    return Store();
  }();
  return std::move(made).context("could not configure key-value store with label '{}'", label);
}

namespace {

Result<host::sqlite::LibsqlSettings> settings_of(const config::LibsqlDatabase& libsql) {
  WHORL_TRY(
      auto url, host::remote::parse_service_url(libsql.url).context("invalid value for `url`")
  );
  return host::sqlite::LibsqlSettings{.url = std::move(url), .token = libsql.token};
}

}  // namespace

Result<std::shared_ptr<host::sqlite::Database>> RemoteBackends::database(
    const std::string& label, const config::SqliteDatabase& kind
) {
  const auto* libsql = std::get_if<config::LibsqlDatabase>(&kind);
  if (libsql == nullptr) {
    return std::shared_ptr<host::sqlite::Database>();
  }
  const auto make = [&]() -> Result<std::shared_ptr<host::sqlite::Database>> {
    WHORL_TRY(auto settings, settings_of(*libsql));
    return host::sqlite::make_libsql_database(std::move(settings), services_);
  };
  return make().context("in [sqlite_database.{}]", label);
}

Result<> RemoteBackends::run_script(
    const std::string& label, const config::SqliteDatabase& kind, const std::string& statements
) {
  const auto* libsql = std::get_if<config::LibsqlDatabase>(&kind);
  if (libsql == nullptr) {
    return fail(ErrorKind::Internal, "no remote database");
  }
  WHORL_TRY(const auto settings, settings_of(*libsql).context("in [sqlite_database.{}]", label));
  host::MainCaller main;
  return host::sqlite::run_libsql_script(settings, services_, main.caller(), statements);
}

}  // namespace whorl
