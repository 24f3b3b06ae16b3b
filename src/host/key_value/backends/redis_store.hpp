/// A key-value store that is a Redis database: keys and values as they are, without a name in
/// front, so that everybody who uses the database sees the same.
#pragma once

#include "host/key_value/store.hpp"
#include "host/redis/redis_client.hpp"

#include <memory>
#include <string_view>

namespace whorl::host::key_value {

/// @param client  of the process
/// @return errors: InvalidInput when `url` is no Redis address; nothing of it is in the message
[[nodiscard]] Result<std::shared_ptr<Store>> make_redis_store(
    std::shared_ptr<redis::RedisClient> client, std::string_view url
);

}  // namespace whorl::host::key_value
