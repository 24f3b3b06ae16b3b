#include "capabilities.hpp"

#include "fs/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace whorl {
namespace {

// Spin's names: both programs use the same files.
constexpr std::string_view kDefaultStore = "sqlite_key_value.db";
constexpr std::string_view kDefaultDatabase = "sqlite_db.db";

/// Where a file of state is; "" for memory.
std::string state_file(const cli::UpRequest& request, std::string_view name) {
  return request.state_dir ? fs::join(*request.state_dir, name) : std::string();
}

}  // namespace

Result<AppCapabilities> Capabilities::configure(
    const cli::UpRequest& request, const cli::Runnable& runnable
) {
  AppCapabilities app;
  app.add(std::make_unique<host::variables::AppVariablesCapability>(variables_, runnable.variables)
  );
  app.add(std::make_unique<host::key_value::AppKeyValueCapability>(
      key_value_, key_value_stores(request)
  ));
  auto sqlite =
      std::make_unique<host::sqlite::AppSqliteCapability>(sqlite_, sqlite_databases(request));
  WHORL_CHECKED(sqlite->check(*runnable.app));
  app.add(std::move(sqlite));
  return app;
}

std::string Capabilities::storing_lines(const cli::UpRequest& request, const app::LockedApp& app) {
  const auto uses_default = [&](const std::vector<std::string> app::Component::* labels) {
    return std::ranges::any_of(app.components, [&](const app::Component& component) {
      return std::ranges::find(component.*labels, "default") != (component.*labels).end();
    });
  };
  const auto place = [&](std::string_view file, std::string_view in_memory) {
    return request.state_dir ? fs::quote_path(fs::join(*request.state_dir, file))
                             : std::string(in_memory);
  };
  std::string lines;
  if (uses_default(&app::Component::sqlite_databases)) {
    lines += fmt::format(
        "Storing default SQLite data to {}.\n",
        place(kDefaultDatabase, "a temporary in-memory database")
    );
  }
  if (uses_default(&app::Component::key_value_stores)) {
    lines += fmt::format(
        "Storing default key-value data to {}.\n",
        place(kDefaultStore, "a temporary in-memory store")
    );
  }
  return lines;
}

host::sqlite::GrantedDatabases Capabilities::sqlite_databases(const cli::UpRequest& request) {
  // Kept from version to version of the application: guests of both write in turns.
  auto& database = databases_["default"];
  if (database == nullptr) {
    database = host::sqlite::make_local_database(
        {.path = state_file(request, kDefaultDatabase)}, sql_lanes_
    );
  }
  return {databases_.begin(), databases_.end()};
}

host::key_value::GrantedStores Capabilities::key_value_stores(const cli::UpRequest& request) {
  host::key_value::GrantedStores stores;
  stores.emplace(
      "default", store_file("default", state_file(request, kDefaultStore))->store("default")
  );
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
