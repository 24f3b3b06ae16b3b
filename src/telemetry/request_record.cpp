#include "telemetry/request_record.hpp"

#include "telemetry/recorder.hpp"

#include <utility>

namespace whorl::telemetry {

RequestRecord::~RequestRecord() {
  recorder_.finish(*this);
}

void RequestRecord::operator delete(  // lint: allow(delete) for unique_ptr
    RequestRecord* record,
    std::destroying_delete_t
) noexcept {
  Recorder& recorder = record->recorder_;
  record->~RequestRecord();
  recorder.take_back(record);
}

void RequestRecord::end_component(
    std::chrono::nanoseconds cpu, std::uint64_t memory_bytes, std::string_view failure
) {
  if (work_.is_sampled || (left_out_ && !failure.empty())) {
    work_ended_ = Clock::now();
  }
  cpu_ = cpu;
  memory_bytes_ = memory_bytes;
  if (!failure.empty()) [[unlikely]] {
    rare().failure = failure;
  }
}

void RequestRecord::add_event(SpanEvent event) {
  Rare& kept = rare();
  if (kept.events.size() < kMaxEvents) {
    kept.events.push_back(std::move(event));
  } else {
    ++kept.dropped_events;
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
