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

/// Answers for a handler whose request's body was cut, being too long or too slow, and whose own
/// answer has not begun: the client is to know why.
inline void answer_instead(Response& response, std::uint16_t status) {
  response.body->stop_reading();
  response = {.status = status, .fields = {}, .body = BodyPipe::empty()};
}

[[nodiscard]] constexpr std::string_view reason_of(telemetry::Limit limit) noexcept {
  switch (limit) {
    case telemetry::Limit::BodyTimeout:
      return "no more of a request's body came in time";
    case telemetry::Limit::BodyRate:
      return "a request's body came too slowly";
    case telemetry::Limit::WriteRate:
      return "took a response too slowly";
    default:
      return "took nothing of a response in time";
  }
}

/// A client was waited for in vain.
inline void report_timeout(telemetry::Limit limit, std::string_view client) {
  telemetry::report_limit(limit, "whorl::http", fmt::format("{}: {}", client, reason_of(limit)));
}

}  // namespace whorl::http
