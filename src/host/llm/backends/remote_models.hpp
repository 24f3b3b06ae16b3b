/// Models that a service over HTTP runs: Spin's own protocol, and OpenAI's.
#pragma once

#include "host/llm/models.hpp"
#include "host/remote/service_client.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace boost::json {
class value;
}

namespace whorl::host::llm {

struct RemoteModelSettings {
  remote::ServiceUrl url{};  ///< its path is not used, as in Spin
  std::string auth_token{};  ///< sent to that service only; in no message
  /// For a whole answer. Services that are asked not to stream say nothing until they have it.
  std::chrono::milliseconds timeout{120'000};
};

/// POST /infer and /embed. @param client  outlives the result
/// @return errors: InvalidInput (a token that cannot stand in a header)
[[nodiscard]] Result<std::shared_ptr<Models>> make_spin_models(
    RemoteModelSettings settings, remote::ServiceClient& client
);
/// POST /v1/chat/completions and /v1/embeddings; otherwise the same.
[[nodiscard]] Result<std::shared_ptr<Models>> make_open_ai_models(
    RemoteModelSettings settings, remote::ServiceClient& client
);

/// What both have in common: a POST of JSON with the token. Private to the backends.
class ModelService {
 public:
  ModelService(RemoteModelSettings settings, remote::ServiceClient& client)
      : settings_(std::move(settings)), client_(client) {}
  /// @return errors: InvalidInput
  [[nodiscard]] Result<> check() const;
  /// @return the answer, whatever its status; errors with "POST <path> request error: " in front
  [[nodiscard]] Result<remote::ServiceAnswer> post(
      Caller caller, std::string_view path, std::string body
  ) const;
  /// Why an answer cannot be used: its status, or that it has another shape.
  [[nodiscard]] static Error unusable(std::string_view path, const remote::ServiceAnswer& answer);
  /// What a service says about an error, without our token.
  [[nodiscard]] std::string shown(std::string_view text) const {
    return remote::without_secret(text, settings_.auth_token);
  }

 private:
  RemoteModelSettings settings_;
  remote::ServiceClient& client_;
};

/// A number as JSON has it: the shortest text that reads back as the same; null for what is none.
[[nodiscard]] std::string json_number(float number);
/// ["…","…"]
[[nodiscard]] std::string json_array(std::span<const std::string_view> texts);
/// Nothing when it is no array of numbers. @param value  may be null
[[nodiscard]] std::optional<std::vector<float>> read_vector(const boost::json::value* value);

}  // namespace whorl::host::llm
