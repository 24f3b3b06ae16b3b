#include "runtime/component_output.hpp"

#include "log/log.hpp"
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
  if (sink_) {
    sink_->write(bytes);
  }
}

}  // namespace whorl::runtime
