#include "remote_backends.hpp"

#include "host/llm/backends/no_local_models.hpp"
#include "host/llm/backends/remote_models.hpp"

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
  auto made = remote->is_open_ai ? host::llm::make_open_ai_models(std::move(settings), services_)
                                 : host::llm::make_spin_models(std::move(settings), services_);
  return std::move(made).context("in [llm_compute]");
}

}  // namespace whorl
