/// RemoteBackends: the backends of capabilities that are services over HTTP, made from what the
/// operator says. One per process: connections and credentials are shared by all applications.
#pragma once

#include "cli/cli.hpp"
#include "host/llm/models.hpp"
#include "host/remote/service_client.hpp"

#include <memory>

namespace whorl {

/// Outlives everything it has made. @thread main
class RemoteBackends {
 public:
  /// The models of an application: those of the service that is configured, else none.
  /// @return errors: InvalidInput, in what place of the config; no secret is in it
  [[nodiscard]] Result<std::shared_ptr<host::llm::Models>> models(const cli::UpRequest& request);

 private:
  host::remote::ServiceClient services_;
};

}  // namespace whorl
