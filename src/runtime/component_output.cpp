#include "runtime/component_output.hpp"

#include "async/shard.hpp"
#include "log/log.hpp"
#include "runtime/output_flusher.hpp"
#include "telemetry/guest_log.hpp"

namespace whorl::runtime {

void ComponentOutput::open() noexcept {
  std::call_once(opened_, [this] {
    auto sink = output_.sink(component_, stream_);
    if (sink) {
      sink_ = *std::move(sink);
    } else {
      log::error(
          "whorl::runtime",
          "output of component `{}` is lost: {}",
          component_,
          sink.error().to_line()
      );
    }
  });
}

void ComponentOutput::write(ByteView bytes) {
  open();
  if (exported_ != nullptr) [[unlikely]] {
    exported_->write(
        component_,
        stream_ == log::GuestStream::Stdout ? telemetry::OutputStream::Stdout
                                            : telemetry::OutputStream::Stderr,
        bytes
    );
  }
  if (sink_ == nullptr) {
    return;
  }
  async::Shard* shard = async::Shard::current();
  if (shard == nullptr) {
    sink_->write(bytes);
    return;
  }
  switch (sink_->put(bytes)) {
    case log::GuestSink::Need::Nothing:
      return;
    case log::GuestSink::Need::Soon:
      OutputFlusher::of(*shard).flush_soon(sink_);
      return;
    case log::GuestSink::Need::Now:
      if (sink_->flush() == log::GuestSink::Flushed::Waiting) {
        OutputFlusher::of(*shard).flush_soon(sink_);
      }
      return;
  }
}

}  // namespace whorl::runtime
