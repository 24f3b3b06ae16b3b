/// BackgroundPreparer: prepares services, and better code for them, while others are served
/// already.
///
/// What an event waits for comes first. Better code is made at low priority: what is served has the
/// machine. @thread main, but for what its threads do themselves
#pragma once

#include "async/blocking_pool.hpp"
#include "base/result.hpp"
#include "runtime/service_slot.hpp"

#include <functional>
#include <memory>

namespace whorl::runtime {

class BackgroundPreparer {
 public:
  /// Makes a service with better code than the one in a slot. As Make for what it uses.
  using MakeBetter = std::move_only_function<Result<std::shared_ptr<const Service>>()>;
  struct Made {
    std::shared_ptr<const Service> service;
    MakeBetter better{};  ///< null: this is as good as it gets
  };
  /// Makes the service; on a thread of the preparer, again after a failure that may pass. Owns what
  /// it uses, or uses what outlives the preparer.
  using Make = std::move_only_function<Result<Made>()>;
  /// Is told that a slot holds a better service now, on a thread of the preparer: to have the
  /// shards forget the old one, and then ServiceSlot::release_replaced().
  using Replaced = std::move_only_function<
      void(const std::shared_ptr<ServiceSlot>& slot, const std::shared_ptr<const Service>& old)>;

  BackgroundPreparer();
  BackgroundPreparer(const BackgroundPreparer&) = delete;
  BackgroundPreparer& operator=(const BackgroundPreparer&) = delete;
  /// stop()s, and waits for a service that is being made.
  ~BackgroundPreparer();

  /// A slot that will be settled some time after start(); when the service can't be made, after an
  /// error in the log, and, where what was missing may be there soon, after 30 seconds of trying.
  [[nodiscard]] std::shared_ptr<ServiceSlot> prepare(Make make);
  /// Replaces the service of a slot that is ready by a better one, some time after start(); unless
  /// nobody has the slot any more by then. A failure is logged: the first service stays.
  void improve(std::shared_ptr<ServiceSlot> slot, MakeBetter make);

  /// Begins with the work: it would slow down what has to be done before the first event. Once.
  /// @return errors: Unavailable when there is no thread to be had
  [[nodiscard]] Result<> start(Replaced replaced = nullptr);

  /// Settles every slot that is pending as failed: nothing is to be served any more. No shard is
  /// told anything after this call, and `replaced` is not called.
  void stop();
  /// Something is being made still, which can't be cancelled: the destructor would wait.
  [[nodiscard]] bool is_busy() const;

  /// Services that were replaced and may be in use. Kept here so that a shard is not the one that
  /// takes a prepared component apart.
  [[nodiscard]] bool has_replaced() const;
  void release_replaced();

 private:
  struct Work;
  std::shared_ptr<Work> work_;
  async::BlockingPool threads_;
  async::BlockingPool improvers_;
};

}  // namespace whorl::runtime
