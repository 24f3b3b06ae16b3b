/// CosmosService: requests about the documents of one container of Azure Cosmos, authorised and
/// repeated while the service is busy. Private to the backend.
/// @thread shard; one object serves all shards
#pragma once

#include "host/key_value/backends/cosmos_store.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::key_value {

class CosmosService {
 public:
  struct Question {
    std::string_view method{};  ///< lives as long as the program
    /// Of the document; nothing for those that are about the container.
    std::optional<std::string> id{};
    http::Fields fields{};
    std::string body{};
    /// One whose effect must not happen twice, so that it is not repeated when no answer came.
    remote::Repeat repeat = remote::Repeat::Safe;
  };

  /// @param key       decoded; not used when there is an identity
  /// @param identity  null: the key speaks for us
  CosmosService(
      CosmosSettings settings,
      Bytes key,
      std::unique_ptr<remote::AzureIdentity> identity,
      remote::ServiceClient& client
  );

  /// @return an answer: one of success, 404 (not there), 409 (there already) or 412 (changed
  ///         meanwhile); errors for any other
  [[nodiscard]] Result<remote::ServiceAnswer> ask(Caller caller, const Question& question);

 private:
  [[nodiscard]] Result<remote::ServiceRequest> make(Caller caller, const Question& question);

  CosmosSettings settings_;
  Bytes key_;
  remote::ServiceClient& client_;
  std::unique_ptr<remote::AzureIdentity> identity_;
};

/// ["…"] of ASCII characters only, for a header.
[[nodiscard]] std::string partition_key_field(std::string_view id);

}  // namespace whorl::host::key_value
