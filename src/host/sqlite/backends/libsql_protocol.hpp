/// What goes to a libSQL server and comes back, as JSON. Private to the backend. @thread any
#pragma once

#include "base/result.hpp"
#include "host/sqlite/database.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace boost::json {
class value;
}

namespace whorl::host::sqlite {

/// {"type":"execute","stmt":{…}}
[[nodiscard]] std::string execute_request(
    std::string_view sql, const std::vector<Value>& parameters
);
/// {"baton":…,"requests":[…]} @param requests  JSON objects with commas between
[[nodiscard]] std::string pipeline_body(std::string_view baton, std::string_view requests);

/// What a pipeline of an execute request, and perhaps more behind it, came to.
struct PipelineAnswer {
  std::string baton{};     ///< empty: the stream is closed
  std::string base_url{};  ///< where the stream is from now on; empty: where it was
  QueryResult result{};
  std::uint64_t changed_rows = 0;
  std::optional<std::int64_t> last_insert_rowid{};
  bool is_autocommit = true;  ///< as get_autocommit said; true where it was not asked
  std::string failure{};      ///< of the statement, in the server's words; empty: it was good
};
/// @return errors: Corrupt (another form), ResourceLimit (more than kMaxAnswerBytes)
[[nodiscard]] Result<PipelineAnswer> read_pipeline(std::string_view json);

}  // namespace whorl::host::sqlite
