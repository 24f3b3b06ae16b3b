/// The embedded backend: databases in files beside the application, or in memory.
///
/// A guest's connection is at first only a thought. Statements that read run on connections shared
/// by all guests; statements that write go through one lane, where those that have gathered are one
/// transaction (group commit), so that guests neither wait for one another's locks nor each for a
/// disk of their own. Only a guest that begins a transaction, sets something or makes something
/// temporary gets a connection of its own, and keeps it until it is dropped: what was not committed
/// is rolled back then.
#pragma once

#include "async/blocking_pool.hpp"
#include "async/work_lane.hpp"
#include "host/sqlite/database.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>

namespace whorl::host::sqlite {

/// Threads and lanes that all local databases share. Outlives them. @thread any
class SqlLanes {
 public:
  SqlLanes();
  SqlLanes(const SqlLanes&) = delete;
  SqlLanes& operator=(const SqlLanes&) = delete;
  ~SqlLanes();

  /// Lanes for connections of their own; such a connection stays on its lane.
  static constexpr std::size_t kSessionLanes = 6;

  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct LocalOptions {
  std::string path;  ///< "" for memory: each connection has a database of its own
  bool may_attach_files = false;
};

/// The file is opened, with its folder, when it is first used. @param lanes  outlives the database
[[nodiscard]] std::shared_ptr<Database> make_local_database(LocalOptions options, SqlLanes& lanes);

/// Runs statements on a database file before anything is served, each committed by itself unless
/// they say otherwise. Blocks. @return errors: those of the first statement that fails
[[nodiscard]] Result<> run_script(const std::string& path, const std::string& sql);

}  // namespace whorl::host::sqlite
