/// Capabilities: what the program offers to guests beyond WASI, and the settings each is given. The
/// one place that names concrete capabilities and their backends.
#pragma once

#include "remote_backends.hpp"

#include "async/blocking_pool.hpp"
#include "cli/cli.hpp"
#include "host/capability.hpp"
#include "host/key_value/backends/sqlite_file.hpp"
#include "host/key_value/key_value_capability.hpp"
#include "host/llm/llm_capability.hpp"
#include "host/mqtt/mqtt_capability.hpp"
#include "host/mysql/mysql_capability.hpp"
#include "host/net_policy/network.hpp"
#include "host/otel/otel_capability.hpp"
#include "host/postgres/pg_capability.hpp"
#include "host/redis/redis_capability.hpp"
#include "host/sqlite/backends/local_database.hpp"
#include "host/sqlite/sqlite_capability.hpp"
#include "host/variables/variables_capability.hpp"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace whorl {

/// The capabilities of one application; needed until its components are prepared.
class AppCapabilities {
 public:
  void add(std::unique_ptr<const host::AppCapability> capability) {
    pointers_.push_back(capability.get());
    list_.push_back(std::move(capability));
  }
  [[nodiscard]] std::span<const host::AppCapability* const> all() const noexcept {
    return pointers_;
  }

 private:
  std::vector<std::unique_ptr<const host::AppCapability>> list_;
  std::vector<const host::AppCapability*> pointers_;
};

/// Of the process; outlives the platform and everything that is served. @thread main
class Capabilities {
 public:
  Capabilities();
  ~Capabilities();
  Capabilities(const Capabilities&) = delete;
  Capabilities& operator=(const Capabilities&) = delete;

  /// For runtime::Platform::create(), which links them.
  [[nodiscard]] auto all() noexcept {
    return std::array<host::Capability*, 9>{
        &variables_, &key_value_, &sqlite_, &redis_, &postgres_, &mysql_, &mqtt_, &llm_, &otel_
    };
  }
  /// What guests record themselves; enabled before all() is linked, or not offered.
  [[nodiscard]] host::otel::OtelCapability& otel() noexcept { return otel_; }
  /// Gives an application its settings. After all() was linked.
  /// @return errors: those of the capabilities, InvalidInput mostly
  [[nodiscard]] Result<AppCapabilities> configure(
      const cli::UpRequest& request, const cli::Runnable& runnable
  );

  /// How triggers reach servers that the operator's settings name.
  [[nodiscard]] host::net_policy::Network& operator_network(const cli::UpRequest& request);

  /// What holds for the connections of all guests together; empty: nothing.
  [[nodiscard]] const http::ConnectionLimits& total_limit(const cli::UpRequest& request);
  /// What holds for sockets of guests. Once: each call makes a new count.
  [[nodiscard]] http::ConnectionLimits socket_limits(const cli::UpRequest& request);

  /// Writes what the command line says into stores and databases. Once, before anything is served.
  /// @return errors: those of the stores, of files that cannot be read, of statements
  [[nodiscard]] Result<> fill(const cli::UpRequest& request);
  /// The lines that say where the default stores of an application are, with their ends; empty when
  /// no component uses them.
  [[nodiscard]] static std::string storing_lines(
      const cli::UpRequest& request, const app::LockedApp& app
  );

 private:
  /// @return errors: InvalidInput for a database whose address cannot be read
  [[nodiscard]] Result<host::sqlite::GrantedDatabases> sqlite_databases(
      const cli::UpRequest& request
  );
  /// @return errors: InvalidInput for a store whose address cannot be read
  [[nodiscard]] Result<host::key_value::GrantedStores> key_value_stores(
      const cli::UpRequest& request
  );
  [[nodiscard]] Result<> run_statement(const cli::UpRequest& request, const std::string& text);
  /// The file of stores at a path, or in memory; versions of an application share it.
  [[nodiscard]] std::shared_ptr<host::key_value::SqliteFile> store_file(
      const std::string& key, const std::string& path
  );

  /// What is made when the operator's settings are known.
  struct Clients;
  [[nodiscard]] Clients& clients(const cli::UpRequest& request);

  /// For what waits for a disk.
  async::BlockingPool disk_pool_;
  host::variables::VariablesCapability variables_;
  host::key_value::KeyValueCapability key_value_;
  host::sqlite::SqliteCapability sqlite_;
  host::redis::RedisCapability redis_;
  host::postgres::PgCapability postgres_;
  host::mysql::MysqlCapability mysql_;
  host::mqtt::MqttCapability mqtt_;
  std::unique_ptr<Clients> clients_;
  host::llm::LlmCapability llm_;
  host::otel::OtelCapability otel_;
  RemoteBackends remote_;
  host::sqlite::SqlLanes sql_lanes_;
  host::sqlite::GrantedDatabases databases_;
  std::map<std::string, std::shared_ptr<host::key_value::SqliteFile>> store_files_;
};

}  // namespace whorl
