/// RemoteBackends: the backends of capabilities that are services over HTTP, made from what the
/// operator says. One per process: connections and credentials are shared by all applications.
#pragma once

#include "cli/cli.hpp"
#include "host/key_value/store.hpp"
#include "host/llm/models.hpp"
#include "host/remote/service_client.hpp"
#include "host/sqlite/database.hpp"

#include <memory>
#include <string>

namespace whorl {

/// Outlives everything it has made. @thread main
class RemoteBackends {
 public:
  /// The models of an application: those of the service that is configured, else none.
  /// @return errors: InvalidInput, in what place of the config; no secret is in it
  [[nodiscard]] Result<std::shared_ptr<host::llm::Models>> models(const cli::UpRequest& request);
  /// A store of a cloud. @return null for kinds of others; errors: InvalidInput
  [[nodiscard]] Result<std::shared_ptr<host::key_value::Store>> key_value_store(
      const std::string& label, const host::runtime_config::KeyValueStore& kind
  );
  /// A database of a server. @return null for kinds of others; errors: InvalidInput
  [[nodiscard]] Result<std::shared_ptr<host::sqlite::Database>> database(
      const std::string& label, const host::runtime_config::SqliteDatabase& kind
  );
  /// Runs all statements of a text on such a database. Blocks.
  [[nodiscard]] Result<> run_script(
      const std::string& label,
      const host::runtime_config::SqliteDatabase& kind,
      const std::string& statements
  );

 private:
  host::remote::ServiceClient services_;
};

}  // namespace whorl
