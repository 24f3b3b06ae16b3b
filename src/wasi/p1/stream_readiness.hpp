/// Waiting for standard input and output. @thread shard
#pragma once

#include "wasi/input_source.hpp"
#include "wasi/output_sink.hpp"
#include "wasi/readiness.hpp"

namespace whorl::wasi::p1 {

/// Ready when there are bytes to read, or none will come.
class InputReadiness final : public Readiness {
 public:
  explicit InputReadiness(InputSource& source) noexcept : source_(source) {}
  [[nodiscard]] bool is_ready() override {
    return !source_.available().empty() || source_.is_ended();
  }
  [[nodiscard]] async::Event* event() noexcept override { return source_.event(); }

 private:
  InputSource& source_;
};

/// Ready when there is room to write.
class OutputReadiness final : public Readiness {
 public:
  explicit OutputReadiness(OutputSink& sink) noexcept : sink_(sink) {}
  [[nodiscard]] bool is_ready() override { return sink_.room() > 0; }
  [[nodiscard]] async::Event* event() noexcept override { return sink_.room_event(); }

 private:
  OutputSink& sink_;
};

}  // namespace whorl::wasi::p1
