/// What of a command line and its runtime config is about guests, as the rooms below want it.
/// @thread main
#pragma once

#include "cli/cli.hpp"
#include "component/component.hpp"
#include "http/client.hpp"
#include "log/guest_output.hpp"
#include "runtime/service.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace whorl {

/// How components are linked; for who wants to compare with what tools emitted.
[[nodiscard]] component::LoadOptions load_options();
/// Instances that one component may have at once, unless the operator says otherwise: so many that
/// its neighbours have some, whatever it does. 0: as many as there are.
[[nodiscard]] std::uint32_t default_instances_of(
    std::size_t components, std::uint32_t instances
) noexcept;
[[nodiscard]] runtime::Limits limits_of(
    const cli::RequestBudgets& budgets, std::uint32_t default_instances
);
/// Of requests that guests send.
[[nodiscard]] http::ClientOptions client_options(const cli::UpRequest& request);
/// What is said of the operator's file, with line ends.
[[nodiscard]] std::string runtime_config_lines(const cli::UpRequest& request);
[[nodiscard]] log::GuestOutputOptions output_options(const cli::UpRequest& request);

}  // namespace whorl
