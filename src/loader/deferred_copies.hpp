/// DeferredCopies: the copies of mounted files that are made when a component is prepared, and not
/// before: a start does not wait for files that its first request does not need.
///
/// That they can be read was checked. @thread any
#pragma once

#include "base/result.hpp"
#include "loader/assets.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace whorl::loader {

class DeferredCopies {
 public:
  /// @param guard  keeps the folder that the copies go to, as long as this object lives
  explicit DeferredCopies(std::shared_ptr<const void> guard) : guard_(std::move(guard)) {}

  /// Before the first make(). @param plan  of files and folders: `bytes` would be somebody else's
  void add(const std::string& folder, CopyPlan plan);

  /// Makes the copies that belong into a folder, if there are some and they have not been made.
  /// Blocks.
  /// @param folder  the host's path of a mount
  /// @return errors: as carry_out(); then the next call tries again
  [[nodiscard]] Result<void> make(const std::string& folder);
  /// Makes all of them: for somebody else who runs the application.
  [[nodiscard]] Result<void> make_all();

 private:
  struct Copies {
    std::mutex mutex;
    CopyPlan plan;
    bool are_made = false;  ///< under mutex
  };

  std::shared_ptr<const void> guard_;
  std::map<std::string, Copies> of_;  ///< by folder
};

}  // namespace whorl::loader
