#include "telemetry/request_record.hpp"

#include "telemetry/recorder.hpp"

#include <utility>

namespace whorl::telemetry {

RequestRecord::~RequestRecord() {
  recorder_.finish(*this);
}

void RequestRecord::end_component(
    std::chrono::nanoseconds cpu, std::uint64_t memory_bytes, std::string_view failure
) {
  if (work_.is_sampled || (left_out_ && !failure.empty())) {
    work_ended_ = Clock::now();
  }
  cpu_ = cpu;
  memory_bytes_ = memory_bytes;
  failure_ = failure;
}

void RequestRecord::add_event(SpanEvent event) {
  if (events_.size() < kMaxEvents) {
    events_.push_back(std::move(event));
  } else {
    ++dropped_events_;
  }
}

void RequestRecord::end_answer(std::uint16_t status, std::uint64_t body_bytes, Ending ending) {
  if (has_ended_) {
    return;
  }
  has_ended_ = true;
  ended_ = Clock::now();
  status_ = status;
  body_bytes_ = body_bytes;
  ending_ = ending;
}

}  // namespace whorl::telemetry
