/// What is counted and noted of an event, where somebody wants to know. @thread shard
#pragma once

#include "engine/types.hpp"
#include "http/exchange.hpp"
#include "runtime/guest.hpp"

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace whorl::runtime {

/// The time at which work on an event begins, which is now. @see telemetry::Recorder::now_for()
[[nodiscard]] std::chrono::steady_clock::time_point now_for(const http::Exchange& exchange);
/// Before the guest's begin(). @param now  when the event began
void account_begin(
    const Guest& guest, http::Exchange& exchange, std::chrono::steady_clock::time_point now
);
/// When it has ended, before it is put back or dropped.
void account_end(
    Guest& guest, http::Exchange& exchange, const std::expected<void, engine::Trap>& outcome
);
/// The same for one of several events of an instance.
/// @param cpu      of the guest, for this event
/// @param failure  why it failed, a short name; empty if it did not
void account_end(
    Guest& guest, http::Exchange& exchange, std::chrono::nanoseconds cpu, std::string_view failure
);
/// While it lives, what happens on this shard happens for that request.
class Running {
 public:
  explicit Running(telemetry::RequestRecord* record) noexcept;
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

 private:
  telemetry::RequestRecord* record_;
};
/// An event begins to wait for others of its component, or goes on.
void note_waiting(const KeptInstances& kept, std::int64_t more);
/// No instance could be had for an event.
void note_refused(const KeptInstances& kept);
/// An event begins behind others, since its component had had more than its share.
void note_deferred(const KeptInstances& kept);
/// "GET /path [request 0af7…]" for lines of the log, the last where requests have ids. Without the
/// query, in which clients have secrets.
[[nodiscard]] std::string request_words(const http::Exchange& exchange);

}  // namespace whorl::runtime
