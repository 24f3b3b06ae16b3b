#include "runtime/accounting.hpp"

#include "telemetry/metrics.hpp"
#include "telemetry/recorder.hpp"
#include "telemetry/request_record.hpp"

#include <fmt/format.h>

namespace whorl::runtime {

using Instance = telemetry::RequestRecord::Instance;

std::chrono::steady_clock::time_point now_for(const http::Exchange& exchange) {
  const telemetry::RequestRecord* record = exchange.record();
  return record != nullptr ? record->recorder().now_for(*record) : std::chrono::steady_clock::now();
}

void account_begin(
    const Guest& guest, http::Exchange& exchange, std::chrono::steady_clock::time_point now
) {
  telemetry::ComponentStats* stats = guest.kept()->stats;
  if (stats == nullptr) {
    return;
  }
  stats->events.add();
  stats->active.add(1);
  if (telemetry::RequestRecord* record = exchange.record()) {
    if (record->is_message()) {
      stats->messages.add();
    }
    record->begin_component(*stats, guest.is_used() ? Instance::Kept : Instance::Started, now);
  }
}

void account_end(
    Guest& guest, http::Exchange& exchange, const std::expected<void, engine::Trap>& outcome
) {
  // A guest that could not even begin has no store.
  const auto cpu = guest.is_used() ? guest.store().cpu_used() : std::chrono::nanoseconds(0);
  const auto failure = outcome ? std::string_view() : engine::to_string(outcome.error().kind);
  account_end(guest, exchange, cpu, failure);
}

void account_end(
    Guest& guest, http::Exchange& exchange, std::chrono::nanoseconds cpu, std::string_view failure
) {
  telemetry::ComponentStats* stats = guest.kept()->stats;
  if (stats == nullptr) {
    return;
  }
  const std::uint64_t memory = guest.memory_bytes();
  stats->active.add(-1);
  stats->cpu.add(static_cast<std::uint64_t>(cpu.count()));
  stats->memory_end.add(memory);
  if (!failure.empty()) {
    stats->traps.add();
  }
  if (telemetry::RequestRecord* record = exchange.record()) {
    record->end_component(cpu, memory, failure);
  }
}

Running::Running(telemetry::RequestRecord* record) noexcept : record_(record) {
  if (record_ != nullptr) {
    record_->recorder().set_current(record_);
  }
}

Running::~Running() {
  if (record_ != nullptr) {
    record_->recorder().set_current(nullptr);
  }
}

void note_waiting(const KeptInstances& kept, std::int64_t more) {
  if (kept.stats != nullptr) {
    kept.stats->waiting.add(more);
  }
}

void note_refused(const KeptInstances& kept) {
  if (kept.stats != nullptr) {
    kept.stats->refused.add();
  }
}

void note_deferred(const KeptInstances& kept) {
  if (kept.stats != nullptr) {
    kept.stats->deferred.add();
  }
}

std::string request_words(const http::Exchange& exchange) {
  const http::Request& request = exchange.request_so_far();
  const std::string_view target = request.path_and_query;
  std::string words = fmt::format("{} {}", request.method, target.substr(0, target.find('?')));
  const telemetry::RequestRecord* record = exchange.record();
  if (record != nullptr && !record->request_id().empty()) {
    words.append(fmt::format(" [request {}]", record->request_id()));
  }
  return words;
}

}  // namespace whorl::runtime
