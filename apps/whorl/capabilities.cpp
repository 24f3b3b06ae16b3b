#include "capabilities.hpp"

#include "fs/file.hpp"

#include <utility>

namespace whorl {

Result<AppCapabilities> Capabilities::configure(
    const cli::UpRequest& request, const cli::Runnable& runnable
) {
  AppCapabilities app;
  app.add(std::make_unique<host::variables::AppVariablesCapability>(variables_, runnable.variables)
  );
  app.add(std::make_unique<host::key_value::AppKeyValueCapability>(
      key_value_, key_value_stores(request)
  ));
  return app;
}

host::key_value::GrantedStores Capabilities::key_value_stores(const cli::UpRequest& request) {
  host::key_value::GrantedStores stores;
  const std::string path =
      request.state_dir ? fs::join(*request.state_dir, "sqlite_key_value.db") : std::string();
  stores.emplace("default", store_file("default", path)->store("default"));
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
