/// ComponentOutput: one output stream of one component, shared by all its instances.
///
/// The log file behind it is opened when the component first runs. @thread any
#pragma once

#include "log/guest_output.hpp"
#include "wasi/output_sink.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace whorl::telemetry {
class GuestLog;
}

namespace whorl::runtime {

class ComponentOutput final : public wasi::OutputSink {
 public:
  /// @param output  outlives this object, as does `exported`
  /// @param exported  gets a copy of everything; null: nobody does
  ComponentOutput(
      log::GuestOutput& output,
      std::string component,
      log::GuestStream stream,
      telemetry::GuestLog* exported = nullptr
  )
      : output_(output), component_(std::move(component)), stream_(stream), exported_(exported) {}

  /// Opens what is behind it, the first time. A failure is logged; the bytes are lost then.
  void open() noexcept;
  [[nodiscard]] std::size_t room() const noexcept override { return kPieceBytes; }
  void write(ByteView bytes) override;

 private:
  /// Taken from a guest at once.
  static constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;

  log::GuestOutput& output_;
  std::string component_;
  log::GuestStream stream_;
  telemetry::GuestLog* exported_;
  std::once_flag opened_;
  std::shared_ptr<log::GuestSink> sink_;
};

}  // namespace whorl::runtime
