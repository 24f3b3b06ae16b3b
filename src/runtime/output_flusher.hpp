/// OutputFlusher: writes what the guests of a shard put out, many events' together, when the shard
/// has done what was ready. So no event pays for a system call, and none waits for who reads
/// stderr.
/// @thread shard
#pragma once

#include "async/event.hpp"
#include "async/shard.hpp"
#include "async/timer.hpp"
#include "log/guest_output.hpp"

#include <memory>
#include <vector>

namespace whorl::runtime {

class OutputFlusher {
 public:
  /// The flusher of a shard. @param shard  the one that runs on this thread
  [[nodiscard]] static OutputFlusher& of(async::Shard& shard);

  explicit OutputFlusher(async::Shard& shard);
  OutputFlusher(const OutputFlusher&) = delete;
  OutputFlusher& operator=(const OutputFlusher&) = delete;
  /// Writes what is left, as GuestSink::finish() does.
  ~OutputFlusher();

  /// Flushes the sink soon. Again and again, with pauses, while stderr takes no more.
  void flush_soon(std::shared_ptr<log::GuestSink> sink);

 private:
  /// How long stderr is left alone that takes no more.
  static constexpr std::chrono::milliseconds kPause{5};

  class Again final : public async::Waiter {
   public:
    explicit Again(OutputFlusher& flusher) noexcept : flusher_(flusher) {}
    void on_event() noexcept override { flusher_.schedule(); }

   private:
    OutputFlusher& flusher_;
  };
  void schedule();
  void flush();

  async::Shard& shard_;
  std::vector<std::shared_ptr<log::GuestSink>> sinks_;
  bool scheduled_ = false;
  async::Timer pause_;
  Again again_;
};

}  // namespace whorl::runtime
