/// A key-value store that is a table of AWS DynamoDB, with the items of Spin's: `PK` is the key,
/// `VAL` the bytes, `VER` counts conditional writes.
#pragma once

#include "host/key_value/store.hpp"
#include "host/remote/aws_credentials.hpp"
#include "host/remote/service_client.hpp"

#include <memory>
#include <optional>
#include <string>

namespace whorl::host::key_value {

struct DynamoSettings {
  std::string region{};
  std::string table{};
  bool is_consistent = false;             ///< whether reads see what was written just before
  std::optional<remote::AwsKeys> keys{};  ///< absent: those of the surroundings
};

/// @param client  outlives the store
/// @return errors: InvalidInput (a region that is none, or the address in the environment)
[[nodiscard]] Result<std::shared_ptr<Store>> make_dynamo_store(
    DynamoSettings settings, remote::ServiceClient& client, remote::Environment environment = {}
);

}  // namespace whorl::host::key_value
