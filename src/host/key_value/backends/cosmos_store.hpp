/// A key-value store that is a container of Azure Cosmos, with the documents of Spin's: `id` is the
/// key, `value` the bytes as an array of numbers, or a number for counters; partitioned by `/id`.
///
/// Keys cannot be empty, `.` or `..`, or contain `/`, `\`, `?` or `#`: the service has no such ids.
#pragma once

#include "host/key_value/store.hpp"
#include "host/remote/azure_identity.hpp"
#include "host/remote/service_client.hpp"

#include <memory>
#include <optional>
#include <string>

namespace whorl::host::key_value {

struct CosmosSettings {
  remote::ServiceUrl account{};
  std::string database{};
  std::string container{};
  std::optional<std::string> key{};  ///< base64; absent: the identity of the surroundings
};

/// @param client  outlives the store
/// @return errors: InvalidInput when the key is no base64; nothing of it is in the message
[[nodiscard]] Result<std::shared_ptr<Store>> make_cosmos_store(
    CosmosSettings settings, remote::ServiceClient& client, remote::Environment environment = {}
);

/// Where an account is: its name, or its URL in other clouds than the public one.
/// @return errors: InvalidInput
[[nodiscard]] Result<remote::ServiceUrl> cosmos_account(std::string_view account);

}  // namespace whorl::host::key_value
