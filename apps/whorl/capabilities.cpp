#include "capabilities.hpp"

#include <utility>

namespace whorl {

Result<AppCapabilities> Capabilities::configure(
    const cli::UpRequest&, const cli::Runnable& runnable
) {
  AppCapabilities app;
  app.add(std::make_unique<host::variables::AppVariablesCapability>(variables_, runnable.variables)
  );
  return app;
}

}  // namespace whorl
