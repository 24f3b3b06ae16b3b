/// DynamoService: requests to AWS DynamoDB, signed and repeated while it is busy. Private to the
/// backend. @thread shard; one object serves all shards
#pragma once

#include "host/key_value/backends/dynamo_store.hpp"

#include <string>
#include <string_view>

namespace whorl::host::key_value {

class DynamoService {
 public:
  /// What an answer says of an error.
  struct Complaint {
    std::string type{};  ///< "ThrottlingException"; empty: it does not say
    std::string message{};
  };

  DynamoService(
      DynamoSettings settings,
      remote::ServiceUrl url,
      remote::ServiceClient& client,
      remote::Environment environment
  );
  DynamoService(const DynamoService&) = delete;
  DynamoService& operator=(const DynamoService&) = delete;

  [[nodiscard]] const DynamoSettings& settings() const noexcept { return settings_; }

  /// @param operation  "GetItem"
  /// @param repeat     Never for one whose effect must not happen twice
  /// @return           an answer: one of success, or that a condition did not hold; errors for any
  ///                   other
  [[nodiscard]] Result<remote::ServiceAnswer> ask(
      Caller caller,
      std::string_view operation,
      std::string body,
      remote::Repeat repeat = remote::Repeat::Safe
  );

 private:
  [[nodiscard]] static Error refused(
      const remote::ServiceAnswer& answer, const Complaint& complaint, const remote::AwsKeys& keys
  );
  [[nodiscard]] static Error unreachable(Error error);

  DynamoSettings settings_;
  remote::ServiceUrl url_;
  remote::ServiceClient& client_;
  remote::AwsCredentials credentials_;
};

}  // namespace whorl::host::key_value
