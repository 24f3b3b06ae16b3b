/// WAGI: what a CGI-like command is told of a request, and what its output says.
///
/// Pure functions; the way a request takes is in wagi_call.hpp. Rules and quirks are those of
/// Spin's executor. @thread any @spec RFC 3875 (CGI 1.1), as far as Spin follows it
#pragma once

#include "app/http_trigger.hpp"
#include "app/route.hpp"
#include "base/bytes.hpp"
#include "http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::trigger {

using EnvironmentEntry = std::pair<std::string, std::string>;

/// The environment of a command, in order: the component's own variables first, then those of the
/// request. Equal names are not merged, so the component's own are the ones that are found.
/// @param body_bytes  how long the request's body is
[[nodiscard]] std::vector<EnvironmentEntry> wagi_environment(
    std::span<const EnvironmentEntry> own,
    const http::Request& request,
    const app::RouteMatch& match,
    const app::RequestFacts& facts,
    std::size_t body_bytes
);

/// The template with `${SCRIPT_NAME}` and `${ARGS}` filled in, split at single blanks; nothing is
/// decoded.
[[nodiscard]] std::vector<std::string> wagi_arguments(
    std::string_view argv_template, std::string_view path_and_query
);

/// A command's output as a response.
struct WagiResponse {
  std::uint16_t status = 200;
  http::Fields fields;
  std::string body;
  std::string problem;  ///< for the log: why the response is not the command's own; empty: it is
};

/// Reads header lines up to the first empty line; the rest is the body.
/// @param component_id  for messages
[[nodiscard]] WagiResponse parse_wagi_output(ByteView output, std::string_view component_id);

}  // namespace whorl::trigger
