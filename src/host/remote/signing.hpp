/// Signatures of requests: SHA-256 message authentication, as Azure Cosmos and AWS want it.
///
/// Keys are secrets: nothing here has a text form of one. @thread any (pure functions)
#pragma once

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "host/remote/service_client.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace whorl::host::remote {

/// @spec FIPS 198-1
[[nodiscard]] Sha256Digest hmac_sha256(ByteView key, std::string_view text);

/// What a request to Azure Cosmos is authorised with.
struct CosmosSubject {
  std::string_view method{};  ///< "POST"
  std::string_view type{};    ///< of the resource: "docs"
  std::string_view link{};    ///< its path without a slash in front, not percent-encoded
};
/// The value of the authorization field, by the account's key.
/// @param date  as the field `x-ms-date` says it
[[nodiscard]] std::string cosmos_key_authorization(
    ByteView key, const CosmosSubject& subject, std::string_view date
);
/// The same, with a token of Entra ID.
[[nodiscard]] std::string cosmos_token_authorization(std::string_view token);

struct AwsKeys {
  std::string access_key{};
  std::string secret_key{};
  std::string session_token{};  ///< empty: none
};
struct AwsTarget {
  std::string_view region{};
  std::string_view service{};  ///< "dynamodb"
};
/// Adds the fields `x-amz-date`, `x-amz-security-token` and `authorization`. All fields that the
/// request has by now are signed. The path is one without characters to be encoded, and has no
/// query.
/// @param seconds  since 1970
/// @spec AWS Signature Version 4
void sign_for_aws(
    ServiceRequest& request, const AwsKeys& keys, const AwsTarget& target, std::int64_t seconds
);

}  // namespace whorl::host::remote
