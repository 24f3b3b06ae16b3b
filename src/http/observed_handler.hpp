/// ObservedHandler: gives every request a record before it is answered.
///
/// Stands between a server and its handler where something is to be noted about requests; without
/// it nothing is, and nothing is paid. @thread shard
#pragma once

#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "telemetry/recorder.hpp"

namespace whorl::http {

class ObservedHandler final : public Handler {
 public:
  /// @param recorder, next  outlive this object and its exchanges
  ObservedHandler(telemetry::Recorder& recorder, Handler& next) noexcept
      : recorder_(recorder), next_(next) {}

  void handle(LocalPtr<Exchange> exchange) override;

 private:
  telemetry::Recorder& recorder_;
  Handler& next_;
};

}  // namespace whorl::http
