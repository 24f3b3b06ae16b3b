/// The embedded backend: stores in one SQLite file, in the layout that Spin reads and writes too.
///
/// Writes of all shards go through one lane: a batch of them is one transaction, so that a commit,
/// which waits for the disk, is shared (group commit), and nobody is told "done" before it. Point
/// reads have a lane of their own beside it, listings a third, so that a long one delays neither;
/// the file is in write-ahead mode, where readers and the writer don't wait for one another.
#pragma once

#include "async/work_lane.hpp"
#include "host/key_value/store.hpp"

#include <memory>
#include <string>

namespace whorl::host::key_value {

/// One file with any number of stores. @thread any
class SqliteFile : public std::enable_shared_from_this<SqliteFile> {
 public:
  /// The file is opened, with its folder, when it is first used.
  /// @param path  "" for memory: then everything is gone with this object
  /// @param pool  outlives this object
  [[nodiscard]] static std::shared_ptr<SqliteFile> make(
      std::string path, async::BlockingPool& pool
  );
  virtual ~SqliteFile() = default;

  /// The store of that label. It keeps the file open.
  [[nodiscard]] virtual std::shared_ptr<Store> store(std::string label) = 0;
};

}  // namespace whorl::host::key_value
