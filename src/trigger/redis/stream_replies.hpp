/// What Redis answers about streams, taken out of its replies. A server's answers are not trusted:
/// whatever has another shape is an error. @thread any (values)
/// @spec Redis commands XREADGROUP, XCLAIM, XRANGE, XPENDING
#pragma once

#include "base/result.hpp"
#include "host/redis/redis_connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::trigger {

struct StreamEntry {
  std::string id;
  std::vector<std::pair<std::string, std::string>> fields;
};

/// An entry that a consumer has been given and has not acknowledged.
struct PendingEntry {
  std::string id;
  std::string consumer;
  std::uint64_t deliveries = 0;
};

/// A list of entries: of XRANGE and XCLAIM. Entries that were deleted meanwhile are left out.
/// @return errors: Corrupt; what the server refused
[[nodiscard]] Result<std::vector<StreamEntry>> read_entries(host::redis::Reply reply);
/// The entries of one stream: of XREADGROUP; none when its time was over. Errors as above.
[[nodiscard]] Result<std::vector<StreamEntry>> read_group_entries(host::redis::Reply reply);
/// The long form of XPENDING. Errors as above.
[[nodiscard]] Result<std::vector<PendingEntry>> read_pending(host::redis::Reply reply);

/// The message in an entry. @param field  empty: "payload", or the only field
/// @return null when it has none
[[nodiscard]] const std::string* message_of(const StreamEntry& entry, std::string_view field);

}  // namespace whorl::trigger
