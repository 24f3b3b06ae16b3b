/// What a component may connect to, as its capabilities see it. @thread any
#pragma once

#include "app/locked_app.hpp"
#include "base/result.hpp"
#include "host/net_policy/outbound_url.hpp"
#include "host/variables/app_variables.hpp"
#include "http/allowed_hosts.hpp"

namespace whorl::host::net_policy {

/// A component's `allowed_outbound_hosts`, with the values that its templates have now.
/// @param variables  null: entries are taken as they are written
/// @return errors: InvalidInput
[[nodiscard]] Result<http::AllowedHosts> allowed_hosts_of(
    const app::LockedApp& app,
    const app::Component& component,
    const variables::AppVariables* variables
);

/// Whether the grants include the server; tells the operator when they don't.
[[nodiscard]] bool check_grant(const http::AllowedHosts& grants, const OutboundUrl& url);

}  // namespace whorl::host::net_policy
