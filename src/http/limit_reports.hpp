/// What the operator is told of clients that ran into limits of the server. Private to the server.
#pragma once

#include "http/message.hpp"
#include "telemetry/limits.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace whorl::http {

/// Nothing where no limit led to the status.
[[nodiscard]] constexpr std::optional<telemetry::Limit> limit_behind(std::uint16_t status
) noexcept {
  switch (status) {
    case 408:
      return telemetry::Limit::HeaderTimeout;
    case 413:
      return telemetry::Limit::RequestBody;
    case 431:
      return telemetry::Limit::RequestHead;
    default:
      return std::nullopt;
  }
}

/// A request was refused; says so if a limit led to it.
inline void report_refusal(std::uint16_t status, std::string_view client, std::string_view reason) {
  if (const auto limit = limit_behind(status)) {
    telemetry::report_limit(
        *limit, "whorl::http", fmt::format("{}: refused with {}: {}", client, status, reason)
    );
  }
}

/// Answers for a handler whose request went on longer than it may, and whose own answer has not
/// begun: the client is to know why.
inline void answer_too_long(Response& response) {
  response.body->stop_reading();
  response = {.status = 413, .fields = {}, .body = BodyPipe::empty()};
}

/// A client was waited for in vain.
inline void report_timeout(telemetry::Limit limit, std::string_view client) {
  telemetry::report_limit(
      limit,
      "whorl::http",
      fmt::format(
          "{}: {}",
          client,
          limit == telemetry::Limit::BodyTimeout ? "no more of a request's body came in time"
                                                 : "took nothing of a response in time"
      )
  );
}

}  // namespace whorl::http
