/// AwsCredentials: the keys with which AWS's services know us.
///
/// Those that the operator named, or what the surroundings have, asked in the order of AWS's own
/// libraries: the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), a
/// profile of ~/.aws/config and ~/.aws/credentials (its keys, or a role that is assumed with
/// another profile's, another source's or a web identity), a web identity
/// (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN), the service of a container
/// (AWS_CONTAINER_CREDENTIALS_*_URI), the metadata service of the machine. Keys are in no message.
/// @thread shard; one object serves all shards
#pragma once

#include "host/remote/aws_profiles.hpp"
#include "host/remote/environment.hpp"
#include "host/remote/kept_token.hpp"
#include "host/remote/service_client.hpp"
#include "host/remote/signing.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace boost::json {
class value;
}

namespace whorl::host::remote {

class AwsCredentials {
 public:
  /// @param fixed   absent: what the surroundings have
  /// @param client  outlives this object
  AwsCredentials(
      std::optional<AwsKeys> fixed,
      std::string region,
      ServiceClient& client,
      Environment environment = {}
  );

  /// Keys that are good now.
  /// @return errors: Unauthenticated (none to be had), ServiceClient::send()'s
  [[nodiscard]] Result<std::shared_ptr<const AwsKeys>> keys(Caller caller);
  /// The keys were refused: the next ones are fetched anew.
  void forget(Caller caller) { kept_.forget(caller.shard); }

 private:
  using Kept = KeptToken<AwsKeys>;
  using Fetched = Result<Kept::Fetched>;

  [[nodiscard]] Fetched fetch(Caller caller);
  [[nodiscard]] std::optional<AwsKeys> from_environment() const;
  /// Nothing when there is no such profile, or nothing in it that tells who we are.
  [[nodiscard]] std::optional<Fetched> from_profile(Caller caller);
  [[nodiscard]] Fetched of_profile(
      Caller caller, const AwsProfiles& profiles, const std::string& name, unsigned depth
  );
  [[nodiscard]] Fetched of_source(Caller caller, std::string_view source);
  struct Role {
    std::string arn{};
    std::string session{};
    std::string external_id{};  ///< empty: none
  };
  [[nodiscard]] Fetched by_role(Caller caller, const AwsKeys& keys, const Role& role);
  [[nodiscard]] Fetched by_web_identity(
      Caller caller, const std::string& token_file, const Role& role
  );
  [[nodiscard]] Fetched ask_for_role(Caller caller, ServiceRequest request);
  [[nodiscard]] Fetched from_container(Caller caller);
  [[nodiscard]] Fetched from_machine(Caller caller);
  [[nodiscard]] Fetched ask_for_keys(Caller caller, ServiceRequest request);

  std::shared_ptr<const AwsKeys> fixed_;
  std::string region_;
  ServiceClient& client_;
  Environment environment_;
  Kept kept_;
};

/// Where a service of AWS is: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or its public name.
/// @param service  "dynamodb"
/// @return errors: InvalidInput, which variable is wrong
[[nodiscard]] Result<ServiceUrl> aws_endpoint(
    const Environment& environment, std::string_view service, std::string_view region
);
/// "2026-11-21T03:00:00Z" as seconds since 1970; fractions of a second are dropped.
[[nodiscard]] std::optional<std::int64_t> parse_utc_time(std::string_view text);

}  // namespace whorl::host::remote
