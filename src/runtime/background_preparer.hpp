/// BackgroundPreparer: prepares services while others are served already.
///
/// What an event waits for comes first. @thread main, but for what its threads do themselves
#pragma once

#include "async/blocking_pool.hpp"
#include "base/result.hpp"
#include "runtime/service_slot.hpp"

#include <functional>
#include <memory>

namespace whorl::runtime {

class BackgroundPreparer {
 public:
  /// Makes the service; on a thread of the preparer, again after a failure that may pass. Owns what
  /// it uses, or uses what outlives the preparer.
  using Make = std::move_only_function<Result<std::shared_ptr<const Service>>()>;

  BackgroundPreparer();
  BackgroundPreparer(const BackgroundPreparer&) = delete;
  BackgroundPreparer& operator=(const BackgroundPreparer&) = delete;
  /// stop()s, and waits for a service that is being made.
  ~BackgroundPreparer();

  /// A slot that will be settled some time after start(); when the service can't be made, after an
  /// error in the log, and, where what was missing may be there soon, after 30 seconds of trying.
  [[nodiscard]] std::shared_ptr<ServiceSlot> prepare(Make make);

  /// Begins with the work: it would slow down what has to be done before the first event. Once.
  /// @return errors: Unavailable when there is no thread to be had
  [[nodiscard]] Result<> start();

  /// Settles every slot that is pending as failed: nothing is to be served any more. No shard is
  /// told anything after this call.
  void stop();

 private:
  struct Work;
  std::shared_ptr<Work> work_;
  async::BlockingPool threads_;
};

}  // namespace whorl::runtime
