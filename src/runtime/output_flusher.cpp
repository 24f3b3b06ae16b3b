#include "runtime/output_flusher.hpp"

#include "async/shard_local.hpp"

#include <utility>

namespace whorl::runtime {

OutputFlusher& OutputFlusher::of(async::Shard& shard) {
  static async::PerShard<OutputFlusher> flushers;
  return flushers.get(shard, [&] { return std::make_shared<OutputFlusher>(shard); });
}

OutputFlusher::OutputFlusher(async::Shard& shard) : shard_(shard), pause_(shard), again_(*this) {}

OutputFlusher::~OutputFlusher() {
  for (const auto& sink : sinks_) {
    sink->finish();
  }
}

void OutputFlusher::flush_soon(std::shared_ptr<log::GuestSink> sink) {
  sinks_.push_back(std::move(sink));
  // While stderr takes no more, all wait for the same pause.
  if (!again_.is_linked()) {
    schedule();
  }
}

void OutputFlusher::schedule() {
  if (std::exchange(scheduled_, true)) {
    return;
  }
  // Behind everything that is ready now: what those events put out is written together.
  shard_.post([this] {
    scheduled_ = false;
    flush();
  });
}

void OutputFlusher::flush() {
  std::erase_if(sinks_, [](const std::shared_ptr<log::GuestSink>& sink) {
    return sink->flush() == log::GuestSink::Flushed::All;
  });
  if (!sinks_.empty()) {
    pause_.event().add(again_);
    pause_.start(async::Deadline::after(kPause));
  }
}

}  // namespace whorl::runtime
