/// Messages and statuses of gRPC, as far as an exporter needs them: one message each way.
///
/// @spec gRPC over HTTP/2; gRPC status codes; OTLP/gRPC, response and throttling. @thread any
#pragma once

#include "base/bytes.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::otlp {

/// A message with what stands before it: not compressed, its length.
[[nodiscard]] std::string to_grpc_message(std::string message);
/// The message of a body that has one, or none (then it is empty).
/// @return nothing for anything else: compressed, cut, more than one
[[nodiscard]] std::optional<ByteView> read_grpc_message(ByteView body) noexcept;
/// When another try of a call that ended with this `grpc-status` is worth it, as OTLP has it.
/// @param details  `grpc-status-details-bin`: may say how long to wait (google.rpc.RetryInfo)
/// @return         how long to wait at least; nothing when it is not worth it
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_of_call(
    std::string_view status, std::string_view details
);
/// A `grpc-timeout`: so many milliseconds, or what its eight digits can say.
[[nodiscard]] std::string to_grpc_timeout(std::chrono::milliseconds time);
/// A `grpc-message` as it was meant: it travels percent-encoded. Cut to what a log may show.
[[nodiscard]] std::string shown_grpc_message(std::string_view message);

}  // namespace whorl::otlp
