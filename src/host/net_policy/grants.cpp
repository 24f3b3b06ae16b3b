#include "host/net_policy/grants.hpp"

#include "http/outbound.hpp"

#include <string>
#include <vector>

namespace whorl::host::net_policy {

Result<http::AllowedHosts> allowed_hosts_of(
    const app::LockedApp& app,
    const app::Component& component,
    const variables::AppVariables* variables
) {
  std::vector<std::string> entries;
  for (const std::string& entry : component.allowed_outbound_hosts) {
    if (variables == nullptr) {
      entries.push_back(entry);
      continue;
    }
    WHORL_TRY(
        entries.emplace_back(),
        variables->expand(entry).context("allowed_outbound_hosts of \"{}\"", component.id)
    );
  }
  std::vector<std::string> ids;
  for (const app::Component& each : app.components) {
    ids.push_back(each.id);
  }
  return http::AllowedHosts::parse(entries, ids)
      .context("allowed_outbound_hosts of \"{}\"", component.id);
}

bool check_grant(const http::AllowedHosts& grants, const OutboundUrl& url) {
  if (grants.allows(url.scheme, url.host, url.port)) {
    return true;
  }
  http::report_denied(url.to_destination());
  return false;
}

}  // namespace whorl::host::net_policy
